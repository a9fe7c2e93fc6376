/**
 * What `ormContract` asks of the ORM under test.
 *
 * @module
 */
import type { OrmAdapter } from "../../model/adapter.ts";
import type { Key } from "../../model/ref.ts";

/** The contract's models. */
export type ContractModelName =
  | "qa.Comment"
  | "qa.Tag"
  | "qa.Membership"
  | "qa.Author"
  | "qa.Post"
  | "qa.Sample";

/** A row of one of the models: some of the attributes that {@link ContractRows} has for it. */
export type ContractRow = Readonly<Record<string, unknown>>;

/** The attributes of each model. The database's names for them may be others. */
export interface ContractRows {
  /** Key: `id`. */
  "qa.Comment": { id: number; body: string };
  /** Key: `name`, a text of up to 500 characters, compared exactly. */
  "qa.Tag": { name: string; body: string };
  /** Key: `userId` and `groupName`. */
  "qa.Membership": { userId: number; groupName: string; body: string };
  /** Key: `id`. */
  "qa.Author": { id: number; name: string };
  /**
   * Key: `id`. `authorId` is the foreign key of the relation `author`, and null where a post has none; `revision` is
   * the version, 1 for a new row and one more with every update; `deletedAt` is null unless the ORM hid the row.
   */
  "qa.Post": {
    id: number;
    title: string;
    authorId: number | null;
    revision: number;
    deletedAt: Date | null;
  };
  /**
   * Key: `id`. What JSON loses, all of it null or not: `big`, an integer of 64 bits; `price`, a decimal with 20
   * digits, 4 of them after the point; `bytes`; `data`, any JSON; `at`, a time with milliseconds.
   */
  "qa.Sample": {
    id: number;
    big: bigint | null;
    price: string | null;
    bytes: Uint8Array | null;
    data: unknown;
    at: Date | null;
  };
}

/** A fresh, empty database with the contract's models, and the adapter for it. */
export interface OrmContractHarness {
  /** The one under test, on that database. */
  readonly adapter: OrmAdapter;
  /** What transactions begin from: a db, a data source, an entity manager. */
  readonly handle: object;
  /** The table objects, classes or names. */
  readonly targets: Readonly<Record<ContractModelName, object>>;
  /**
   * Inserts through the ORM and returns the rows as the ORM gives them, whole. `handle` may be a transaction.
   * Values are as {@link ContractRows} has them: where the ORM wants others (a number for a decimal), it converts.
   */
  insert(handle: unknown, model: ContractModelName, rows: readonly ContractRow[]): Promise<readonly object[]>;
  /** Sets attributes of the row with this key; of a post, it counts up `revision` as well. */
  update(handle: unknown, model: ContractModelName, key: Key, changes: ContractRow): Promise<void>;
  /** Removes the row with this key. */
  delete(handle: unknown, model: ContractModelName, key: Key): Promise<void>;
  /** Hides a post as the ORM does, so that it is loaded with `scope: "all"` only. Left out where no ORM rows hide. */
  hide?(key: Key): Promise<void>;
  /** A comment without its key. Default: a plain object. */
  unsavedComment?(): object;
  /** The ORM's own way to run something in a transaction. Left out where the adapter `lacks.ownTransaction`. */
  ownTransaction?<Result>(handle: unknown, run: (transaction: unknown) => Promise<Result>): Promise<Result>;
  /** Begins a transaction that is ended by hand, where the ORM has such and the adapter sees it. */
  begin?(): Promise<ContractTransaction>;
  /** Writes that the ORM has hooks for. Left out where the adapter `lacks.saveEvents`. */
  readonly hooked?: ContractWrites;
  /**
   * A second adapter of the same connection, for these models alone, as another app in the process would have it.
   * Without it, the cases that need one are skipped.
   */
  another?(models: readonly ContractModelName[]): OrmAdapter;
  /** How many statements the database was sent so far. Without it, the cases that count check less. */
  countQueries?(): number;
  /** Makes the database unreachable, as when its server is gone. */
  breakDatabase(): Promise<void>;
  /** Called after each test: lets go of all that it opened. */
  close(): Promise<void>;
}

/** A transaction that is ended by hand. */
export interface ContractTransaction {
  readonly handle: object;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** Writes of one row through the ORM's usual way, with its hooks. */
export interface ContractWrites {
  insert(handle: unknown, model: ContractModelName, row: ContractRow): Promise<object>;
  update(handle: unknown, model: ContractModelName, row: object, changes: ContractRow): Promise<void>;
  delete(handle: unknown, model: ContractModelName, row: object): Promise<void>;
  /** Updates all rows of a model in one statement, where the ORM tells that, but not which rows. */
  updateAll?(handle: unknown, model: ContractModelName, changes: ContractRow): Promise<void>;
}

/** One rule of the contract. */
export interface OrmContractCase {
  readonly name: string;
  /** Why it does not apply; undefined when it does. */
  skip?(harness: OrmContractHarness): string | undefined;
  run(harness: OrmContractHarness): Promise<void>;
}

/** An attribute of a row, whatever its class. */
export function attributeOf(row: object | undefined, attribute: string): unknown {
  return row === undefined ? undefined : Reflect.get(row, attribute);
}

/** The `body` of a row, whatever its class. */
export function bodyOf(row: object | undefined): unknown {
  return attributeOf(row, "body");
}
