/**
 * What was called off, by its id or by what it is stamped with, as Celery's workers remember it: for three hours, and so
 * many at most.
 *
 * @module
 */
import type { Reason } from "../../engine.ts";
import type { CeleryMessage } from "./protocol/message.ts";

/** A stamp of Celery's: the name of a header, and one of the values that a task may carry there. */
export type Stamp = readonly [name: string, value: string | number | boolean];

/** As many ids as Celery's workers remember. */
const most = 50_000;

/** Of the stamps of a message, and of the values of one, so many are looked at. */
const mostStamps = 1000;

/** Longer ids, and longer stamps, are nobody's: they are kept for strangers. In characters. */
const longest = 1000;

/** For how long they are remembered, in milliseconds. */
export const lasts = 3 * 3_600_000;

/** A header of our own: when a person had a task run again, in epoch milliseconds. What was called off before, is not. */
const againHeader = "petiole-again";

/** That a task was called off. */
export interface Revocation {
  readonly reason: Reason;
  /** Also where it runs already. */
  readonly terminate: boolean;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Remembers who was called off. */
export class Revoked {
  readonly #byId = new Map<string, Revocation>();
  readonly #byStamp = new Map<string, Revocation>();

  /** Whether that is news: of one that runs, also that it is to stop. */
  add(id: string, revocation: Revocation): boolean {
    if (!isId(id)) return false;
    return add(this.#byId, id, revocation);
  }

  /** The same of all tasks that carry a stamp. */
  addStamp(stamp: Stamp, revocation: Revocation): boolean {
    return add(this.#byStamp, JSON.stringify(stamp), revocation);
  }

  /** The ids that are remembered, the oldest first. */
  all(): Iterable<readonly [id: string, revocation: Revocation]> {
    return this.#byId;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Whether the task of a message was called off, after it was sent for the last time by a person. */
  of({ headers }: CeleryMessage, id: string): Revocation | undefined {
    const byId = this.#byId.get(id);
    const revocation = byId ?? (this.#byStamp.size === 0 ? undefined : this.#ofStamps(headers));
    if (revocation === undefined) return undefined;
    const again = headers[againHeader];
    return typeof again === "number" && again >= revocation.at ? undefined : revocation;
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  /** Of several, one that is to stop what runs. */
  #ofStamps(headers: CeleryMessage["headers"]): Revocation | undefined {
    let found: Revocation | undefined;
    for (const stamp of stampsOf(headers)) {
      const revocation = this.#byStamp.get(JSON.stringify(stamp));
      if (revocation?.terminate === true) return revocation;
      found ??= revocation;
    }
    return found;
  }
}

function add(known: Map<string, Revocation>, key: string, revocation: Revocation): boolean {
  const before = known.get(key);
  if (before !== undefined && (before.terminate || !revocation.terminate)) return false;
  known.delete(key);
  known.set(key, { ...revocation, reason: before?.reason ?? revocation.reason });
  for (const [each, { at }] of known) {
    if (known.size <= most && at + lasts > revocation.at) break;
    known.delete(each);
  }
  return true;
}

/** Whether it may be an id, from anyone. */
export function isId(value: unknown): value is string {
  return typeof value === "string" && value.length <= longest;
}

/** The stamps of a message, from anyone: only headers that are named as such, and values that can be told apart. */
export function stampsOf({ stamped_headers: names, stamps }: CeleryMessage["headers"]): readonly Stamp[] {
  if (!Array.isArray(names) || typeof stamps !== "object" || stamps === null) return [];
  return names.slice(0, mostStamps).flatMap((name: unknown) => {
    if (!isId(name) || !Object.hasOwn(stamps, name)) return [];
    return stampValues((stamps as Readonly<Record<string, unknown>>)[name]).map((value): Stamp => [
      name,
      value,
    ]);
  });
}

/** Whether it is one, from anyone. */
export function isStamp(value: unknown): value is Stamp {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    typeof value[0] === "string" &&
    value[0].length <= longest &&
    stampValues(value[1]).length === 1
  );
}

/** One value, or each of a list; texts that are too long are none. */
export function stampValues(told: unknown): readonly Stamp[1][] {
  const values: readonly unknown[] = Array.isArray(told) ? told.slice(0, mostStamps) : [told];
  return values.filter(
    (value): value is Stamp[1] =>
      (typeof value === "string" && value.length <= longest) ||
      typeof value === "boolean" ||
      (typeof value === "number" && Number.isFinite(value)),
  );
}

/** The message, sent again by a person: whatever called it off before is over. */
export function sentAgain(message: CeleryMessage, now: number): CeleryMessage {
  return { ...message, headers: { ...message.headers, [againHeader]: now } };
}

/** A message's headers without ours of that. */
export function withoutAgain<Headers extends object>(headers: Headers): Headers {
  if (!Object.hasOwn(headers, againHeader)) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== againHeader)) as Headers;
}
