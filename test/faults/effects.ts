/** What the tasks have done: a database that all workers write to, and that is not the engine's. @module */
import { DatabaseSync, type StatementSync } from "node:sqlite";

/** A run of a task has had its effect. */
export interface Effect {
  readonly number: number;
  /** Unique for each run. */
  readonly run: string;
  readonly worker: string;
  /** How many workers had the task before and lost it, as the engine says. */
  readonly turn: number;
  /** Milliseconds on a clock that all processes of this machine share and nobody moves. */
  readonly at: number;
}

/** The engine has told a worker whether it took the end of a run. */
export interface Settled {
  readonly number: number;
  readonly run: string;
  readonly worker: string;
  readonly accepted: boolean;
}

/** Milliseconds on the clock of {@link Effect.at}. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The database of effects, as one process has it open. */
export class Effects {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #settle: StatementSync;
  readonly #isThere: StatementSync;
  readonly #count: StatementSync;

  constructor(file: string) {
    this.#database = new DatabaseSync(file, { timeout: 20_000 });
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = OFF;
      CREATE TABLE IF NOT EXISTS effects (number INTEGER, run TEXT, worker TEXT, turn INTEGER, at REAL) STRICT;
      CREATE INDEX IF NOT EXISTS effects_number ON effects (number);
      CREATE TABLE IF NOT EXISTS settled (number INTEGER, run TEXT, worker TEXT, accepted INTEGER) STRICT;
      CREATE INDEX IF NOT EXISTS settled_number ON settled (number);
    `);
    this.#isThere = this.#database.prepare("SELECT EXISTS (SELECT 1 FROM effects WHERE number = ?) AS there");
    this.#insert = this.#database.prepare("INSERT INTO effects VALUES (?, ?, ?, ?, ?)");
    this.#settle = this.#database.prepare("INSERT INTO settled VALUES (?, ?, ?, ?)");
    this.#count = this.#database.prepare(
      "SELECT count(DISTINCT number) AS count FROM effects WHERE number >= ? AND number < ?",
    );
  }

  /** Records an effect. Returns whether it is the first of its task. */
  record({ number, run, worker, turn }: Omit<Effect, "at">): boolean {
    const isFirst = this.#isThere.get(number)?.["there"] === 0;
    this.#insert.run(number, run, worker, turn, monotonic());
    return isFirst;
  }

  settled({ number, run, worker, accepted }: Settled): void {
    this.#settle.run(number, run, worker, Number(accepted));
  }

  /** How many of the tasks from one number to below another have had their effect. */
  count(from: number, below: number): number {
    return Number(this.#count.get(from, below)?.["count"]);
  }

  /** The effects of these tasks, in the order in which they came. */
  of(from: number, below: number): Effect[] {
    const rows = this.#database
      .prepare("SELECT * FROM effects WHERE number >= ? AND number < ? ORDER BY at")
      .all(from, below);
    return rows as unknown as Effect[];
  }

  /** What was settled of these tasks. */
  settledOf(from: number, below: number): Settled[] {
    const rows = this.#database
      .prepare("SELECT * FROM settled WHERE number >= ? AND number < ? ORDER BY rowid")
      .all(from, below);
    return rows.map((row) => ({ ...row, accepted: row["accepted"] === 1 }) as unknown as Settled);
  }

  close(): void {
    this.#database.close();
  }
}
