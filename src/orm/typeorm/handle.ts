/**
 * Handles: what of a DataSource a transaction may be asked through.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import type { Within } from "../../model/adapter.ts";
import type { DataSourceLike, EntityManagerLike, QueryRunnerLike } from "./like.ts";

/** Whether a value is a DataSource, of any copy of TypeORM. */
export function isDataSource(value: unknown): value is DataSourceLike {
  return isMarked(value, "DataSource");
}

/** Whether a handle is this DataSource, or one of its entity managers or query runners. */
export function isOfDataSource(dataSource: DataSourceLike, handle: unknown): handle is object {
  if (handle === dataSource) return true;
  if (!isEntityManager(handle) && !isQueryRunner(handle)) return false;
  return Reflect.get(handle, "dataSource") === dataSource;
}

/**
 * The handle of the transaction that something is to be done in.
 *
 * @throws PetioleError `ERR_TRANSACTION_UNSUPPORTED` when it is not this DataSource's
 */
export function transactionGiven(dataSource: DataSourceLike, within: Within | undefined): object | undefined {
  const handle = within?.transaction;
  if (handle !== undefined) refuseOther(dataSource, handle);
  return handle;
}

/** @throws PetioleError `ERR_TRANSACTION_UNSUPPORTED` when a handle is not this DataSource's */
export function refuseOther(dataSource: DataSourceLike, handle: unknown): asserts handle is object {
  if (isOfDataSource(dataSource, handle)) return;
  throw new PetioleError(
    "ERR_TRANSACTION_UNSUPPORTED",
    "typeorm: expected this adapter's DataSource, or an entity manager or a query runner of it; " +
      `received ${describe(handle)}`,
  );
}

/** The query runner that a handle's statements go through; undefined where each takes a connection of its own. */
export function runnerOf(handle: object): QueryRunnerLike | undefined {
  if (isQueryRunner(handle)) return handle;
  return isEntityManager(handle) ? handle.queryRunner : undefined;
}

/** The entity manager of a handle: its own, or itself. */
export function managerOf(handle: object): EntityManagerLike {
  return isEntityManager(handle) ? handle : (handle as DataSourceLike | QueryRunnerLike).manager;
}

/**
 * Runs something with the query runner of a transaction or, where there is none, with one of its own.
 *
 * @param mode - `slave` for a replica. TypeORM itself sends what it selects there, unless told
 */
export async function withRunner<Result>(
  dataSource: DataSourceLike,
  transaction: object | undefined,
  mode: "master" | "slave",
  run: (runner: QueryRunnerLike) => Promise<Result>,
): Promise<Result> {
  const given = transaction && runnerOf(transaction);
  if (given !== undefined) return run(given);
  const runner = dataSource.createQueryRunner(mode);
  try {
    return await run(runner);
  } finally {
    await runner.release();
  }
}

function isEntityManager(value: unknown): value is EntityManagerLike {
  return isMarked(value, "EntityManager") || isMarked(value, "SqljsEntityManager");
}

function isQueryRunner(value: unknown): value is QueryRunnerLike {
  return (
    typeof value === "object" &&
    value !== null &&
    "isTransactionActive" in value &&
    "startTransaction" in value
  );
}

/** TypeORM marks its objects, so that several copies of it understand each other's. */
function isMarked(value: unknown, name: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Reflect.get(value, "@instanceof") === Symbol.for(name);
}
