/**
 * Waiting for another process to let go of the file, without blocking the event loop for as long as SQLite's own
 * busy handler would.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isBusy } from "./errors.ts";

/** So often it naps first, for less time than a timer could: as a rule, the other process is done by then. */
const naps = 5;

/** The longest nap, in milliseconds. The event loop waits for it, as it would for a commit. */
const longestNap = 0.3;

/** Nobody wakes whoever sleeps on it. */
const bed = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * Runs `action` until SQLite is not busy, or for `patience` milliseconds: then its error is thrown.
 * After a few naps it sleeps 0 to 2 ms between two tries, a little longer each time (at most 20 ms). All are random, so
 * that processes that collided do not collide again.
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
    if (attempt < naps) Atomics.wait(bed, 0, 0, Math.random() * longestNap);
    else await sleep(Math.random() * Math.min(2 + attempt / 10, 20));
  }
}
