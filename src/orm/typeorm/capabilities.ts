/**
 * What TypeORM's drivers can do.
 *
 * @module
 */
import type { OrmCapabilities, OrmFeature, SqlDialect } from "../../model/adapter.ts";
import type { DataSourceLike } from "./like.ts";

const dialects: Readonly<Record<string, SqlDialect>> = {
  "better-sqlite3": "sqlite",
  sqljs: "sqlite",
  expo: "sqlite",
  capacitor: "sqlite",
  cordova: "sqlite",
  nativescript: "sqlite",
  "react-native": "sqlite",
  postgres: "postgres",
  cockroachdb: "postgres",
  "aurora-postgres": "postgres",
  mysql: "mysql",
  mariadb: "mysql",
  "aurora-mysql": "mysql",
};

/** Undefined for a database whose SQL is not written here. */
export function dialectOf(dataSource: DataSourceLike): SqlDialect | undefined {
  return dialects[dataSource.options.type];
}

/** The differences between TypeORM's drivers, as data. */
export function capabilitiesOf(dataSource: DataSourceLike): OrmCapabilities {
  const { type } = dataSource.options;
  const dialect = dialectOf(dataSource);
  const lacks: Partial<Record<OrmFeature, string>> = {};
  const { transactionSupport } = dataSource.driver;
  if (transactionSupport !== "nested") {
    lacks.savepoints = `TypeORM's driver for ${type} has no savepoints. Do it in the transaction that there is`;
  }
  if (transactionSupport === "none") {
    lacks.transaction = `TypeORM's driver for ${type} has no transactions. Write without one, and enqueue afterwards`;
    lacks.ownTransaction = lacks.transaction;
  }
  if (Reflect.get(dataSource.options, "replication") === undefined) {
    lacks.replica =
      "the DataSource has no replicas: give them in its options, `replication: { master, slaves }`, which TypeORM " +
      "has for PostgreSQL, MySQL and others, or leave out `from`";
  }
  if (dialect === undefined) lacks.sql = `no SQL is written for ${type}. Use SQLite, PostgreSQL or MySQL`;
  return {
    recognisesRows: "instances",
    lacks,
    // TypeORM has one connection to a SQLite database, and one query runner for everybody.
    serialTransactions: dialect === "sqlite",
  };
}
