/**
 * Waiting for another process to let go of the file, without blocking the event loop as SQLite's own
 * busy handler would.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isBusy } from "./errors.ts";

/**
 * Runs `action` until SQLite is not busy, or for `patience` milliseconds: then its error is thrown.
 * Between two tries it sleeps 0 to 2 ms, a little longer each time (at most 20 ms): random, so that
 * processes that collided do not collide again.
 */
export async function untilFree<T>(action: () => T | Promise<T>, patience: number): Promise<T> {
  const deadline = performance.now() + patience;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const result = action();
      return result instanceof Promise ? await result : result;
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error;
    }
    await sleep(Math.random() * Math.min(2 + attempt / 10, 20));
  }
}
