/**
 * What a Drizzle handle says about its connection: its dialect, and what it can do.
 *
 * @module
 */
import type { OrmCapabilities, OrmFeature, SqlDialect } from "../../model/adapter.ts";
import { entityKindOf, property } from "./table.ts";

/** Drivers whose transactions throw, or cannot hold a connection between statements. */
const withoutTransactions: Readonly<Record<string, string>> = {
  NeonHttpSession: "Use neon-serverless (a WebSocket) instead of neon-http",
  XataHttpSession: "Use a PostgreSQL driver such as node-postgres instead of xata-http",
  PgRemoteSession: "Use a PostgreSQL driver such as node-postgres instead of pg-proxy",
  MySqlRemoteSession: "Use mysql2 instead of mysql-proxy",
  SingleStoreRemoteSession: "Use the singlestore driver instead of singlestore-proxy",
  PrismaPgSession: "Use petiole/orm/prisma for the rows of a Prisma client",
  PrismaMySqlSession: "Use petiole/orm/prisma for the rows of a Prisma client",
  PrismaSQLiteSession: "Use petiole/orm/prisma for the rows of a Prisma client",
  SQLiteD1Session: "D1 has no interactive transactions, only db.batch()",
};

/** Drivers that give each transaction a connection of its own from a pool, and share a lone connection. */
const poolingSessions: ReadonlySet<string> = new Set([
  "NodePgSession",
  "NeonSession",
  "VercelPgSession",
  "MySql2Session",
]);

const dialects: Readonly<Record<string, SqlDialect>> = {
  SQLiteAsyncDialect: "sqlite",
  SQLiteSyncDialect: "sqlite",
  PgDialect: "postgres",
  MySqlDialect: "mysql",
};

/** The differences between Drizzle's drivers, as data. */
export function capabilitiesOf(db: object, replica: object | undefined): OrmCapabilities {
  const lacks: Partial<Record<OrmFeature, string>> = {
    saveEvents: "Drizzle does not tell when rows are saved. Say it: await app.saved(table, row)",
  };
  const refused = refusalOf(db);
  if (refused !== undefined) {
    lacks.transaction = refused;
    lacks.ownTransaction = refused;
  }
  const noSql =
    dialectOf(db) === undefined ? `${kindOfDialect(db)} is not among the dialects written here` : refused;
  if (noSql !== undefined) lacks.sql = noSql;
  if (!hasRelations(db)) {
    lacks.relations =
      "this db was made without relations. Make it with them, drizzle(client, { schema }) with a schema that has " +
      "relations(…), or let the handler load what it needs";
  }
  if (replica === undefined) {
    lacks.replica =
      "this db has no replicas. Make it with Drizzle's withReplicas(…), or name one: drizzle(db, models, { replica })";
  }
  return {
    recognisesRows: false,
    lacks,
    serialTransactions: kindOfDialect(db).startsWith("SQLite") || sharesOneConnection(db),
  };
}

/** Whether a handle is this `db` or a transaction of it, begun by anyone and however deep. */
export function isOfConnection(db: object, handle: unknown): handle is object {
  if (handle === db) return true;
  if (typeof handle !== "object" || handle === null) return false;
  // Every db has a dialect object of its own, and hands it on to its transactions.
  const dialect = property<object>(db, "dialect");
  return dialect !== undefined && property<object>(handle, "dialect") === dialect;
}

/** Whether a handle is of a transaction. */
export function isTransaction(handle: object): boolean {
  return "rollback" in handle;
}

/** Whether this is a Drizzle database, or a transaction. */
export function isDrizzleHandle(handle: unknown): handle is object {
  if (typeof handle !== "object" || handle === null) return false;
  return kindOfDialect(handle).endsWith("Dialect") && property(handle, "session") !== undefined;
}

/** The dialect that is written for it; undefined for one that is not among those. */
export function dialectOf(db: object): SqlDialect | undefined {
  return dialects[kindOfDialect(db)];
}

/** Whether the driver answers at once, so that nothing can be awaited in its transactions. */
export function isSynchronous(db: object): boolean {
  return property(db, "resultKind") === "sync";
}

function kindOfDialect(db: object): string {
  return entityKindOf(property(db, "dialect"));
}

function refusalOf(db: object): string | undefined {
  const session = entityKindOf(property(db, "session"));
  if (isSynchronous(db)) {
    // better-sqlite3 throws at an async callback. Others commit as soon as it returns its promise, so that a
    // later error rolls nothing back.
    return (
      `${session || "This driver"} is synchronous: its transactions end before an async function does. ` +
      "Open the database with drizzle-orm/libsql instead, in the whole process"
    );
  }
  return (
    withoutTransactions[session] &&
    `${session} cannot hold a transaction open. ${withoutTransactions[session]}`
  );
}

function hasRelations(db: object): boolean {
  const schema = property<{ schema?: Record<string, { relations?: object }> }>(db, "_")?.schema ?? {};
  return Object.values(schema).some(({ relations = {} }) => Object.keys(relations).length > 0);
}

function sharesOneConnection(db: object): boolean {
  const session = property<object>(db, "session");
  if (!poolingSessions.has(entityKindOf(session)) || session === undefined) return false;
  const client = property<object>(session, "client");
  // pg's pool counts its clients, mysql2's hands out connections.
  return client !== undefined && !("totalCount" in client) && !("getConnection" in client);
}
