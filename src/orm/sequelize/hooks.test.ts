import { DataTypes, type Model, type ModelStatic, type Sequelize } from "sequelize";
import { expect, test } from "vitest";
import { defineModels, onEachDatabase } from "../../../test/orm/sequelize.ts";
import type { OrmObserver, SaveEvent } from "../../model/observer.ts";
import { sequelize } from "../sequelize.ts";

/** An observer of saved rows alone. */
function listener(saved: (event: SaveEvent) => Promise<void>): OrmObserver {
  return {
    begun: () => {},
    inside: (_, run) => run(),
    committed: async () => {},
    rolledBack: () => {},
    saved,
  };
}

async function defineNotes(db: Sequelize): Promise<ModelStatic<Model>> {
  const Note = db.define(
    "Note",
    {
      id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
      slug: { type: DataTypes.STRING, unique: true },
      text: DataTypes.TEXT,
    },
    { paranoid: true, defaultScope: { where: { text: "shown" } } },
  );
  await Note.sync();
  return Note;
}

onEachDatabase((open, dialect) => {
  async function observed() {
    const { db } = await open();
    const models = defineModels(db);
    const Note = await defineNotes(db);
    const adapter = sequelize(db, {
      "qa.Note": Note,
      "qa.Post": models["qa.Post"],
      "qa.Author": models["qa.Author"],
    });
    const events: SaveEvent[] = [];
    adapter.observe(listener(async (event) => void events.push(event)));
    const told = (): string[] =>
      events.splice(0).map((event) => `${event.operation} ${event.model} ${String(event.key ?? "many")}`);
    return { db, models, adapter, Note, events, told };
  }

  test("each way to write a row is told once", async () => {
    const { Note, told } = await observed();
    const note = await Note.create({ slug: "a", text: "shown" });
    expect(told()).toEqual(["insert qa.Note 1"]);
    await note.update({ text: "hidden" });
    expect(told()).toEqual(["update qa.Note 1"]);
    note.set("text", "shown");
    await note.save();
    expect(told()).toEqual(["update qa.Note 1"]);
    await note.save();
    expect(told()).toEqual([]);
    await note.destroy();
    expect(told()).toEqual(["delete qa.Note 1"]);
    await note.restore();
    expect(told()).toEqual(["update qa.Note 1"]);
    await note.destroy({ force: true });
    expect(told()).toEqual(["delete qa.Note 1"]);
  });

  test("an upsert is told as an update, for the database does not say", async () => {
    const { Note, told } = await observed();
    const [, isNew] = await Note.upsert({ id: 5, slug: "a" });
    expect(isNew).toBe(null);
    expect(told()).toEqual(["update qa.Note 5"]);
  });

  test("rows that are created together are told one by one, where their keys are true", async () => {
    const { Note, told } = await observed();
    await Note.bulkCreate([{ slug: "a" }, { slug: "b" }]);
    expect(told()).toEqual(["insert qa.Note 1", "insert qa.Note 2"]);
    await Note.bulkCreate([{ slug: "c" }, { slug: "d" }], { individualHooks: true });
    expect(told().sort()).toEqual(["insert qa.Note 3", "insert qa.Note 4"]);
    await Note.bulkCreate([{ slug: "a" }, { slug: "e" }], { ignoreDuplicates: true });
    expect(told()).toEqual(["insert qa.Note many"]);
    await Note.bulkCreate([{ slug: "f" }], { returning: false });
    expect(told()).toEqual(
      dialect === "postgres" ? ["insert qa.Note many"] : [expect.stringMatching(/^insert/)],
    );
    await Note.bulkCreate([{ id: 1, slug: "a", text: "new" }], { updateOnDuplicate: ["text"] });
    expect(told()).toEqual([dialect === "postgres" ? "update qa.Note 1" : "update qa.Note many"]);
  });

  test("writes of many without keys are told once, unless their rows are known", async () => {
    const { Note, told } = await observed();
    await Note.bulkCreate([
      { slug: "a", text: "shown" },
      { slug: "b", text: "shown" },
    ]);
    told();
    await Note.update({ slug: null }, { where: {} });
    expect(told()).toEqual(["update qa.Note many"]);
    await Note.destroy({ where: { id: 1 } });
    expect(told()).toEqual(["delete qa.Note many"]);
    await Note.restore({ where: { id: 1 } });
    expect(told()).toEqual(["update qa.Note many"]);
    await Note.update({ text: "shown" }, { where: { id: [1, 2] }, individualHooks: true });
    expect(told().sort()).toEqual(["update qa.Note 1", "update qa.Note 2"]);
    await Note.destroy({ where: { id: [1, 2] }, individualHooks: true });
    expect(told().sort()).toEqual(["delete qa.Note 1", "delete qa.Note 2"]);
    await Note.truncate();
    expect(told()).toEqual(["delete qa.Note many"]);
  });

  test("rows of a scope are told by their model; those of other models and other schemas not at all", async () => {
    const { Note, models, told } = await observed();
    await Note.unscoped().create({ slug: "a", text: "hidden" });
    expect(told()).toEqual(["insert qa.Note 1"]);
    await (await Note.unscoped().findByPk(1))?.update({ text: "still" });
    expect(told()).toEqual(["update qa.Note 1"]);
    await Note.unscoped().update({ text: "all" }, { where: {} });
    expect(told()).toEqual(["update qa.Note many"]);
    await models["qa.Comment"].create({ id: 1, body: "not named" });
    await models["qa.Comment"].update({ body: "neither" }, { where: {} });
    expect(told()).toEqual([]);
  });

  test("rows that are created with others are told as well", async () => {
    const { models, told } = await observed();
    await models["qa.Author"].create(
      { id: 1, name: "Ada", posts: [{ id: 1, title: "first" }] },
      { include: [{ association: "posts" }] },
    );
    expect(told().sort()).toEqual(["insert qa.Author 1", "insert qa.Post 1"]);
  });

  test("the row is given where it is whole", async () => {
    const { Note, events } = await observed();
    const note = await Note.create({ slug: "a", text: "shown", deletedAt: null });
    expect(events.pop()?.row).toBe(note);
    const part = await Note.findOne({ attributes: ["id", "text"] });
    await part?.update({ text: "x" });
    expect(events.pop()).toMatchObject({ key: 1, row: undefined });
  });

  test("what no hook tells of: raw SQL, increment, hooks: false", async () => {
    const { db, Note, told } = await observed();
    const note = await Note.create({ slug: "a", text: "shown" }, { hooks: false });
    await note.increment("id", { by: 10 });
    await Note.update({ slug: "b" }, { where: {}, hooks: false });
    await db.query(`update ${dialect === "postgres" ? '"Notes"' : "Notes"} set text = 'raw'`);
    expect(told()).toEqual([]);
  });

  test("a listener that throws fails the write, and with it the transaction", async () => {
    const { db, adapter, Note } = await observed();
    const failure = new Error("not indexed");
    adapter.observe(listener(() => Promise.reject(failure)));
    await expect(db.transaction((t) => Note.create({ text: "shown" }, { transaction: t }))).rejects.toBe(
      failure,
    );
    expect(await Note.count()).toBe(0);
  });

  test("a listener is awaited, in the write's transaction", async () => {
    const { db, adapter, Note } = await observed();
    const seen: unknown[] = [];
    let handle: object | undefined;
    adapter.observe({
      ...listener(async ({ key, transaction }) => {
        const rows = await adapter.load("qa.Note", [Number(key)], { transaction: handle });
        seen.push(transaction === adapter.transactionOf(handle ?? {}), rows.length);
      }),
      begun: (begun) => void (handle = begun.handle),
    });
    await db.transaction((t) => Note.create({ text: "shown" }, { transaction: t }));
    expect(seen).toEqual([true, 1]);
  });
});
