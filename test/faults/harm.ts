/** Doing something to connections. @module */
import type { Request } from "./engines.ts";
import type { CuttingProxy, Moment } from "./proxy.ts";
import type { Round } from "./round.ts";

const asked: readonly Request[] = ["send", "claim", "settle"];
const moments: readonly Moment[] = ["request", "reply"];

/** One of the things that happen to connections, at random. */
export function harm(round: Round, proxy: CuttingProxy): void {
  const { random, scene } = round;
  const which = random.below(Math.max(1, proxy.size));
  const requests = scene.traits.requests;
  switch (random.below(6)) {
    case 0:
      proxy.cut((index) => index === which);
      break;
    case 1:
      proxy.cutAfter(1 + random.below(2000), (index) => index === which);
      break;
    case 2:
      proxy.stall(50 + random.below(2000));
      round.happened("stalled");
      break;
    case 3:
      proxy.refuse(50 + random.below(1000));
      proxy.cut(() => true);
      break;
    default:
      if (requests) proxy.cutOn(requests[random.pick(asked)], random.pick(moments));
  }
}
