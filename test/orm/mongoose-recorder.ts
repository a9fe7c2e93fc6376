/** An observer that keeps what it is told. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { OrmObserver, SaveEvent, TransactionBegun } from "../../src/model/observer.ts";

/** Transactions are numbered from 1 in the order in which they begin. */
export class Recorder implements OrmObserver {
  /** In order: `begun 1`, `saved`, `committed 1`, `rolled back 1`. */
  readonly log: string[] = [];
  readonly saves: SaveEvent[] = [];
  readonly #begun: object[] = [];
  readonly #inside = new AsyncLocalStorage<object>();

  /** What was told of transactions. */
  get transactions(): readonly string[] {
    return this.log.filter((entry) => entry !== "saved");
  }

  /** The number of the transaction that this is called inside of. */
  get current(): number | undefined {
    const transaction = this.#inside.getStore();
    return transaction && this.numberOf(transaction);
  }

  /** The number of a transaction; 0 for one that nobody told of. */
  numberOf(transaction: object | undefined): number {
    return transaction === undefined ? 0 : this.#begun.indexOf(transaction) + 1;
  }

  begun({ transaction }: TransactionBegun): void {
    this.log.push(`begun ${this.#begun.push(transaction)}`);
  }

  inside<Result>(transaction: object, run: () => Result): Result {
    return this.#inside.run(transaction, run);
  }

  async committed(transaction: object): Promise<void> {
    this.log.push(`committed ${this.numberOf(transaction)}`);
  }

  rolledBack(transaction: object): void {
    this.log.push(`rolled back ${this.numberOf(transaction)}`);
  }

  async saved(event: SaveEvent): Promise<void> {
    this.log.push("saved");
    this.saves.push(event);
  }
}
