/**
 * SQL through a Drizzle handle.
 *
 * @module
 */
import type { OrmSql } from "../../model/adapter.ts";
import type { HandleLike } from "./handle.ts";

/** Runs one statement, and gives its rows by column. */
export async function runSql(
  handle: HandleLike,
  dialect: OrmSql["dialect"],
  text: string,
  parameters: readonly (string | number | null)[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  // What Drizzle's `sql` makes: an object that becomes a text and its parameters when it is run. This one is them
  // already, so that nothing looks for placeholders in the text.
  const query = { toQuery: () => ({ sql: text, params: [...parameters] }) };
  const statement = { getSQL: () => query, ...query };
  const result =
    dialect === "sqlite" ? await handle.all?.(statement) : rowsOf(await handle.execute?.(statement), dialect);
  return (result ?? []) as readonly Readonly<Record<string, unknown>>[];
}

/** The rows in what a driver gives: they, `{ rows }`, or for MySQL a pair of them and their columns. */
function rowsOf(result: unknown, dialect: OrmSql["dialect"]): unknown {
  const rows: unknown = dialect === "mysql" && Array.isArray(result) ? result[0] : result;
  if (Array.isArray(rows)) return [...(rows as unknown[])];
  return typeof rows === "object" && rows !== null && "rows" in rows ? rows.rows : [];
}
