/** Spans of time, as people write them. @module */
import { PetioleError, describe } from "../errors.ts";

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A span of time: milliseconds, or a number with its unit, `"5m"`, `"1.5h"`, `"250ms"`. */
export type Duration = number | `${number}${keyof typeof units}`;

/** A century: beyond it, times are no longer safe to add. */
const longest = 36_500 * units.d;

/** Timers of a longer time end at once. */
const longestTimer = 2 ** 31 - 1;

/**
 * Calls `run` after a time, which may be longer than a timer can be.
 *
 * @returns the function that stops it
 */
export function after(time: number, run: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (left: number): void => {
    timer = left > longestTimer ? setTimeout(wait, longestTimer, left - longestTimer) : setTimeout(run, left);
  };
  wait(time);
  return () => clearTimeout(timer);
}

/**
 * A duration in milliseconds.
 *
 * @param setting - what it is for, for the error's text
 * @throws PetioleError `ERR_OPTION_INVALID` when it is none, or negative
 */
export function milliseconds(duration: Duration, setting: string): number {
  const time = read(duration);
  if (time !== undefined && time <= longest) return time;
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `${setting} must be a duration, milliseconds or "250ms", "5s", "5m", "1.5h", "2d", of 36500d at most, received ${describe(duration)}.`,
  );
}

function read(duration: unknown): number | undefined {
  if (typeof duration === "number") return duration >= 0 ? duration : undefined;
  const match = typeof duration === "string" ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) : null;
  return match ? Number(match[1]) * units[match[2] as keyof typeof units] : undefined;
}
