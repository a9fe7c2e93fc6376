/** Time, as the engine tells it. @module */
import type { Engine } from "../engine.ts";

/** Now, in epoch milliseconds: by the engine's own clock where it has one, as in tests. */
export function nowOf(engine: Pick<Engine, "now">): number {
  return engine.now?.() ?? Date.now();
}
