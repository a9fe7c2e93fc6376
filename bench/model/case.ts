/** What is measured, and what one ORM brings to it. @module */
import type { OrmAdapter } from "petiole/model";

export type Dialect = "sqlite" | "postgres";

/** The tables, and the names that their rows travel under. */
export const tables = { questions: "qa.Question", answers: "qa.Answer", comments: "qa.Comment" } as const;
export type Table = keyof typeof tables;

/** A row of any of the tables: they are alike. */
export interface StoredRow {
  readonly id: number;
  readonly title: string;
  readonly body: string;
  readonly votes: number;
  readonly author: string;
}

/** An ORM that is measured. */
export interface OrmCase {
  /** With its version, and with its driver where there are several. */
  readonly nameOn: Readonly<Record<Dialect, string>>;
  /**
   * Opens the database that `place` is the file or the URL of.
   *
   * @param onQuery - called for each statement; without it, none is watched
   */
  open(dialect: Dialect, place: string, onQuery?: () => void): Promise<OpenedOrm>;
}

export interface OpenedOrm {
  readonly adapter: OrmAdapter;
  /** What a person writes for the rows with these keys, with the same result. */
  readonly find: Readonly<Record<Table, (ids: number[]) => PromiseLike<readonly object[]>>>;
  close(): Promise<void>;
}

/** Something for each of the tables. */
export function forEachTable<Made>(make: (table: Table) => Made): Record<Table, Made> {
  return { questions: make("questions"), answers: make("answers"), comments: make("comments") };
}
