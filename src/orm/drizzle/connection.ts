/**
 * What a Drizzle handle says about its connection: its dialect, and what transactions on it can do.
 *
 * @module
 */
import type { OrmCapabilities } from "../../model/adapter.ts";
import { entityKindOf, property } from "./table.ts";

/** Drivers whose transactions throw, or cannot hold a connection between statements. */
const withoutTransactions: Readonly<Record<string, string>> = {
  NeonHttpSession: "Use neon-serverless (a WebSocket) instead of neon-http",
  XataHttpSession: "Use a PostgreSQL driver such as node-postgres instead of xata-http",
  PgRemoteSession: "Use a PostgreSQL driver such as node-postgres instead of pg-proxy",
  MySqlRemoteSession: "Use mysql2 instead of mysql-proxy",
  SingleStoreRemoteSession: "Use the singlestore driver instead of singlestore-proxy",
  SQLiteD1Session: "D1 has no interactive transactions, only db.batch()",
};

/** Drivers that give each transaction a connection of its own from a pool, and share a lone connection. */
const poolingSessions: ReadonlySet<string> = new Set([
  "NodePgSession",
  "NeonSession",
  "VercelPgSession",
  "MySql2Session",
]);

/** The differences between Drizzle's drivers, as data. */
export function capabilitiesOf(db: object): OrmCapabilities {
  const refused = refusalOf(db);
  return {
    recognisesRows: false,
    serialTransactions: dialectOf(db).startsWith("SQLite") || sharesOneConnection(db),
    ...(refused === undefined ? {} : { transactionRefused: refused }),
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

function dialectOf(db: object): string {
  return entityKindOf(property(db, "dialect"));
}

function refusalOf(db: object): string | undefined {
  const session = entityKindOf(property(db, "session"));
  if (property(db, "resultKind") === "sync") {
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

function sharesOneConnection(db: object): boolean {
  const session = property<object>(db, "session");
  if (!poolingSessions.has(entityKindOf(session)) || session === undefined) return false;
  const client = property<object>(session, "client");
  // pg's pool counts its clients, mysql2's hands out connections.
  return client !== undefined && !("totalCount" in client) && !("getConnection" in client);
}
