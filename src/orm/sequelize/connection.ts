/**
 * What a Sequelize instance says about its connection, and SQL through it.
 *
 * @module
 */
import type { OrmCapabilities, OrmSql, SqlDialect } from "../../model/adapter.ts";
import type { Connection, Transaction } from "./like.ts";

const sqlDialects: Readonly<Record<string, SqlDialect>> = {
  sqlite: "sqlite",
  postgres: "postgres",
  mysql: "mysql",
  mariadb: "mysql",
};

/** The differences between databases, as data. */
export function capabilitiesOf(sequelize: Connection): OrmCapabilities {
  const dialect = sequelize.getDialect();
  return {
    recognisesRows: "instances",
    lacks: {
      ...(hasReplica(sequelize)
        ? {}
        : {
            replica:
              "This Sequelize knows no replica. Make it with `replication: { read: […], write: {…} }`, which not every " +
              'dialect has (SQLite has not), or leave out from: "replica"',
          }),
      ...(sqlDialects[dialect] === undefined
        ? { sql: `SQL is written here for SQLite, PostgreSQL and MySQL, not for ${dialect}` }
        : {}),
    },
    // All that is not in a transaction waits for the one connection of a pool, too.
    serialTransactions: dialect === "sqlite" || sequelize.options.pool?.max === 1,
  };
}

function hasReplica(sequelize: Connection): boolean {
  return Boolean(sequelize.options.replication) && sequelize.getDialect() !== "sqlite";
}

/** Whether a handle is a transaction of this connection, begun by anyone and however deep. */
export function isTransactionOf(sequelize: Connection, handle: unknown): handle is Transaction {
  if (typeof handle !== "object" || handle === null) return false;
  const { sequelize: owner, commit, rollback } = handle as Partial<Transaction>;
  return owner === sequelize && typeof commit === "function" && typeof rollback === "function";
}

/**
 * Makes a commit that fails on SQLite give up the transaction. Sequelize means to close the connection, but that is
 * in no pool there: it stays open, and in its transaction, which keeps everybody else from writing for good.
 */
export function giveUpWhenFailed(sequelize: Connection, transaction: Transaction): void {
  const { parent, cleanup, connection } = transaction;
  if (sequelize.getDialect() !== "sqlite" || parent !== undefined) return;
  transaction.forceCleanup = async () => {
    await new Promise<void>((resolve) => {
      if (connection?.run === undefined) resolve();
      else connection.run("ROLLBACK", resolve);
    });
    cleanup.call(transaction);
  };
}

/**
 * SQL through Sequelize; undefined for dialects that are not written here.
 *
 * @param transactionOf - the transaction to run in, or null
 */
export function sqlOf(
  sequelize: Connection,
  transactionOf: (handle: object | undefined) => object | null,
): OrmSql | undefined {
  const dialect = sqlDialects[sequelize.getDialect()];
  if (dialect === undefined) return undefined;
  return {
    dialect,
    async query(text, parameters, within = {}) {
      const values = dialect === "postgres" ? { bind: [...parameters] } : { replacements: [...parameters] };
      const rows = await sequelize.query(asSelect(text), {
        ...(parameters.length === 0 ? {} : values),
        // As for a select, so that the rows come alone; but never from a replica, for it may be none.
        type: givesRows(dialect, text) ? "SELECT" : "RAW",
        raw: true,
        useMaster: true,
        transaction: transactionOf(within.transaction),
      });
      return givesRows(dialect, text) && Array.isArray(rows) ? rows : [];
    },
  };
}

/** On MySQL, Sequelize fails at the answer to anything else that it takes for a select; elsewhere it has no rows. */
function givesRows(dialect: SqlDialect, text: string): boolean {
  return dialect !== "mysql" || /^\s*(?:select|with)\b/i.test(text);
}

/** Sequelize looks at the first words, and gives no rows for an `insert into … returning`. */
function asSelect(text: string): string {
  return /^\s*insert\b/i.test(text) ? `/* returning */ ${text.trim()}` : text;
}
