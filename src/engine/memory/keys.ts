/**
 * De-duplication keys and who holds them.
 *
 * @module
 */
import { isEnd } from "./entry.ts";
import type { Entry } from "./entry.ts";

/** The tasks that hold a key, or may hold it again. */
export class Keys {
  readonly #entries = new Map<string, Entry[]>();

  /** Who holds the key that this task asks for; undefined when nobody does, or it asks for none. */
  holder(entry: Entry, now: number): Entry | undefined {
    const key = keyOf(entry);
    if (key === undefined) return undefined;
    const holding = (this.#entries.get(key) ?? []).filter((other) => holds(other, now));
    if (holding.length > 0) this.#entries.set(key, holding);
    else this.#entries.delete(key);
    // There are several only when one of them was retried: any would do, but the same one every time.
    return holding.toSorted((one, other) => until(one) - until(other) || one.sequence - other.sequence)[0];
  }

  /** The task holds its key, if it has one: it was sent, or retried. */
  add(entry: Entry): void {
    const key = keyOf(entry);
    if (key === undefined) return;
    const others = this.#entries.get(key) ?? [];
    if (!others.includes(entry)) this.#entries.set(key, [...others, entry]);
  }

  /** The task is gone. */
  remove(entry: Entry): void {
    const key = keyOf(entry);
    if (key === undefined) return;
    const others = (this.#entries.get(key) ?? []).filter((other) => other !== entry);
    if (others.length > 0) this.#entries.set(key, others);
    else this.#entries.delete(key);
  }
}

function keyOf({ unique, message }: Entry): string | undefined {
  return unique && JSON.stringify([message.task, unique.key]);
}

/** Those that hold it until their end come first. */
function until({ unique }: Entry): number {
  return unique?.until ?? 0;
}

function holds({ unique, state, needs }: Entry, now: number): boolean {
  if (unique?.until !== undefined) return unique.until > now;
  return !isEnd(state) || needs !== undefined;
}
