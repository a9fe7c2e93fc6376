/**
 * What `ormContract` asks of the ORM under test.
 *
 * @module
 */
import type { OrmAdapter } from "../../model/adapter.ts";
import type { Key } from "../../model/ref.ts";

/** The contract's three models. Each has a `body` as well, a text. */
export type ContractModelName = "qa.Comment" | "qa.Tag" | "qa.Membership";

/** A row of one of the models: its key's attributes, and `body`. */
export interface ContractRow {
  /** `qa.Comment`'s key, an integer. */
  readonly id?: number;
  /** `qa.Tag`'s key, a text of up to 500 characters, compared exactly. */
  readonly name?: string;
  /** The first part of `qa.Membership`'s key, an integer. */
  readonly userId?: number;
  /** The second part of `qa.Membership`'s key, a text. */
  readonly groupName?: string;
  readonly body: string;
}

/** A fresh, empty database with the contract's models, and the adapter for it. */
export interface OrmContractHarness {
  readonly adapter: OrmAdapter;
  /** What transactions begin from: a db, a data source, an entity manager. */
  readonly handle: unknown;
  /** The table objects or classes. */
  readonly targets: Readonly<Record<ContractModelName, object>>;
  /** Inserts through the ORM and returns the rows as the ORM gives them. `handle` may be a transaction. */
  insert(handle: unknown, model: ContractModelName, rows: readonly ContractRow[]): Promise<readonly object[]>;
  /** Sets `body` of the row with this key. */
  update(handle: unknown, model: ContractModelName, key: Key, body: string): Promise<void>;
  delete(handle: unknown, model: ContractModelName, key: Key): Promise<void>;
  /** A comment without its key. Default: a plain object. */
  unsavedComment?(): object;
  /** How many statements the database was sent so far. Without it, the cases that count check less. */
  countQueries?(): number;
  /** Makes the database unreachable, as when its server is gone. */
  breakDatabase(): Promise<void>;
  close(): Promise<void>;
}

/** One rule of the contract. */
export interface OrmContractCase {
  readonly name: string;
  run(harness: OrmContractHarness): Promise<void>;
}

/** The `body` of a row, whatever its class. */
export function bodyOf(row: object | undefined): unknown {
  return row === undefined ? undefined : Reflect.get(row, "body");
}
