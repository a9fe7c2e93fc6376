/** Several sends that are made ready each on its own and sent together, or not at all. @module */
import type { Outgoing } from "../engine.ts";
import { EncodeError, type Refusal } from "../errors.ts";

/** This many of the values that cannot travel are told, of all payloads together. */
const mostRefusals = 100;

/** Waits until each of its parts is ready or has failed. */
export class Batch {
  readonly #parts: (Outgoing | undefined)[];
  readonly #errors: unknown[] = [];
  readonly #send: (batch: readonly Outgoing[]) => Promise<void>;
  readonly #what: string;
  readonly #sent = Promise.withResolvers<void>();
  #missing: number;

  /** `what` is what cannot be sent, for the error's text. */
  constructor(size: number, what: string, send: (batch: readonly Outgoing[]) => Promise<void>) {
    this.#parts = Array.from({ length: size });
    this.#missing = size;
    this.#what = what;
    this.#send = send;
    // Whoever waits for a part hears of it; nobody need wait for the whole.
    this.#sent.promise.catch(() => {});
  }

  /** Resolves when all is sent; rejects when any part has failed, or the send. */
  put(index: number, outgoing: Outgoing): Promise<void> {
    this.#parts[index] = outgoing;
    this.#arrive();
    return this.#sent.promise;
  }

  /** A part that will not come. */
  fail(error: unknown): Promise<void> {
    this.#errors.push(error);
    this.#arrive();
    return this.#sent.promise;
  }

  #arrive(): void {
    if (--this.#missing > 0) return;
    if (this.#errors.length > 0) this.#sent.reject(this.#error());
    else this.#send(this.#parts as Outgoing[]).then(this.#sent.resolve, this.#sent.reject);
  }

  /** All refusals in one error; any other error goes before them. */
  #error(): unknown {
    const refusals: Refusal[] = [];
    let count = 0;
    for (const error of this.#errors) {
      if (!(error instanceof EncodeError)) return error;
      count += error.count;
      for (const refusal of error.refusals) if (refusals.length < mostRefusals) refusals.push(refusal);
    }
    return new EncodeError(this.#what, refusals, count);
  }
}
