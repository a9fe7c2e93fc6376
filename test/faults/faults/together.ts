/** All at once: workers die and freeze, the server too, and connections are cut, while tasks are sent and run. */
import type { Json } from "../../../src/message.ts";
import type { Fault } from "../fault.ts";
import { freeze } from "../freeze.ts";
import { harm } from "../harm.ts";
import { CuttingProxy } from "../proxy.ts";
import type { Round } from "../round.ts";
import { Team } from "../team.ts";
import { following } from "../until.ts";

const lease = 1000;

export const together: Fault = {
  name: "together",
  tasks: { share: 3 },
  stopsServer: true,
  unfit: () => undefined,
  async run(round) {
    const { isShort, store } = round.scene;
    const { config, proxy } = await reached(round);
    const sender = round.sender(config);
    const crew = round.crew(config, lease);
    const team = new Team(round, crew, 3, { diesItself: true });
    const sent = round.sendOver(sender, round.tasks, isShort ? 2000 : 20_000, {
      first: () => round.random.below(150),
    });
    const sending = following(sent);
    const frozen: Promise<void>[] = [];
    for (let done = 0; !sending.isOver || done < (isShort ? 6 : 60); done++) {
      await round.pause(20, isShort ? 200 : 500);
      const chance = round.random.below(10);
      const worker = round.random.pick(crew.living);
      if (chance < 3) await team.killOne();
      else if (chance < 5 && worker)
        frozen.push(freeze(round, worker, () => round.pause(lease / 2, lease * 2)));
      else if (chance < 6 && store.restart) {
        await store.restart(round.random.below(1000));
        round.happened("broker stopped");
      } else if (proxy) harm(round, proxy);
    }
    await sent;
    await Promise.all(frozen);
    await team.last();
    await round.drained(sender.engine);
    if (proxy) round.happened("connection cut", proxy.cuts);
  },
};

/** An empty engine, through a proxy where there is a server. */
async function reached(round: Round): Promise<{ readonly config: Json; readonly proxy?: CuttingProxy }> {
  const { store } = round.scene;
  const config = await store.fresh();
  if (store.port === undefined || !store.through) return { config };
  const proxy = await CuttingProxy.start(store.port);
  round.atEnd(() => proxy.close());
  return { config: store.through(proxy.port, config), proxy };
}
