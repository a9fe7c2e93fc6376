/**
 * Telling a worker which of its tasks were cancelled, each once.
 *
 * @module
 */
import type { Lease } from "../../engine.ts";

/** One who listens: see {@link Engine.onCancel}. */
export class Told {
  readonly #call: (leases: readonly Lease[]) => void;
  /** The tokens and ids that it was told of. */
  #told: ReadonlySet<string> = new Set();
  #stopped = false;

  constructor(call: (leases: readonly Lease[]) => void) {
    this.#call = call;
  }

  /** These are marked by now: tells, soon, of those that were not before. */
  marked(leases: readonly Lease[]): void {
    const news = leases.filter((lease) => !this.#told.has(nameOf(lease)));
    this.#told = new Set(leases.map(nameOf));
    if (news.length > 0) queueMicrotask(() => this.#stopped || this.#call(news));
  }

  /** Is told nothing more. */
  stop(): void {
    this.#stopped = true;
  }
}

function nameOf({ id, token }: Lease): string {
  return `${token} ${id}`;
}
