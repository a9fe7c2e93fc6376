/**
 * The ids of tasks that were called off, as Celery's workers remember them: for three hours, and so many at most.
 *
 * @module
 */
import type { Reason } from "../../engine.ts";
import type { CeleryMessage } from "./protocol/message.ts";

/** As many ids as Celery's workers remember. */
const most = 50_000;

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

  /** Whether that is news: of one that runs, also that it is to stop. */
  add(id: string, revocation: Revocation): boolean {
    const known = this.#byId.get(id);
    if (known !== undefined && (known.terminate || !revocation.terminate)) return false;
    this.#byId.delete(id);
    this.#byId.set(id, { ...revocation, reason: known?.reason ?? revocation.reason });
    this.#forgetOld(revocation.at);
    return true;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Whether the task of a message was called off, after it was sent for the last time by a person. */
  of({ headers }: CeleryMessage, id: string): Revocation | undefined {
    const revocation = this.#byId.get(id);
    if (revocation === undefined) return undefined;
    const again = headers[againHeader];
    return typeof again === "number" && again >= revocation.at ? undefined : revocation;
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  #forgetOld(now: number): void {
    for (const [id, { at }] of this.#byId) {
      if (this.#byId.size <= most && at + lasts > now) return;
      this.#byId.delete(id);
    }
  }
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
