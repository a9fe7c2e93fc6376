/** Finding out, before a transaction is committed, that it cannot be. @module */
import { PetioleError, wordsOf } from "../errors.ts";
import type { Scope } from "./scope.ts";

/**
 * PostgreSQL answers a commit after a statement that has failed with a rollback, which no ORM tells of: whoever has
 * caught that error would hear that all is well, and tasks would be sent of rows that are not there.
 *
 * @throws PetioleError `ERR_TRANSACTION_CLOSED`
 */
export async function refuseFailed({ adapter: { sql }, handle }: Scope): Promise<void> {
  if (sql?.dialect !== "postgres") return;
  try {
    await sql.query("select 1", [], { transaction: handle });
  } catch (cause) {
    if (!/current transaction is aborted|25P02/.test(wordsOf(cause))) throw cause;
    throw new PetioleError(
      "ERR_TRANSACTION_CLOSED",
      "The transaction cannot be committed: a statement in it has failed, and PostgreSQL would undo all of it. It is " +
        "rolled back; nothing was sent. Run what may fail in a savepoint, app.transaction(tx, …).",
      { cause },
    );
  }
}
