/** Spans of time, as people write them. @module */
import { PetioleError, describe } from "../errors.ts";

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A span of time: milliseconds, or a number with its unit, `"5m"`, `"1.5h"`, `"250ms"`. */
export type Duration = number | `${number}${keyof typeof units}`;

/**
 * A duration in milliseconds.
 *
 * @param setting - what it is for, for the error's text
 * @throws PetioleError `ERR_OPTION_INVALID` when it is none, or negative
 */
export function milliseconds(duration: Duration, setting: string): number {
  if (typeof duration === "number" && duration >= 0) return duration;
  const match = typeof duration === "string" ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration) : null;
  if (match) return Number(match[1]) * units[match[2] as keyof typeof units];
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `${setting} must be a duration, milliseconds or "250ms", "5s", "5m", "1.5h", "2d", received ${describe(duration)}.`,
  );
}
