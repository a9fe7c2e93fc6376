/**
 * PostgreSQL's `xmin`: the transaction that wrote a row last, as the version of rows whose tables have none.
 *
 * @module
 */
import { PetioleError } from "../errors.ts";
import { identityOf, type Key, type KeyPart } from "../wire/reference.ts";
import type { ModelDescription, OrmAdapter, Within } from "./adapter.ts";
import { chunked } from "./key-chunks.ts";

/** So many rows are asked for at once. */
const chunk = 1000;

/**
 * The versions of the rows with these keys, by identity.
 *
 * @throws PetioleError `ERR_MODEL_UNSUPPORTED` where the adapter has no SQL, or the database is another
 */
export async function readXmin(
  adapter: OrmAdapter,
  description: ModelDescription,
  keys: readonly Key[],
  within: Within = {},
): Promise<ReadonlyMap<string, string>> {
  const { name, key: attributes, table } = description;
  if (adapter.sql?.dialect !== "postgres" || !table) {
    const why = adapter.capabilities.lacks.sql ?? "it is a version of PostgreSQL's alone";
    throw new PetioleError("ERR_MODEL_UNSUPPORTED", `${name}: its version cannot be "xmin": ${why}`);
  }
  const columns = attributes.map((attribute) => quotedName(table.columns[attribute] ?? attribute));
  const from = [table.schema, table.name].filter((part) => part !== undefined).map(quotedName);
  // Not a cast to text, which would cut off the blanks of a padded column.
  const selected = columns.map((column, index) => `concat(${column}) as key${index}`).join();
  const versions = new Map<string, string>();
  for (const part of chunked(keys, chunk)) {
    const rows = part.map((key) => {
      const parts = attributes.map((attribute) => (typeof key === "object" ? key[attribute]! : key));
      return `(${parts.map(literal).join()})`;
    });
    const text = `select ${selected}, xmin::text as version from ${from.join(".")} where (${columns.join()}) in (${rows.join()})`;
    for (const row of await adapter.sql.query(text, [], within)) {
      const parts = attributes.map((attribute, index) => [attribute, String(row[`key${index}`])] as const);
      const key = parts.length === 1 ? parts[0]![1] : Object.fromEntries(parts);
      versions.set(identityOf(name, key), String(row["version"]));
    }
  }
  return versions;
}

function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A literal without a type, so that the column's type is what it is read as: a parameter's would be the driver's. */
function literal(part: KeyPart): string {
  const text = String(part);
  return typeof part === "string" ? `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'` : text;
}
