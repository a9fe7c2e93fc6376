import { DataTypes, type ModelAttributes, type ModelOptions, Model, Sequelize } from "sequelize";
import { describe, expect, test } from "vitest";
import * as sqlite3 from "../../../test/orm/sqlite3.ts";
import { Reference, ref } from "../../model/ref.ts";
import { sequelize } from "../sequelize.ts";

const db = new Sequelize({ dialect: "sqlite", dialectModule: sqlite3, logging: false });
const postgres = new Sequelize({ dialect: "postgres", logging: false });
const define = (attributes: ModelAttributes, options: ModelOptions = {}, connection = db) =>
  connection.define("Thing", attributes, { timestamps: false, ...options });
const text = () => ({ type: DataTypes.STRING });
const definition = { code: "ERR_MODEL_DEFINITION" };

describe("the key of a model", () => {
  test("is its primary key, by attribute, or the one that is stated", () => {
    const code = { type: DataTypes.STRING, primaryKey: true, field: "the_code" };
    expect(sequelize(db, { "x.Y": define({ code }) }).models[0]?.key).toEqual(["code"]);
    expect(sequelize(db, { "x.Y": define({ name: text() }) }).models[0]?.key).toEqual(["id"]);
    const part = () => ({ type: DataTypes.INTEGER, primaryKey: true });
    expect(sequelize(db, { "x.Y": define({ b: part(), a: part() }) }).models[0]?.key).toEqual(["b", "a"]);
    const stated = { model: define({ a: text(), b: text() }), key: ["a", "b"] };
    expect(sequelize(db, { "x.Y": stated }).models[0]?.key).toEqual(["a", "b"]);
  });

  test("is asked for when there is none", () => {
    const Keyless = define({ a: text() });
    Keyless.removeAttribute("id");
    expect(() => sequelize(db, { "x.Y": Keyless })).toThrow(expect.objectContaining(definition));
    expect(() => sequelize(db, { "x.Y": Keyless })).toThrow(/"x\.Y": Thing has no primary key.*key: \[/);
    expect(sequelize(db, { "x.Y": { model: Keyless, key: ["a"] } }).models[0]?.key).toEqual(["a"]);
  });

  test.each([
    ["a date", DataTypes.DATE, /"a" is a DATE/],
    ["a boolean", DataTypes.BOOLEAN, /"a" is a BOOLEAN/],
    ["bytes", DataTypes.BLOB, /"a" is a BLOB/],
    ["binary text", DataTypes.STRING(16, true), /"a" is a STRING\.BINARY/],
    ["a float", DataTypes.FLOAT, /"a" is a FLOAT/],
  ])("is refused when it is %s", (_, type, message) => {
    const model = define({ a: { type, primaryKey: true } });
    expect(() => sequelize(db, { "x.Y": model })).toThrow(message);
    expect(() => sequelize(db, { "x.Y": model })).toThrow(expect.objectContaining(definition));
  });

  test("is refused when what is stated is no attribute, or no list", () => {
    expect(() => sequelize(db, { "x.Y": { model: define({}), key: ["nope"] } })).toThrow(/no such attribute/);
    // @ts-expect-error not a list
    expect(() => sequelize(db, { "x.Y": { model: define({}), key: "id" } })).toThrow(/must be a list.*"id"/);
  });
});

describe("the version of a model", () => {
  const versionOf = (options: ModelOptions) =>
    sequelize(db, { "x.Y": define({}, options) }).models[0]?.version;

  test("is that of optimistic locking, or else updatedAt", () => {
    expect(versionOf({ version: true, timestamps: true })).toBe("version");
    expect(versionOf({ version: "revision" })).toBe("revision");
    expect(versionOf({ timestamps: true })).toBe("updatedAt");
    expect(versionOf({ timestamps: true, updatedAt: "changedAt" })).toBe("changedAt");
    expect(versionOf({ timestamps: true, updatedAt: false })).toBeUndefined();
    expect(versionOf({})).toBeUndefined();
  });

  test("can be stated, xmin on PostgreSQL", () => {
    const stated = (version: string, connection = db) =>
      sequelize(connection, { "x.Y": { model: define({ count: text() }, {}, connection), version } })
        .models[0]?.version;
    expect(stated("count")).toBe("count");
    expect(stated("xmin", postgres)).toBe("xmin");
    expect(() => stated("xmin")).toThrow(expect.objectContaining(definition));
    expect(() => stated("xmin")).toThrow(/PostgreSQL has and sqlite has not/);
    expect(() => stated("nope")).toThrow(/"nope".*no such column/);
  });
});

describe("what is said of a model", () => {
  test("columns are those of later associations too, and no virtual ones", () => {
    const Author = define({});
    const Post = define({ title: { type: DataTypes.STRING, field: "the_title" }, short: DataTypes.VIRTUAL });
    const [model] = sequelize(db, { "x.Post": Post }).models;
    expect(model?.fields).toEqual(["id", "title"]);
    Post.belongsTo(Author, { as: "author", foreignKey: { name: "authorId", field: "author_id" } });
    expect(model?.fields).toEqual(["id", "title", "authorId"]);
    expect(model?.table).toEqual({
      name: "Things",
      columns: { id: "id", title: "the_title", authorId: "author_id" },
    });
  });

  test("a schema is one of PostgreSQL, and a part of the name on SQLite", () => {
    const table = (connection: Sequelize) =>
      sequelize(connection, { "x.Y": define({}, { schema: "shop", tableName: "things" }, connection) })
        .models[0]?.table;
    expect(table(postgres)).toMatchObject({ schema: "shop", name: "things" });
    expect(table(db)).toEqual({ name: "shop.things", columns: { id: "id" } });
  });

  test("rows know their model: of scopes, not of schemas, and not those of other classes", () => {
    const Thing = define({ a: text() }, { scopes: { some: { where: { a: "x" } } } });
    class Other extends Thing {}
    Other.init({}, { sequelize: db });
    const { modelOf } = sequelize(db, { "x.Thing": Thing });
    expect(modelOf(Thing.build({ id: 1 }))).toBe("x.Thing");
    expect(modelOf(Thing.unscoped().build())).toBe("x.Thing");
    expect(modelOf(Thing.scope("some").scope("some").build())).toBe("x.Thing");
    expect(modelOf(Thing.schema("tenant").build())).toBeUndefined();
    expect(modelOf(Thing.schema("tenant").unscoped().build())).toBeUndefined();
    expect(modelOf(Other.build())).toBeUndefined();
    for (const row of [{}, { id: 1 }, Object.create(null) as object, Thing, [], new Date()]) {
      expect(modelOf(row)).toBeUndefined();
    }
  });

  test("ref takes the class, with an instance, with a plain row or with the key", () => {
    const Thing = define({ a: text() });
    sequelize(db, { "x.Thing": Thing });
    const expected = new Reference("x.Thing", 7);
    expect([
      ref(Thing, Thing.build({ id: 7 }, { isNewRecord: false })),
      ref(Thing, { id: 7 } as never),
      ref(Thing, 7),
    ]).toEqual([expected, expected, expected]);
    expect(() => ref(Thing, Thing.build({ a: "draft" }))).toThrow(
      expect.objectContaining({ code: "ERR_REFERENCE_KEY" }),
    );
  });
});

describe("what is refused", () => {
  test.each([
    ["undefined", undefined],
    ["a name", "Thing"],
    ["another class", URL],
    ["an instance", define({}).build()],
  ])("as a model: %s", (_, model) => {
    expect(() => sequelize(db, { "x.Y": model as never })).toThrow(expect.objectContaining(definition));
    expect(() => sequelize(db, { "x.Y": model as never })).toThrow(/"x\.Y": expected a model class/);
  });

  test("a class that was not initialised, or for another Sequelize", () => {
    class Draft extends Model {}
    expect(() => sequelize(db, { "x.Y": Draft })).toThrow(/Draft is not initialised: call Draft\.init/);
    expect(() => sequelize(db, { "x.Y": define({}, {}, postgres) })).toThrow(/belongs to another Sequelize/);
  });

  test.each([undefined, null, {}, Sequelize, "sqlite::memory:"])("as a Sequelize: %s", (instance) => {
    expect(() => sequelize(instance as never, {})).toThrow(expect.objectContaining(definition));
    expect(() => sequelize(instance as never, {})).toThrow(/expected a Sequelize/);
  });

  test("a connection's name that is none", () => {
    expect(() => sequelize(db, {}, { connection: "" })).toThrow(expect.objectContaining(definition));
    expect(() => sequelize(db, {}, { connection: 7 as never })).toThrow(/must be a name.*number 7/);
    expect(() => sequelize(db, {}, { conection: "a" } as never)).toThrow(/options are connection; /);
    expect(sequelize(db, {}, { connection: "archive" }).connection).toBe("archive");
    expect(sequelize(db, {})).not.toHaveProperty("connection");
  });

  test("a name that is no model's", async () => {
    const adapter = sequelize(db, { "x.Thing": define({}) });
    const unknown = expect.objectContaining({
      code: "ERR_MODEL_UNKNOWN",
      message: expect.stringMatching(/"x\.Thing"/),
    });
    expect(() => adapter.keyOf("x.Other", {})).toThrow(unknown);
    await expect(adapter.load("x.Other", [1])).rejects.toEqual(unknown);
    await expect(adapter.save("x.Other", { id: 1 })).rejects.toEqual(unknown);
  });
});

describe("capabilities", () => {
  test("SQLite has one writer and no replica", () => {
    const { capabilities } = sequelize(db, {});
    expect(capabilities).toMatchObject({ recognisesRows: "instances", serialTransactions: true });
    expect(Object.keys(capabilities.lacks)).toEqual(["replica"]);
  });

  test("a pool of one connection has transactions one after another", () => {
    const serial = (max?: number) =>
      sequelize(new Sequelize({ dialect: "postgres", ...(max && { pool: { max } }) }), {}).capabilities
        .serialTransactions;
    expect([serial(), serial(1), serial(2)]).toEqual([false, true, false]);
  });

  test("replication is the ORM's own", () => {
    const replicated = new Sequelize({
      dialect: "postgres",
      replication: { read: [{ host: "b" }], write: { host: "a" } },
    });
    expect(sequelize(replicated, {}).capabilities.lacks).toEqual({});
  });
});
