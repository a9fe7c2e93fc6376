/** The contract's tables in Kysely, on SQLite and PostgreSQL. */
import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CamelCasePlugin,
  type ColumnNode,
  type ColumnUpdateNode,
  type InsertQueryNode,
  Kysely,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  PostgresDialect,
  type QueryId,
  type SqliteDatabase as SqliteDatabaseLike,
  SqliteDialect,
  type ValueNode,
  type ValuesNode,
  sql,
} from "kysely";
import { Pool, types } from "pg";
import type { Key } from "../../src/model/ref.ts";
import { type KyselyAdapter, kysely } from "../../src/orm/kysely.ts";
import type {
  ContractModelName,
  ContractRow,
  ContractRows,
  OrmContractHarness,
} from "../../src/testing/orm-contract/harness.ts";
import { postgresTables, sqliteTables } from "./contract-tables.ts";

type ValueListItem = ValuesNode["values"][number];

/** What Kysely takes of better-sqlite3, which has no types of its own. */
type SqliteFile = SqliteDatabaseLike & { defaultSafeIntegers(on: boolean): void; exec(text: string): void };
const SqliteDatabase = createRequire(import.meta.url)("better-sqlite3") as new (file: string) => SqliteFile;

/** As the app sees it: attributes are columns, in camel case. */
export interface ContractDatabase {
  comments: ContractRows["qa.Comment"];
  tags: ContractRows["qa.Tag"];
  memberships: ContractRows["qa.Membership"];
  authors: ContractRows["qa.Author"];
  posts: ContractRows["qa.Post"];
  samples: ContractRows["qa.Sample"];
}

/** What Kysely cannot rename is named as the contract wants it. */
const renamed = `
  alter table comments rename column comment_id to id;
  alter table comments rename column comment_body to body;
  alter table tags rename column tag_name to name;
  alter table samples rename column big_number to big;
`;

export const contractModels = {
  "qa.Comment": { table: "comments", key: ["id"], columns: ["id", "body"] },
  "qa.Tag": { table: "tags", key: ["name"], columns: ["name", "body"] },
  "qa.Membership": {
    table: "memberships",
    key: ["userId", "groupName"],
    columns: ["userId", "groupName", "body"],
  },
  "qa.Author": { table: "authors", key: ["id"], columns: ["id", "name"] },
  // Kysely's rows need no list of their columns.
  "qa.Post": { table: "posts", key: ["id"], version: "revision" },
  "qa.Sample": { table: "samples", key: ["id"] },
} as const;

export interface ContractConnection {
  readonly db: Kysely<ContractDatabase>;
  countQueries(): number;
  /** Makes integers numbers again, as SQLite's driver does unless told. */
  makeNumbers?(): void;
  close(): Promise<void>;
}

/** A fresh file with the tables. */
export async function openSqlite(
  plugins: readonly KyselyPlugin[] = [new SqliteValues()],
): Promise<ContractConnection> {
  const folder = mkdtempSync(join(tmpdir(), "petiole-kysely-"));
  const database = new SqliteDatabase(join(folder, "test.db"));
  database.defaultSafeIntegers(true);
  database.exec(sqliteTables + renamed);
  let queries = 0;
  const db = new Kysely<ContractDatabase>({
    dialect: new SqliteDialect({ database }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true }), ...plugins],
    log: () => void queries++,
  });
  const close = async (): Promise<void> => {
    await db.destroy();
    database.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { db, countQueries: () => queries, makeNumbers: () => database.defaultSafeIntegers(false), close };
}

/** A database of its own with the tables, by its URL. */
export async function openPostgres(url: string): Promise<ContractConnection & { readonly pool: Pool }> {
  const pool = new Pool({
    connectionString: url,
    max: 10,
    types: {
      // What is no safe integer must not become a number.
      getTypeParser: ((oid: number, format: "text") =>
        oid === types.builtins.INT8
          ? BigInt
          : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  });
  // A connection that is lost is told by what is asked of it; besides, it would end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => void client.on("error", () => undefined));
  await pool.query(postgresTables + renamed);
  let queries = 0;
  const db = new Kysely<ContractDatabase>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
    log: () => void queries++,
  });
  const close = async (): Promise<void> => {
    await db.destroy();
    // Kysely ends nothing that it has not used.
    if (!pool.ended) await pool.end();
  };
  return { db, pool, countQueries: () => queries, close };
}

export async function createHarness(connection: ContractConnection): Promise<OrmContractHarness> {
  const { db, close, countQueries } = connection;
  const adapter = kysely(db, contractModels);
  const isPostgres = adapter.sql?.dialect === "postgres";
  // The types of a model's columns are asked for once; the contract counts what comes after.
  for (const { name, key } of adapter.models) await adapter.load(name, [keyOfNone(key)]);
  const on = (handle: unknown): typeof db => handle as typeof db;
  const harness: OrmContractHarness = {
    adapter,
    handle: db,
    targets: targetsOf(adapter),
    insert: (handle, model, rows) =>
      on(handle)
        .insertInto(tableOf(model))
        .values(rows.map((row) => (isPostgres ? withJsonText(row) : row)) as never)
        .returningAll()
        .execute(),
    update: async (handle, model, key, changes: ContractRow) => {
      const set = withJsonText(changes);
      const counted = model === "qa.Post" ? { ...set, revision: sql`revision + 1` } : set;
      const update = on(handle)
        .updateTable(tableOf(model))
        .set(counted as never);
      await update.where((eb) => eb.and(conditionOf(adapter, model, key) as never)).execute();
    },
    delete: async (handle, model, key) => {
      const remove = on(handle).deleteFrom(tableOf(model));
      await remove.where((eb) => eb.and(conditionOf(adapter, model, key) as never)).execute();
    },
    ownTransaction: (handle, run) =>
      on(handle).isTransaction
        ? adapter.transaction(handle, run)
        : on(handle)
            .transaction()
            .execute((transaction) => run(transaction)),
    begin: async () => {
      const transaction = await db.startTransaction().execute();
      return {
        handle: transaction,
        commit: () => transaction.commit().execute(),
        rollback: () => transaction.rollback().execute(),
      };
    },
    countQueries,
    breakDatabase: () => db.destroy(),
    close,
  };
  const another = (names: readonly ContractModelName[]) =>
    kysely(db, Object.fromEntries(names.map((name) => [name, contractModels[name]])) as never);
  return Object.assign(harness, { another });
}

function tableOf(model: ContractModelName): "comments" {
  return contractModels[model].table as "comments";
}

function targetsOf(adapter: KyselyAdapter<ContractRows>): OrmContractHarness["targets"] {
  const names = Object.keys(contractModels) as ContractModelName[];
  return Object.fromEntries(names.map((name) => [name, adapter.target(name)])) as never;
}

function conditionOf(adapter: KyselyAdapter<ContractRows>, model: ContractModelName, key: Key): object {
  const attributes = adapter.models.find(({ name }) => name === model)?.key ?? [];
  return typeof key === "object" ? key : { [attributes[0] ?? ""]: key };
}

function keyOfNone(key: readonly string[]): Key {
  return key.length === 1 ? -1 : Object.fromEntries(key.map((attribute) => [attribute, -1]));
}

function withJsonText(row: ContractRow): ContractRow {
  return row["data"] === undefined || row["data"] === null
    ? row
    : { ...row, data: JSON.stringify(row["data"]) };
}

/**
 * What an app's own plugin does on SQLite, which has neither times nor JSON; and its integers are all bigints here.
 */
class SqliteValues extends OperationNodeTransformer implements KyselyPlugin {
  transformQuery({ node, queryId }: PluginTransformQueryArgs): never {
    return this.transformNode(node, queryId) as never;
  }

  async transformResult({ result }: PluginTransformResultArgs) {
    const rows = result.rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([column, value]) => [column, shown(column, value)])),
    );
    return { ...result, rows };
  }

  protected override transformInsertQuery(node: InsertQueryNode, queryId?: QueryId): InsertQueryNode {
    const columns = node.columns?.map(({ column }) => column.name) ?? [];
    const values = node.values as ValuesNode;
    const lists = values.values.map((list): ValueListItem => {
      if (list.kind === "PrimitiveValueListNode") {
        return { ...list, values: list.values.map((value, index) => stored(columns[index], value)) };
      }
      return { ...list, values: list.values.map((value, index) => storedNode(columns[index], value)) };
    });
    return super.transformInsertQuery(
      { ...node, values: { ...values, values: lists } as ValuesNode },
      queryId,
    );
  }

  protected override transformColumnUpdate(node: ColumnUpdateNode, queryId?: QueryId): ColumnUpdateNode {
    const { column } = (node.column as ColumnNode).column === undefined ? {} : (node.column as ColumnNode);
    return super.transformColumnUpdate({ ...node, value: storedNode(column?.name, node.value) }, queryId);
  }
}

function storedNode(column: string | undefined, node: OperationNode): OperationNode {
  return node.kind === "ValueNode"
    ? ({ ...node, value: stored(column, (node as ValueNode).value) } as ValueNode)
    : node;
}

function stored(column: string | undefined, value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  return column === "data" && value !== null ? JSON.stringify(value) : value;
}

function shown(column: string, value: unknown): unknown {
  if (["at", "deletedAt"].includes(column)) return value === null ? null : new Date(Number(value));
  if (column === "data") return value === null ? null : JSON.parse(String(value));
  return typeof value === "bigint" && column !== "big" ? Number(value) : value;
}
