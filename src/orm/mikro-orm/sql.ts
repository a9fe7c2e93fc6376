/**
 * SQL through the ORM's own connection.
 *
 * @module
 */
import type { OrmSql, SqlDialect } from "../../model/adapter.ts";
import type { ClientLike, ConnectionLike, ContextLike, PlatformLike } from "./types.ts";

/** The dialect of an ORM; undefined for another database. By what it writes: names of classes may be minified. */
export function dialectOf(platform: PlatformLike, connection: ConnectionLike): SqlDialect | undefined {
  if (connection.getClient === undefined) return undefined;
  if (platform.getBlobDeclarationSQL() === "bytea") return "postgres";
  if (platform.getCurrentTimestampSQL(0).includes("strftime")) return "sqlite";
  return platform.quoteIdentifier("a") === "`a`" ? "mysql" : undefined;
}

/**
 * Runs a statement with its parameters bound by the driver. MikroORM's own `execute` would write them into the text,
 * and takes `?` only.
 */
export async function runSql(
  connection: ConnectionLike,
  text: string,
  parameters: Parameters<OrmSql["query"]>[1],
  context: ContextLike | undefined,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  await connection.ensureConnection();
  const client = (context as ClientLike | undefined) ?? connection.getClient?.();
  const result = await client?.executeQuery(compiled(text, parameters));
  return (result?.rows ?? []) as readonly Readonly<Record<string, unknown>>[];
}

/** What Kysely's `CompiledQuery.raw` makes. */
function compiled(text: string, parameters: readonly unknown[]): object {
  return {
    sql: text,
    parameters: [...parameters],
    query: { kind: "RawNode", sqlFragments: [text], parameters: [] },
    queryId: { queryId: "petiole" },
  };
}
