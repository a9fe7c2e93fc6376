/**
 * `ormContract`'s models and harness for Sequelize, on SQLite in a file and on PostgreSQL.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import {
  DataTypes,
  type Model,
  type ModelAttributes,
  type ModelOptions,
  type ModelStatic,
  type Options,
  Sequelize,
  Transaction,
  literal,
} from "sequelize";
import { afterEach, describe } from "vitest";
import type { Key } from "../../src/model/ref.ts";
import { sequelize } from "../../src/orm/sequelize.ts";
import type { ContractModelName, OrmContractHarness } from "../../src/testing/orm-contract/harness.ts";
import { describePostgres } from "../services/describe-postgres.ts";
import { postgresTables, sqliteTables } from "./contract-tables.ts";
import * as sqlite3 from "./sqlite3.ts";

/**
 * The same tables as Sequelize wants them on SQLite, where it reads a column by its declared type: as its own `sync`
 * would declare dates and JSON, and integers of 64 bits as text, since its driver would lose digits.
 */
const tables = sqliteTables
  .replace("deleted_at integer", "deleted_at datetime")
  .replace("big_number integer", "big_number exact_text")
  .replace("data text", "data json")
  .replace("at integer);", "at datetime);");

// What an app does that wants bigints: a parser for the column's type, which Sequelize keeps for the whole process.
const types = DataTypes as unknown as Record<"sqlite" | "postgres", Record<string, object>>;
types.sqlite["EXACT"] = { key: "EXACT", types: { sqlite: ["EXACT_TEXT"] }, parse: BigInt };
Object.assign(types.postgres["BIGINT"] ?? {}, { parse: BigInt });

/** A Sequelize on an empty database. */
export interface Database {
  readonly db: Sequelize;
  /** What the database was sent. */
  readonly statements: readonly string[];
  /** Ends the connections. */
  disconnect(): Promise<void>;
  /** And removes the database. */
  close(): Promise<void>;
}

/** A SQLite file, with the contract's tables. */
export async function openSqlite(options: Options = {}): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), "petiole-sequelize-"));
  const storage = join(folder, "test.db");
  const file = new DatabaseSync(storage);
  file.exec(tables);
  file.close();
  const database = opened({ dialect: "sqlite", dialectModule: sqlite3, storage, ...options });
  const close = async (): Promise<void> => {
    await database.disconnect();
    await rm(folder, { recursive: true, force: true });
  };
  return { ...database, close };
}

/** A PostgreSQL database, with the contract's tables. */
export async function openPostgres(url: string, options: Options = {}): Promise<Database> {
  const { hostname, port, username, pathname } = new URL(url);
  const database = opened({
    dialect: "postgres",
    host: hostname,
    port: Number(port),
    username,
    database: pathname.slice(1),
    ...options,
  });
  await database.db.query(postgresTables);
  return database;
}

/** Opens an empty database with the contract's tables, which is closed after the test. */
export type Open = (options?: Options) => Promise<Database>;

/** Tests that run on SQLite and on PostgreSQL. */
export function onEachDatabase(define: (open: Open, dialect: "sqlite" | "postgres") => void): void {
  const used: Database[] = [];
  const closing = async (opening: Promise<Database>): Promise<Database> => {
    const database = await opening;
    used.push(database);
    return database;
  };
  afterEach(async () => {
    for (const database of used.splice(0)) await database.close();
  });
  describe("on SQLite", () => define((options) => closing(openSqlite(options)), "sqlite"));
  describePostgres("on PostgreSQL", (createDatabase) =>
    define(async (options) => closing(openPostgres(await createDatabase(), options)), "postgres"),
  );
}

function opened(options: Options): Database {
  const statements: string[] = [];
  const db = new Sequelize({ ...options, logging: (statement) => void statements.push(statement) });
  let ended: Promise<void> | undefined;
  const disconnect = (): Promise<void> => (ended ??= db.close());
  return { db, statements, disconnect, close: disconnect };
}

/** The contract's models. Attributes are named differently from the columns. */
export function defineModels(db: Sequelize): Record<ContractModelName, ModelStatic<Model>> {
  const define = (
    name: string,
    attributes: ModelAttributes,
    options: ModelOptions = {},
  ): ModelStatic<Model> =>
    db.define(name, attributes, { tableName: `${name.toLowerCase()}s`, timestamps: false, ...options });
  // Sequelize writes into what it is given: an object for each attribute.
  const id = (field = "id") => ({ type: DataTypes.INTEGER, primaryKey: true, field });
  const body = (field = "body") => ({ type: DataTypes.TEXT, allowNull: false, field });
  const Author = define("Author", { id: id(), name: body("name") });
  const Post = define(
    "Post",
    {
      id: id(),
      title: body("title"),
      authorId: { type: DataTypes.INTEGER, field: "author_id" },
      revision: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 },
      deletedAt: { type: DataTypes.DATE, field: "deleted_at" },
    },
    { timestamps: true, createdAt: false, updatedAt: false, paranoid: true, version: "revision" },
  );
  Post.belongsTo(Author, { as: "author", foreignKey: "authorId" });
  Author.hasMany(Post, { as: "posts", foreignKey: "authorId" });
  return {
    "qa.Comment": define("Comment", { id: id("comment_id"), body: body("comment_body") }),
    "qa.Tag": define("Tag", {
      name: { type: DataTypes.TEXT, primaryKey: true, field: "tag_name" },
      body: body(),
    }),
    "qa.Membership": define("Membership", {
      userId: { type: DataTypes.INTEGER, primaryKey: true, field: "user_id" },
      groupName: { type: DataTypes.TEXT, primaryKey: true, field: "group_name" },
      body: body(),
    }),
    "qa.Author": Author,
    "qa.Post": Post,
    "qa.Sample": define("Sample", {
      id: id(),
      big: { type: DataTypes.BIGINT, field: "big_number" },
      price: DataTypes.DECIMAL(20, 4),
      bytes: DataTypes.BLOB,
      data: DataTypes.JSONB,
      at: DataTypes.DATE,
    }),
  };
}

/** The harness for a database that {@link openSqlite} or {@link openPostgres} gave. */
export function harnessOf({ db, statements, disconnect, close }: Database): OrmContractHarness {
  const models = defineModels(db);
  const within = (handle: unknown): { transaction?: Transaction } =>
    handle instanceof Transaction ? { transaction: handle } : {};
  const byKey = (model: ContractModelName, key: Key): Record<string, unknown> => {
    if (typeof key === "object") return key;
    return { [models[model].primaryKeyAttribute]: key };
  };
  return {
    adapter: sequelize(db, models),
    handle: db,
    another: (names) => sequelize(db, Object.fromEntries(names.map((name) => [name, models[name]]))),
    targets: models,
    async insert(handle, model, rows) {
      const Class = models[model];
      const values = rows.map(asSequelizeWants);
      const made = await Class.bulkCreate(values, within(handle));
      if (model !== "qa.Post" && model !== "qa.Sample") return made;
      // On SQLite what the database filled in is not in the instances.
      const ids = made.map((row) => row.get("id") as number);
      const found = await Class.findAll({ where: { id: ids }, paranoid: false, ...within(handle) });
      return ids.flatMap((id) => found.filter((row) => row.get("id") === id));
    },
    async update(handle, model, key, changes) {
      const given = asSequelizeWants(changes);
      const counted = model === "qa.Post" ? { ...given, revision: literal("revision + 1") } : given;
      await models[model].update(counted, { where: byKey(model, key), paranoid: false, ...within(handle) });
    },
    async delete(handle, model, key) {
      await models[model].destroy({ where: byKey(model, key), force: true, ...within(handle) });
    },
    async hide(key) {
      await models["qa.Post"].destroy({ where: byKey("qa.Post", key) });
    },
    unsavedComment: () => models["qa.Comment"].build({ body: "a draft" }),
    ownTransaction: (handle, run) => db.transaction({ ...within(handle) }, run),
    async begin() {
      const transaction = await db.transaction();
      return {
        handle: transaction,
        commit: () => transaction.commit(),
        rollback: () => transaction.rollback(),
      };
    },
    hooked: {
      insert: (handle, model, row) => models[model].create(asSequelizeWants(row), within(handle)),
      async update(handle, _model, row, changes) {
        await (row as Model).update(asSequelizeWants(changes), within(handle));
      },
      async delete(handle, _model, row) {
        await (row as Model).destroy(within(handle));
      },
      async updateAll(handle, model, changes) {
        await models[model].update(asSequelizeWants(changes), { where: {}, ...within(handle) });
      },
    },
    countQueries: () => statements.length,
    breakDatabase: disconnect,
    close,
  };
}

/** Bytes are Buffers to it. */
function asSequelizeWants(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([attribute, value]) => [
      attribute,
      value instanceof Uint8Array ? Buffer.from(value) : value,
    ]),
  );
}
