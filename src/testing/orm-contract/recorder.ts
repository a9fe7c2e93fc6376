/** An observer that keeps what it is told. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { OrmObserver, SaveEvent, TransactionBegun, TransactionEnding } from "../../model/observer.ts";

/** What the recorder does beside recording. */
export interface RecorderOptions {
  ending?(ending: TransactionEnding): Promise<void>;
  committed?(transaction: object): Promise<void>;
  saved?(event: SaveEvent): Promise<void>;
}

/** Keeps what it is told; transactions are numbered from 1 in the order in which they begin. */
export class Recorder implements OrmObserver {
  /** In order: `begun 1`, `begun 2 in 1`, `saved`, `committed 2`, `rolled back 1`. */
  readonly log: string[] = [];
  readonly begins: TransactionBegun[] = [];
  readonly saves: SaveEvent[] = [];
  readonly #options: RecorderOptions;
  readonly #inside = new AsyncLocalStorage<object>();

  constructor(options: RecorderOptions = {}) {
    this.#options = options;
  }

  /** What was told of transactions. */
  get transactions(): readonly string[] {
    return this.log.filter((entry) => entry !== "saved");
  }

  /** The number of the transaction that this is called inside of. */
  get current(): number | undefined {
    const transaction = this.#inside.getStore();
    return transaction === undefined ? undefined : this.numberOf(transaction);
  }

  /** The number of a transaction; 0 for one that nobody told of. */
  numberOf(transaction: object | undefined): number {
    return this.begins.findLastIndex((begun) => begun.transaction === transaction) + 1;
  }

  /** The handle that was told with a transaction. */
  handleOf(transaction: object): object | undefined {
    return this.begins[this.numberOf(transaction) - 1]?.handle;
  }

  begun(begun: TransactionBegun): void {
    if (this.numberOf(begun.transaction) > 0) this.log.push("begun again");
    const within = begun.parent === undefined ? "" : ` in ${this.numberOf(begun.parent)}`;
    this.begins.push(begun);
    this.log.push(`begun ${this.begins.length}${within}`);
  }

  inside<Result>(transaction: object, run: () => Result): Result {
    if (this.numberOf(transaction) === 0) this.log.push("inside of one that has not begun");
    return this.#inside.run(transaction, run);
  }

  async ending(ending: TransactionEnding): Promise<void> {
    await this.#options.ending?.(ending);
  }

  async committed(transaction: object): Promise<void> {
    this.log.push(`committed ${this.numberOf(transaction)}`);
    await this.#options.committed?.(transaction);
  }

  rolledBack(transaction: object): void {
    this.log.push(`rolled back ${this.numberOf(transaction)}`);
  }

  async saved(event: SaveEvent): Promise<void> {
    this.log.push("saved");
    this.saves.push(event);
    await this.#options.saved?.(event);
  }
}
