/** The server is killed and started again on the same data, while tasks are sent and run. @module */
import type { Fault } from "../fault.ts";

const lease = 2000;

export const restarted: Fault = {
  name: "restarted",
  tasks: { share: 2 },
  stopsServer: true,
  unfit: ({ store }) => (store.restart ? undefined : "there is no server that could be stopped"),
  async run(round) {
    const { isShort, store } = round.scene;
    const config = await store.fresh();
    const sender = round.sender(config);
    const crew = round.crew(config, lease);
    await crew.startAll(3);
    const sent = round.sendOver(sender, round.tasks, isShort ? 2000 : 15_000, {
      first: () => round.random.below(200),
    });
    for (let index = 0; index < (isShort ? 1 : 5); index++) {
      await round.pause(200, 1500);
      await store.restart!(round.random.below(isShort ? 500 : 3000));
      round.happened("broker stopped");
    }
    await sent;
    await round.drained(sender.engine);
  },
};
