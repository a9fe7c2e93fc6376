/**
 * The columns of a table: their names in the database, as the instance's plugins make them, and their types, which
 * only the database knows.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { SqlDialect, TableDescription } from "../../model/adapter.ts";
import { type Database, runSql } from "./database.ts";

/** What the database says about a column. */
export interface ColumnType {
  /** PostgreSQL: `int4`, that of a domain being its base; SQLite: as it was declared. In lower case. */
  readonly type: string;
  /** Of an enum. */
  readonly labels?: readonly string[] | null;
  readonly isRequired: boolean;
  /** Made by the database from others; it cannot be written. */
  readonly isGenerated: boolean;
}

/** By the database's names. */
export type ColumnTypes = ReadonlyMap<string, ColumnType>;

interface IdentifierNode {
  readonly name: string;
}

/** The parts of Kysely's tree of a select that are read here. */
interface SelectNode {
  readonly from: {
    readonly froms: readonly {
      readonly table?: { readonly schema?: IdentifierNode; readonly identifier: IdentifierNode };
    }[];
  };
  readonly selections: readonly {
    readonly selection: { readonly column?: { readonly column?: IdentifierNode } };
  }[];
}

/**
 * The names that a table and its columns have in the database.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` for `comments as c` in the place of a table
 */
export function tableOf(
  db: Database,
  model: string,
  table: string,
  attributes: readonly string[],
): TableDescription {
  const { from, selections } = db.selectFrom(table).select(attributes).compile()
    .query as unknown as SelectNode;
  const named = from.froms[0]?.table;
  if (named === undefined) {
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      `kysely: ${JSON.stringify(model)}: expected the name of a table; received ${JSON.stringify(table)}`,
    );
  }
  const columns = attributes.map(
    (attribute, index) =>
      [attribute, selections[index]?.selection.column?.column?.name ?? attribute] as const,
  );
  const schema = named.schema === undefined ? {} : { schema: named.schema.name };
  return { name: named.identifier.name, ...schema, columns: Object.fromEntries(columns) };
}

/**
 * Asks the database for the types of a table's columns; nothing, where the table is not found.
 *
 * MySQL is not asked: it compares a column with a value of any kind without failing.
 */
export async function askColumnTypes(
  db: Database,
  dialect: SqlDialect,
  table: TableDescription,
): Promise<ColumnTypes> {
  const rows =
    dialect === "postgres"
      ? await runSql(db, postgresColumns, [regclassOf(table)])
      : dialect === "sqlite"
        ? await runSql(db, sqliteColumns(table), [
            table.name,
            ...(table.schema === undefined ? [] : [table.schema]),
          ])
        : [];
  return new Map(
    rows.map((row) => {
      const { name, type, labels, required, generated } = row as unknown as ColumnRow;
      const column = {
        type: type.toLowerCase(),
        isRequired: Boolean(required),
        isGenerated: Boolean(generated),
      };
      return [name, { ...column, ...(labels ? { labels } : {}) }];
    }),
  );
}

interface ColumnRow {
  readonly name: string;
  readonly type: string;
  readonly labels?: readonly string[] | null;
  /** SQLite has no booleans. */
  readonly required: boolean | number | bigint;
  readonly generated: boolean | number | bigint;
}

const postgresColumns = `
  select a.attname as name, coalesce(b.typname, t.typname) as type, a.attnotnull as required,
    a.attgenerated <> '' as generated,
    case when coalesce(b.typtype, t.typtype) = 'e' then array(
      select enumlabel::text from pg_catalog.pg_enum where enumtypid = coalesce(b.oid, t.oid)
    ) end as labels
  from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_type b on t.typtype = 'd' and b.oid = t.typbasetype
  where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped`;

function sqliteColumns({ schema }: TableDescription): string {
  const parameters = schema === undefined ? "?" : "?, ?";
  return `
    select name, type, "notnull" as required, hidden in (2, 3) as generated
    from pragma_table_xinfo(${parameters}) where hidden <> 1`;
}

/** As PostgreSQL looks a name up: in its search path, unless there is a schema. */
function regclassOf({ schema, name }: TableDescription): string {
  const parts = schema === undefined ? [name] : [schema, name];
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
}
