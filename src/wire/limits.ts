/**
 * What a payload may cost, on by default, the same when it is written and when it is read.
 *
 * @module
 */
import { LimitError, checkNames, checkOption } from "../errors.ts";

/** Bounds on one payload. */
export interface Limits {
  /** The text's length in UTF-8 bytes. 16 MiB unless told. */
  readonly bytes: number;
  /** Levels of nesting. 20,000 unless told. */
  readonly depth: number;
  /** Values of any kind, containers and their items counted one by one. 2,000,000 unless told. */
  readonly nodes: number;
  /** Decimal digits of one bigint. 10,000 unless told. */
  readonly bigintDigits: number;
}

/** The limits that hold unless `limits` says otherwise. */
export const defaultLimits: Limits = {
  bytes: 16 * 1024 * 1024,
  depth: 20_000,
  nodes: 2_000_000,
  bigintDigits: 10_000,
};

/** @throws PetioleError `ERR_OPTION_INVALID` for one of these options that is no array */
export function checkLists(options: Readonly<Record<string, unknown>>): void {
  for (const [name, list] of Object.entries(options))
    checkOption(Array.isArray(list), name, "an array", list);
}

/**
 * The defaults with some of them replaced.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for a name that is no limit, or a value that is no positive number
 */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  checkNames("limits", changes, defaultLimits);
  for (const [name, value] of Object.entries(changes)) {
    const isRight = typeof value === "number" && value > 0;
    checkOption(isRight, `limits.${name}`, "a number above 0 (Infinity for none)", value);
  }
  return { ...defaultLimits, ...changes };
}

/** @throws LimitError when more was received than a limit allows */
export function checkLimit(what: string, limit: keyof Limits, allowed: number, received: number): void {
  if (received > allowed) throw new LimitError(what, limit, allowed, received);
}

/** Throws a {@link LimitError} when `text` has more UTF-8 bytes than allowed. */
export function checkBytes(text: string, limits: Limits, what: string): void {
  // A UTF-16 unit takes one to three bytes in UTF-8, so most texts need no counting.
  if (text.length * 3 <= limits.bytes) return;
  // And what has more of them than there may be bytes takes no memory to count.
  checkLimit(what, "bytes", limits.bytes, text.length);
  checkLimit(what, "bytes", limits.bytes, new TextEncoder().encode(text).length);
}

/**
 * Counts what a text asks for beyond its length, in all, as bytes: what resizable buffers may grow to, and what is slow to
 * make. A short text must not take much memory or time.
 *
 * @throws LimitError
 */
export function reserve(on: { reserved: number }, bytes: number, limits: Limits): void {
  on.reserved += bytes;
  checkLimit("A buffer or expression", "bytes", limits.bytes, on.reserved);
}
