/**
 * Options that are spans of time.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";

/** What a span may be, in milliseconds. */
export interface SpanBounds {
  readonly least: number;
  /** Whether a timer is set to it: Node's fire at once when they are told to wait for 2 ** 31 ms, or more. */
  readonly isTimer: boolean;
}

/**
 * Refuses spans that cannot be; those that are left out are fine.
 *
 * @param maker the function that got them, for the message: `sqlite()`
 * @throws PetioleError `ERR_OPTION_INVALID`
 */
export function refuseSpans<Name extends string>(
  maker: string,
  options: { readonly [name in NoInfer<Name>]?: unknown },
  bounds: { readonly [name in Name]: SpanBounds },
): void {
  for (const name of Object.keys(bounds) as Name[]) {
    const value = options[name];
    const { least, isTimer } = bounds[name];
    if (value === undefined) continue;
    if (typeof value === "number" && value >= least && (!isTimer || value < 2 ** 31)) continue;
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `${maker}: ${name} is a number of milliseconds, ${least} or more${isTimer ? " and less than 2 ** 31" : ""}; it got ${describe(value)}.`,
    );
  }
}
