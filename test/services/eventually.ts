/** Waits for what another process makes so. */
import { vi } from "vitest";

/** Tries until the check does not throw, for at most so many milliseconds: a machine with much to do takes its time. */
export function eventually<Result>(check: () => Result | Promise<Result>, timeout = 15_000): Promise<Result> {
  return vi.waitFor(check, { timeout, interval: 20 });
}
