/** Workers are killed with SIGKILL: by the driver at random moments, and by themselves at chosen points. @module */
import type { Fault } from "../fault.ts";
import { Team } from "../team.ts";
import { following } from "../until.ts";

const lease = 1000;

export const killed: Fault = {
  name: "killed",
  tasks: { share: 4 },
  unfit: () => undefined,
  async run(round) {
    const { store, isShort } = round.scene;
    const config = await store.fresh();
    const sender = round.sender(config);
    const crew = round.crew(config, lease);
    const team = new Team(round, crew, isShort ? 3 : 4, { diesItself: true });
    const sent = round.sendOver(sender, round.tasks, isShort ? 1000 : 20_000, {
      // So long that there are always some that run.
      first: () => round.random.below(200),
    });
    const sending = following(sent);
    const least = isShort ? 5 : 40;
    while (!sending.isOver || round.countOf("killed") < least) {
      await round.pause(20, isShort ? 250 : 700);
      await team.killOne();
    }
    await sent;
    await team.last();
    await round.drained(sender.engine);
  },
};
