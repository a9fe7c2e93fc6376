/** Waiting for what must come. @module */
import { setTimeout as sleep } from "node:timers/promises";

/** Resolves once it holds; rejects when it does not for `patience` milliseconds. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  signal: AbortSignal,
  patience = 30_000,
): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await holds())) {
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`not within ${patience} ms: ${what}`);
    await sleep(5);
  }
}

/** Whether a promise is settled by now. */
export function following(promise: Promise<unknown>): { readonly isOver: boolean } {
  const state = { isOver: false };
  const end = (): void => void (state.isOver = true);
  promise.then(end, end);
  return state;
}
