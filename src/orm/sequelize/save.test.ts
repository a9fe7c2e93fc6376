import { DataTypes, Model, type ModelStatic } from "sequelize";
import { afterEach, describe, expect, test, vi } from "vitest";
import { defineModels, onEachDatabase } from "../../../test/orm/sequelize.ts";
import type { SaveEvent } from "../../model/observer.ts";
import { sequelize } from "../sequelize.ts";

afterEach(() => vi.restoreAllMocks());

onEachDatabase((open, dialect) => {
  async function samples() {
    const { db } = await open();
    const models = defineModels(db);
    return {
      db,
      models,
      adapter: sequelize(db, models),
      Sample: models["qa.Sample"],
      Post: models["qa.Post"],
    };
  }

  const exact = {
    id: 1,
    big: 9007199254740993n,
    price: "1234567890123456.7891",
    bytes: new Uint8Array([0, 255, 128]),
    data: { list: [1, "two", null], deep: { "it's": '"quoted" \\ $1 ? :x' } },
    at: new Date("2024-02-29T12:34:56.789Z"),
  };

  test("what JSON loses is kept, there and back", async () => {
    const { adapter } = await samples();
    await adapter.save("qa.Sample", exact);
    const read = async () => adapter.fieldsOf("qa.Sample", (await adapter.load("qa.Sample", [1]))[0] ?? {});
    const fields = await read();
    expect(fields).toEqual({ ...exact, bytes: Buffer.from(exact.bytes) });
    const nothing = { id: 1, big: null, price: null, bytes: null, data: null, at: null };
    await adapter.save("qa.Sample", nothing);
    expect(await read()).toEqual(nothing);
    await adapter.save("qa.Sample", fields);
    expect(await read()).toEqual(fields);
  });

  test("trap: without a parser of the app's, BIGINT is text on PostgreSQL and inexact on SQLite", async () => {
    const { db } = await open();
    const columns = { big: DataTypes.BIGINT, price: DataTypes.DECIMAL(20, 4) };
    const Plain = db.define("Plain", columns, { timestamps: false });
    await Plain.sync();
    const values = { big: exact.big as never, price: exact.price };
    await Plain.create(values);
    const { big, price } = (await Plain.findOne())?.get() ?? {};
    // The contract's models have such a parser on PostgreSQL: this is the text that it was given.
    const expected = dialect === "sqlite" ? [9007199254740992, 1234567890123456.8] : [exact.big, exact.price];
    expect([big, price]).toEqual(expected);
  });

  test("what is not among the fields is left, and a new row gets the model's defaults", async () => {
    const { adapter, models, Post } = await samples();
    await models["qa.Author"].create({ id: 1, name: "Ada" });
    await adapter.save("qa.Post", { id: 1, title: "first", authorId: 1 });
    const read = async () => (await Post.findByPk(1))?.get();
    expect(await read()).toEqual({ id: 1, title: "first", authorId: 1, revision: 1, deletedAt: null });
    await Post.update({ revision: 5 }, { where: { id: 1 } });
    await adapter.save("qa.Post", { id: 1, title: "second" });
    expect(await read()).toEqual({ id: 1, title: "second", authorId: 1, revision: 5, deletedAt: null });
    await adapter.save("qa.Post", { id: 1, revision: 1 });
    expect(await read()).toMatchObject({ title: "second", revision: 1 });
  });

  test("a row is saved as it was: with its times, its version, deleted as it was", async () => {
    const { db } = await open();
    const Note = db.define(
      "Note",
      {
        text: {
          type: DataTypes.STRING,
          defaultValue: "draft",
          set(this: Model, value: string) {
            this.setDataValue("text", `set ${value}`);
          },
        },
      },
      { paranoid: true, version: true, underscored: true },
    );
    await Note.sync();
    const adapter = sequelize(db, { "x.Note": Note });
    const past = new Date("2020-01-01T00:00:00.001Z");
    const fields = { id: 1, text: "final", createdAt: past, updatedAt: past, deletedAt: past, version: 7 };
    const read = async () =>
      adapter.fieldsOf("x.Note", (await adapter.load("x.Note", [1], { scope: "all" }))[0] ?? {});
    await adapter.save("x.Note", fields);
    expect(await read()).toEqual(fields);
    // Equal to the default: Sequelize's own upsert would leave it out.
    await adapter.save("x.Note", { id: 1, text: "draft", deletedAt: null });
    expect(await read()).toEqual({ ...fields, text: "draft", deletedAt: null });
    await adapter.save("x.Note", { id: 1 });
    expect(await read()).toEqual({ ...fields, text: "draft", deletedAt: null });
    await adapter.save("x.Note", { id: 2, text: "new" });
    const second = adapter.fieldsOf("x.Note", (await adapter.load("x.Note", [2]))[0] ?? {});
    expect(second).toMatchObject({ version: 0, createdAt: expect.any(Date), updatedAt: expect.any(Date) });
  });

  test("by a stated key, whatever the primary key is", async () => {
    const { db } = await open();
    const Price = db.define(
      "Price",
      {
        product: { type: DataTypes.STRING, unique: "both" },
        currency: { type: DataTypes.STRING, unique: "both" },
        amount: DataTypes.INTEGER,
      },
      { timestamps: false },
    );
    await Price.sync();
    const adapter = sequelize(db, { "x.Price": { model: Price, key: ["product", "currency"] } });
    const key = { product: "a", currency: "EUR" };
    await adapter.save("x.Price", { ...key, amount: 1 });
    await adapter.save("x.Price", { ...key, amount: 2 });
    const rows = await adapter.load("x.Price", [key, { product: "a", currency: "USD" }]);
    expect(rows.map((row) => adapter.fieldsOf("x.Price", row))).toEqual([{ id: 1, ...key, amount: 2 }]);
    expect(adapter.keyOf("x.Price", rows[0] ?? {})).toEqual(key);
  });

  test("in a transaction, and told to the observers once", async () => {
    const { db, adapter, Sample } = await samples();
    const events: SaveEvent[] = [];
    adapter.observe({
      begun: () => {},
      inside: (_, run) => run(),
      committed: async () => {},
      rolledBack: () => {},
      saved: async (event) => void events.push(event),
    });
    let token: object | undefined;
    const outcome = db.transaction(async (transaction) => {
      token = adapter.transactionOf(transaction);
      await adapter.save("qa.Sample", exact, { transaction });
      throw new Error("no");
    });
    await expect(outcome).rejects.toThrow("no");
    expect(await Sample.count()).toBe(0);
    expect(events).toEqual([
      { operation: "update", model: "qa.Sample", key: 1, row: expect.any(Sample), transaction: token },
    ]);
  });

  test("without the key it is refused", async () => {
    const { adapter } = await samples();
    const refused = adapter.save("qa.Membership", { userId: 1, body: "b" });
    await expect(refused).rejects.toMatchObject({ code: "ERR_REFERENCE_KEY" });
    await expect(refused).rejects.toThrow(/"qa\.Membership".*without the key \("userId", "groupName"\)/);
  });

  describe("rows in memory", () => {
    const gotten = vi.fn();
    async function defineShy(): Promise<{ Shy: ModelStatic<Model>; adapter: ReturnType<typeof sequelize> }> {
      const { db } = await open();
      const Shy = db.define(
        "Shy",
        {
          id: { type: DataTypes.INTEGER, primaryKey: true, get: gotten },
          name: { type: DataTypes.STRING, get: gotten, set: gotten },
          shout: { type: DataTypes.VIRTUAL, get: gotten },
        },
        { timestamps: false },
      );
      await Shy.sync();
      return { Shy, adapter: sequelize(db, { "x.Shy": Shy }) };
    }

    test("are read and made without getters and setters, virtual attributes and toJSON", async () => {
      const { Shy, adapter } = await defineShy();
      const entity = adapter.entityOf("x.Shy", { id: 1, name: "a", shout: "A", nope: 1 });
      expect(entity).toBeInstanceOf(Shy);
      expect(adapter.fieldsOf("x.Shy", entity)).toEqual({ id: 1, name: "a" });
      expect(adapter.keyOf("x.Shy", entity)).toBe(1);
      await adapter.save("x.Shy", { id: 1, name: "a" });
      const [row] = await adapter.load("x.Shy", [1]);
      expect(adapter.fieldsOf("x.Shy", row ?? {})).toEqual({ id: 1, name: "a" });
      expect(gotten).not.toHaveBeenCalled();
    });

    test("that were made are stored rows to Sequelize, unchanged", async () => {
      const { adapter, Sample } = await samples();
      await adapter.save("qa.Sample", exact);
      const entity = adapter.entityOf("qa.Sample", exact) as Model;
      expect([entity.isNewRecord, entity.changed()]).toEqual([false, false]);
      expect(entity.dataValues).toEqual(exact);
      await entity.update({ price: "2.5000" });
      expect((await Sample.findByPk(1))?.get("price")).toBe("2.5000");
      const part = adapter.entityOf("qa.Sample", { id: 1 });
      expect(adapter.fieldsOf("qa.Sample", part)).toEqual({ id: 1 });
    });

    test("trap: whose class fields hide Sequelize's getters are read all the same", async () => {
      const { db } = await open();
      class Hidden extends Model {
        id!: number;
        name!: string;
      }
      Hidden.init({ name: DataTypes.STRING }, { sequelize: db, timestamps: false });
      await Hidden.sync();
      vi.spyOn(console, "warn").mockImplementation(() => {});
      await Hidden.create({ name: "a" });
      const adapter = sequelize(db, { "x.Hidden": Hidden });
      const [hidden = {}] = await adapter.load("x.Hidden", [1]);
      expect(hidden).toMatchObject({ id: undefined, name: undefined });
      expect(adapter.keyOf("x.Hidden", hidden)).toBe(1);
      expect(adapter.fieldsOf("x.Hidden", hidden)).toEqual({ id: 1, name: "a" });
    });

    test("of raw queries, and parts of rows, are read as they are", async () => {
      const { adapter, Sample } = await samples();
      await adapter.save("qa.Sample", exact);
      const [raw] = await Sample.findAll({ raw: true });
      expect(adapter.fieldsOf("qa.Sample", raw ?? {})).toMatchObject({ id: 1, price: exact.price });
      const part = await Sample.findOne({ attributes: ["id", "at", ["price", "renamed"]] });
      expect(adapter.fieldsOf("qa.Sample", part ?? {})).toEqual({ id: 1, at: exact.at });
      expect(adapter.keyOf("qa.Sample", Sample.build({}))).toBeUndefined();
    });
  });

  describe("sql", () => {
    const mark = (position: number): string => (dialect === "postgres" ? `$${position}` : "?");

    test("parameters and rows are plain, texts exact", async () => {
      const { adapter } = await samples();
      const { sql } = adapter;
      expect(sql?.dialect).toBe(dialect);
      const texts = ["it's", "a ? b", "$1 :x $$ %", '"', "\\", "日本🌱", "-- no", ""];
      for (const [index, text] of texts.entries()) {
        const insert = `insert into samples (id, price, big_number) values (${mark(1)}, null, ${mark(2)}) returning id`;
        expect(await sql?.query(insert, [index, null])).toEqual([{ id: index }]);
        const body = `insert into tags (tag_name, body) values (${mark(1)}, ${mark(2)})`;
        expect(await sql?.query(body, [text, String(index)])).toEqual([]);
        const select = `select tag_name, body as "theBody" from tags where tag_name = ${mark(1)}`;
        expect(await sql?.query(select, [text])).toEqual([{ tag_name: text, theBody: String(index) }]);
      }
      expect(await sql?.query("update tags set body = 'x' returning tag_name", [])).toHaveLength(
        texts.length,
      );
      expect(await sql?.query("delete from tags", [])).toEqual([]);
      expect(await sql?.query("create table more (id integer)", [])).toEqual([]);
    });

    test("runs in a transaction", async () => {
      const { adapter, db, models } = await samples();
      const insert = `insert into tags (tag_name, body) values (${mark(1)}, ${mark(2)})`;
      const outcome = db.transaction(async (transaction) => {
        await adapter.sql?.query(insert, ["a", "b"], { transaction });
        throw new Error("no");
      });
      await expect(outcome).rejects.toThrow("no");
      expect(await models["qa.Tag"].count()).toBe(0);
    });
  });
});
