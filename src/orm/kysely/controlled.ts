/**
 * A controlled transaction: begun, committed and rolled back by hand, with savepoints by name.
 *
 * All of its handles are one connection: what is done through any of them is in the newest savepoint.
 *
 * @module
 */
import type { Observers, TransactionEnding } from "../../model/observer.ts";
import { replaceCommand } from "./instrument.ts";

interface Savepoint {
  readonly name: string;
  readonly transaction: object;
}

/** What is used of a controlled transaction beside its commands. */
interface ControlledLike {
  readonly isRolledBack: boolean;
}

/** What it differs in from one database to another. */
export interface ControlledOptions {
  /** Whether a commit that failed leaves the transaction open, to be tried again: SQLite's, when it is busy. */
  readonly commitsAgain: boolean;
  /** Whether names of savepoints are told apart by case: PostgreSQL's. */
  readonly namesHaveCase: boolean;
}

/** Tells of one. */
export class Controlled {
  readonly #observers: Observers;
  readonly #options: ControlledOptions;
  readonly #transaction = {};
  readonly #savepoints: Savepoint[] = [];
  #isOver = false;

  constructor(observers: Observers, options: ControlledOptions) {
    this.#observers = observers;
    this.#options = options;
  }

  /** What stands for the newest savepoint; for the transaction itself, where there is none. */
  get current(): object {
    return this.#savepoints.at(-1)?.transaction ?? this.#transaction;
  }

  /** Tells that it has begun. */
  begun(handle: object): void {
    this.#observers.begun({ transaction: this.#transaction, parent: undefined, handle });
  }

  /** A savepoint that others tell of. */
  push(name: string, transaction: object): void {
    this.#savepoints.push({ name, transaction });
  }

  /** A savepoint that was pushed has ended. */
  drop(name: string): void {
    const index = this.#indexOf(name);
    if (index !== -1) this.#savepoints.splice(index, 1);
  }

  /** Has the commands of one of its handles told of; `adopt` is given each further handle. */
  tell(handle: object & ControlledLike, adopt: (handle: object) => void): void {
    replaceCommand<void>(handle, "commit", (execute) => () => this.#commit(execute, handle));
    replaceCommand<void>(handle, "rollback", (execute) => async () => {
      await this.#ending(0, "rollback", [this.#transaction]);
      try {
        await execute();
      } finally {
        this.#rolledBack();
      }
    });
    const replaceSavepoint = (
      name: string,
      told: (name: string, handle: object) => unknown,
      before?: (name: string) => Promise<void>,
    ): void =>
      replaceCommand<object>(handle, name, (execute, savepoint) => async () => {
        await before?.(savepoint);
        const given = await execute();
        adopt(given);
        await told(savepoint, given);
        return given;
      });
    replaceSavepoint("savepoint", (name, given) => this.#began(name, given));
    replaceSavepoint(
      "rollbackToSavepoint",
      (name, given) => this.#rolledBackTo(name, given),
      (name) => this.#ending(this.#indexOf(name), "rollback"),
    );
    replaceSavepoint(
      "releaseSavepoint",
      (name) => this.#released(this.#indexOf(name)),
      (name) => this.#ending(this.#indexOf(name), "commit"),
    );
  }

  async #commit(execute: () => Promise<void>, handle: ControlledLike): Promise<void> {
    await this.#ending(0, "commit", [this.#transaction]);
    try {
      await execute();
    } catch (error) {
      if (handle.isRolledBack || !this.#options.commitsAgain) this.#rolledBack();
      throw error;
    }
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#released(0, [this.#transaction]);
  }

  /** Tells it of those from the newest to this one, and of others. */
  async #ending(
    index: number,
    outcome: TransactionEnding["outcome"],
    others: readonly object[] = [],
  ): Promise<void> {
    if (this.#isOver) return;
    const inner = index === -1 ? [] : this.#savepoints.slice(index).toReversed();
    for (const transaction of [...inner.map((savepoint) => savepoint.transaction), ...others]) {
      // One whose commit fails may go on: what is sent in it must not wait for its end.
      await this.#observers.ending({ transaction, outcome, isSealed: outcome === "rollback" });
    }
  }

  #rolledBack(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#drop(0);
    this.#observers.rolledBack(this.#transaction);
  }

  #began(name: string, handle: object): void {
    const parent = this.current;
    const transaction = {};
    this.push(name, transaction);
    this.#observers.begun({ transaction, parent, handle });
  }

  /** The savepoint itself stays, as if it had just been made. */
  #rolledBackTo(name: string, handle: object): void {
    const index = this.#indexOf(name);
    // Made by SQL of the user's own: what was done since is not known.
    if (index === -1) return;
    this.#drop(index);
    this.#began(name, handle);
  }

  #drop(index: number): void {
    for (const { transaction } of this.#savepoints.splice(index).toReversed())
      this.#observers.rolledBack(transaction);
  }

  /** Those from the newest to this one, and what is told after them; every one is told, whatever the others say. */
  async #released(index: number, others: readonly object[] = []): Promise<void> {
    const ended = index === -1 ? [] : this.#savepoints.splice(index).toReversed();
    let failure: { readonly error: unknown } | undefined;
    for (const transaction of [...ended.map((savepoint) => savepoint.transaction), ...others]) {
      try {
        await this.#observers.committed(transaction);
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  #indexOf(name: string): number {
    const same = (text: string): string => (this.#options.namesHaveCase ? text : text.toLowerCase());
    return this.#savepoints.findLastIndex((savepoint) => same(savepoint.name) === same(name));
  }
}
