/**
 * Connections to the server are cut, in the middle of a claim, of an acknowledgement, of a send, or anywhere; they stall,
 * and new ones are refused for a while.
 *
 * @module
 */
import type { Fault } from "../fault.ts";
import { harm } from "../harm.ts";
import { CuttingProxy } from "../proxy.ts";
import { following } from "../until.ts";

const lease = 1000;

export const cut: Fault = {
  name: "cut",
  tasks: { share: 2 },
  unfit: ({ store }) => (store.port === undefined ? "there is no connection that could be cut" : undefined),
  async run(round) {
    const { isShort, store } = round.scene;
    const proxy = await CuttingProxy.start(store.port!);
    round.atEnd(() => proxy.close());
    const config = store.through!(proxy.port, await store.fresh());
    const sender = round.sender(config);
    const crew = round.crew(config, lease);
    await crew.startAll(2);
    const time = isShort ? 2000 : 20_000;
    const sent = round.sendOver(sender, round.tasks, time, { first: () => round.random.below(20) });
    const sending = following(sent);
    const least = isShort ? 12 : 100;
    while (!sending.isOver || proxy.cuts < least) {
      await round.pause(20, isShort ? 200 : 400);
      harm(round, proxy);
    }
    await sent;
    await round.drained(sender.engine);
    round.happened("connection cut", proxy.cuts);
  },
};
