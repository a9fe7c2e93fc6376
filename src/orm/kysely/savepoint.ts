/**
 * Savepoints, which Kysely's transactions do not have by themselves.
 *
 * @module
 */
import { type Database, runSql } from "./database.ts";

let count = 0;

/** A name that no other savepoint has. */
export function savepointName(): string {
  count += 1;
  return `petiole_${count}`;
}

/** Runs `work` in a savepoint: released when it resolves, rolled back to when it rejects. */
export async function inSavepoint<Result>(
  transaction: Database,
  name: string,
  work: (savepoint: Database) => Promise<Result>,
): Promise<Result> {
  await runSql(transaction, `savepoint ${name}`);
  try {
    const result = await work(copyOf(transaction));
    await runSql(transaction, `release savepoint ${name}`);
    return result;
  } catch (error) {
    await rollBackTo(transaction, name);
    throw error;
  }
}

async function rollBackTo(transaction: Database, name: string): Promise<void> {
  try {
    await runSql(transaction, `rollback to savepoint ${name}`);
    await runSql(transaction, `release savepoint ${name}`);
  } catch {
    // The connection is lost, and the transaction with it: what made it roll back is what the caller is told.
  }
}

/** Another handle of the same transaction, to tell the savepoint's from the others. */
function copyOf(transaction: Database): Database {
  return (transaction as unknown as { $extendTables(): Database }).$extendTables();
}
