import * as module from "mongoose";
import { type Connection, createConnection, Schema } from "mongoose";
import { describe, expect, test } from "vitest";
import { type MongooseModels, mongoose } from "../mongoose.ts";

// No test here needs a server: nothing is sent.
describe("the key of a model", () => {
  test("is its _id, an ObjectId unless the schema says otherwise", () => {
    expect(keyOf(new Schema({ body: String }))).toEqual(["_id"]);
    expect(keyOf(new Schema({ _id: String }))).toEqual(["_id"]);
    expect(keyOf(new Schema({ _id: BigInt }))).toEqual(["_id"]);
    expect(keyOf(new Schema({ _id: Schema.Types.UUID }))).toEqual(["_id"]);
  });

  test("can be stated", () => {
    expect(keyOf(new Schema({ a: String, b: Number }), { key: ["a", "b"] })).toEqual(["a", "b"]);
  });

  test.each([
    ["an object", new Schema({ _id: { a: Number, b: Number } }), {}, /"_id", which is no path/],
    [
      "a subdocument",
      new Schema({ _id: new Schema({ a: Number }, { _id: false }) }),
      {},
      /"_id" is an object.*key: \[/,
    ],
    ["a date", new Schema({ at: Date }), { key: ["at"] }, /"at" is a Date/],
    ["bytes", new Schema({ _id: Buffer }), {}, /"_id" is a Buffer/],
    ["a decimal", new Schema({ _id: Schema.Types.Decimal128 }), {}, /"_id" is a Decimal128/],
    ["anything", new Schema({ _id: {} }), {}, /"_id" is an object/],
    ["not there", new Schema({ a: Number }), { key: ["b"] }, /"b", which is no path/],
    [
      "inside of another",
      new Schema({ a: { b: Number } }),
      { key: ["a.b"] },
      /"a\.b", which is no path at the top/,
    ],
    ["empty", new Schema({ a: Number }), { key: [] }, /`key` is empty/],
    ["no list", new Schema({ a: Number }), { key: "a" }, /`key` must be an array.*received/],
  ])("is refused when it is %s", (_, schema, options, message) => {
    expect(() => keyOf(schema, options)).toThrow(
      expect.objectContaining({ code: "ERR_MODEL_DEFINITION", message: expect.stringMatching(message) }),
    );
  });
});

describe("the version of a model", () => {
  test("is what changes with every update: updatedAt, or the version key where it counts all of them", () => {
    expect(versionOf(new Schema({}))).toBeUndefined();
    expect(versionOf(new Schema({}, { timestamps: true }))).toBe("updatedAt");
    expect(versionOf(new Schema({}, { timestamps: { updatedAt: "changed" } }))).toBe("changed");
    expect(versionOf(new Schema({}, { timestamps: { updatedAt: false } }))).toBeUndefined();
    expect(versionOf(new Schema({}, { optimisticConcurrency: true }))).toBe("__v");
    expect(versionOf(new Schema({ a: Number }, { optimisticConcurrency: ["a"] }))).toBeUndefined();
    expect(versionOf(new Schema({}, { optimisticConcurrency: true, versionKey: "count" }))).toBe("count");
    expect(versionOf(new Schema({}, { optimisticConcurrency: true, timestamps: true }))).toBe("updatedAt");
  });

  test("can be stated, and must be there", () => {
    expect(versionOf(new Schema({ revision: Number }), { version: "revision" })).toBe("revision");
    expect(() => versionOf(new Schema({}), { version: "revision" })).toThrow(/"revision"/);
    expect(() => versionOf(new Schema({}), { version: "xmin" })).toThrow(/PostgreSQL/);
  });
});

describe("the attributes of a model", () => {
  test("are those at the top of its schema, with those of its discriminators", () => {
    const connection = createConnection();
    const animals = connection.model(
      "Animal",
      new Schema({ name: String, home: { street: String }, "a.b": Number }),
    );
    animals.discriminator("Dog", new Schema({ barks: Boolean }));
    const adapter = mongoose(connection, { "zoo.Animal": animals });
    expect([...(adapter.models[0]?.fields ?? [])].sort()).toEqual(
      ["_id", "__t", "__v", "a", "barks", "home", "name"].sort(),
    );
  });

  test("are not known where documents may hold anything", () => {
    expect(modelOf(new Schema<object>({ a: Number }, { strict: false }))?.fields).toBeUndefined();
    expect(modelOf(new Schema<object>({ a: Number }, { strict: false }), { fields: ["b"] })?.fields).toEqual([
      "_id",
      "b",
    ]);
  });

  test("can be fewer, and must be there", () => {
    expect(modelOf(new Schema<object>({ a: Number, b: Number }), { fields: ["b"] })?.fields).toEqual([
      "_id",
      "b",
    ]);
    expect(() => modelOf(new Schema<object>({ a: Number }), { fields: ["c"] })).toThrow(/`fields` names "c"/);
  });
});

describe("mongoose()", () => {
  test("takes the module for its default connection", () => {
    const comments = module.default.model("OfTheModule", new Schema({}));
    const adapter = mongoose(module.default, { "qa.Comment": comments });
    expect(adapter.owns(module.default)).toBe(true);
    expect(adapter.owns(module.default.connection)).toBe(true);
    expect(adapter.owns(createConnection())).toBe(false);
    expect(mongoose(module, { "qa.Comment": comments }).owns(module.connection)).toBe(true);
    module.default.deleteModel("OfTheModule");
  });

  test("refuses what is no connection, no model, and a model of another connection", () => {
    const connection = createConnection();
    const comments = connection.model("Comment", new Schema({}));
    const make = (given: unknown, models: object) => () =>
      mongoose(given as Connection, models as MongooseModels);
    const code = "ERR_MODEL_DEFINITION";
    expect(make({}, {})).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(/connection/) }),
    );
    expect(make(undefined, {})).toThrow(/received undefined/);
    expect(make(connection, { "x.Y": class Comment extends Map {} })).toThrow(/"x\.Y": expected a model/);
    expect(make(connection, { "x.Y": new Schema({}) })).toThrow(/expected a model/);
    expect(make(connection, { "x.Y": "Comment" })).toThrow(/expected a model/);
    expect(make(connection, { "x.Y": { model: 7 } })).toThrow(/received.*7/);
    expect(make(createConnection(), { "x.Y": comments })).toThrow(/model Comment is of another connection/);
    expect(() => mongoose(connection, {}, { connection: 7 as never })).toThrow(/`connection` must be a name/);
    expect(() => mongoose(connection, {}, { conection: "a" } as never)).toThrow(/options are connection; /);
  });

  test("says its connection's name, and what it lacks", () => {
    const adapter = mongoose(createConnection(), {}, { connection: "archive" });
    expect(adapter.connection).toBe("archive");
    expect(adapter.sql).toBeUndefined();
    expect(adapter.capabilities.lacks.sql).toMatch(/no SQL/);
    expect(mongoose(createConnection(), {})).not.toHaveProperty("connection");
  });

  test("an unknown model is refused by name", async () => {
    const adapter = mongoose(createConnection(), {});
    const unknown = expect.objectContaining({
      code: "ERR_MODEL_UNKNOWN",
      message: expect.stringMatching(/"x\.Y"/),
    });
    expect(() => adapter.keyOf("x.Y", {})).toThrow(unknown);
    expect(() => adapter.fieldsOf("x.Y", {})).toThrow(unknown);
    expect(() => adapter.entityOf("x.Y", {})).toThrow(unknown);
    await expect(adapter.load("x.Y", [1])).rejects.toThrow(unknown);
    await expect(adapter.save("x.Y", {})).rejects.toThrow(unknown);
  });
});

function modelOf(schema: Schema, options: object = {}) {
  const connection = createConnection();
  const models: MongooseModels = { "x.M": { model: connection.model("M", schema), ...options } };
  return mongoose(connection, models).models[0];
}

function keyOf(schema: object, options: object = {}) {
  return modelOf(schema as Schema, options)?.key;
}

function versionOf(schema: object, options: object = {}) {
  return modelOf(schema as Schema, options)?.version;
}
