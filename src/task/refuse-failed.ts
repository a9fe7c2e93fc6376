/** Finding out, before a transaction is committed, that it cannot be. @module */
import { PetioleError, wordsOf } from "../errors.ts";
import type { SqlDialect } from "../model/adapter.ts";
import type { Scope } from "./scope.ts";

/**
 * PostgreSQL answers a commit after a statement that has failed with a rollback, and MariaDB has ended a transaction in
 * which it found a deadlock, which no ORM tells of: whoever has caught that error would hear that all is well, and tasks
 * would be sent of rows that are not there.
 *
 * @throws PetioleError `ERR_TRANSACTION_CLOSED`
 */
export async function refuseFailed(scope: Scope): Promise<void> {
  const { sql } = scope.adapter;
  if (sql) await refusals[sql.dialect]?.(scope, sql.query);
}

type Query = NonNullable<Scope["adapter"]["sql"]>["query"];

const refusals: Partial<Record<SqlDialect, (scope: Scope, query: Query) => Promise<void>>> = {
  async postgres({ handle }, query) {
    try {
      await query("select 1", [], { transaction: handle });
    } catch (cause) {
      if (!/current transaction is aborted|25P02/.test(wordsOf(cause))) throw cause;
      throw new PetioleError(
        "ERR_TRANSACTION_CLOSED",
        "The transaction cannot be committed: a statement in it has failed, and PostgreSQL would undo all of it. It is " +
          "rolled back; nothing was sent. Run what may fail in a savepoint, app.transaction(tx, …).",
        { cause },
      );
    }
  },

  async mysql({ handle }, query) {
    // To MySQL this is a comment: it has nothing that tells whether a transaction is open.
    const text = "select 1 /*M! and @@in_transaction */ as is_open";
    const [row] = await query(text, [], { transaction: handle });
    if (row === undefined || Number(row["is_open"]) !== 0) return;
    throw new PetioleError(
      "ERR_TRANSACTION_CLOSED",
      "The transaction cannot be committed: MariaDB has ended it before. It undoes all of one in which it finds a " +
        "deadlock, whoever catches the error; nothing was sent. Let such an error through, and run all of it again.",
    );
  },
};
