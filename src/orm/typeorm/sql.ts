/**
 * SQL through a DataSource.
 *
 * @module
 */
import type { OrmSql, SqlDialect } from "../../model/adapter.ts";
import { transactionGiven, withRunner } from "./handle.ts";
import type { DataSourceLike } from "./like.ts";

/** Statements are run on the primary, or in the transaction that is given. */
export function sqlOf(dataSource: DataSourceLike, dialect: SqlDialect): OrmSql {
  return {
    dialect,
    async query(text, parameters, within) {
      return withRunner(dataSource, transactionGiven(dataSource, within), "master", async (runner) => {
        const { records } = await runner.query(text, [...parameters], true);
        return records as readonly Readonly<Record<string, unknown>>[];
      });
    },
  };
}
