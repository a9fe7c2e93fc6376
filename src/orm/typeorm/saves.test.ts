import { type DataSource, EntitySchema } from "typeorm";
import { describe, expect, test } from "vitest";
import { openSqlite } from "../../../test/orm/typeorm-database.ts";
import type { SaveEvent } from "../../model/observer.ts";
import { type TypeormModels, typeorm } from "../typeorm.ts";

class Note {
  declare id: number;
  declare slug: string;
  declare body: string;
  declare folder: Folder | null;
  declare hiddenAt: Date | null;
}
class Folder {
  declare id: number;
  declare title: string;
  declare notes: Note[];
}
class Animal {
  declare id: number;
  declare kind: string;
}
class Bird extends Animal {
  declare span: number;
}

const id = { type: "integer", primary: true, generated: "increment" } as const;
const entities = [
  new EntitySchema<Note>({
    name: "Note",
    target: Note,
    columns: {
      id,
      slug: { type: "text", unique: true },
      body: { type: "text", default: "empty" },
      hiddenAt: { type: "datetime", deleteDate: true },
    },
    relations: { folder: { type: "many-to-one", target: "Folder", inverseSide: "notes", nullable: true } },
  }),
  new EntitySchema<Folder>({
    name: "Folder",
    target: Folder,
    columns: { id, title: { type: "text" } },
    relations: { notes: { type: "one-to-many", target: "Note", inverseSide: "folder", cascade: true } },
  }),
  new EntitySchema<Animal>({
    name: "Animal",
    target: Animal,
    inheritance: { pattern: "STI", column: "kind" },
    columns: { id, kind: { type: "text" } },
  }),
  new EntitySchema<Bird>({
    name: "Bird",
    target: Bird,
    type: "entity-child",
    discriminatorValue: "bird",
    columns: { ...({ id, kind: { type: "text" } } as object), span: { type: "integer", nullable: true } },
  }),
];
const models = { "x.Note": Note, "x.Folder": Folder, "x.Animal": Animal };

describe("saves through a repository", () => {
  test("insert, update and remove, with the row where it is whole", async () => {
    await observing(async (dataSource, told) => {
      const repository = dataSource.getRepository(Note);
      const note = await repository.save(repository.create({ slug: "a" }));
      note.body = "edited";
      await repository.save(note);
      await repository.save({ id: note.id, body: "of a part" });
      await repository.remove(note);
      expect(told.map(({ operation, model, key }) => [operation, model, key])).toEqual([
        ["insert", "x.Note", 1],
        ["update", "x.Note", 1],
        ["update", "x.Note", 1],
        ["delete", "x.Note", 1],
      ]);
      expect(told.map(({ row }) => row && Reflect.get(row, "body"))).toEqual([
        "edited",
        "edited",
        undefined,
        "of a part",
      ]);
      expect(told[0]?.row).toBe(note);
    });
  });

  test("a save that changes nothing is not told", async () => {
    await observing(async (dataSource, told) => {
      const note = await dataSource.manager.save(dataSource.manager.create(Note, { slug: "a" }));
      await dataSource.manager.save(note);
      expect(told).toHaveLength(1);
    });
  });

  test("what a save cascades to is told as well, one after another", async () => {
    const order: string[] = [];
    const slow = async ({ model, key }: SaveEvent): Promise<void> => {
      order.push(`${model} ${String(key)}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
      order.push("done");
    };
    await observing(async (dataSource) => {
      const { manager } = dataSource;
      const notes = ["a", "b"].map((slug) => manager.create(Note, { slug }));
      await manager.save(manager.create(Folder, { title: "f", notes }));
      expect(order).toEqual(["x.Folder 1", "done", "x.Note 1", "done", "x.Note 2", "done"]);
    }, slow);
  });

  test("the first that rejects ends the save, and the rest are not told", async () => {
    const failure = new Error("the listener's");
    const reject = async (): Promise<void> => {
      throw failure;
    };
    await observing(async (dataSource, told) => {
      const { manager } = dataSource;
      const notes = ["a", "b"].map((slug) => manager.create(Note, { slug }));
      await expect(manager.save(notes)).rejects.toBe(failure);
      expect(told).toHaveLength(1);
      expect(await manager.count(Note)).toBe(0);
    }, reject);
  });

  test("what a listener saves itself is told, and nothing waits for itself", async () => {
    let dataSource: DataSource | undefined;
    const log = async ({ model }: SaveEvent): Promise<void> => {
      if (model === "x.Note")
        await dataSource?.manager.save(dataSource.manager.create(Folder, { title: "log" }));
    };
    await observing(async (opened, told) => {
      dataSource = opened;
      await opened.manager.save(["a", "b"].map((slug) => opened.manager.create(Note, { slug })));
      expect(told.map(({ model }) => model)).toEqual(["x.Note", "x.Folder", "x.Note", "x.Folder"]);
    }, log);
  });

  test("a soft removal is told as a deletion, and a recovery as an update", async () => {
    await observing(async (dataSource, told) => {
      const repository = dataSource.getRepository(Note);
      const note = await repository.save(repository.create({ slug: "a" }));
      await repository.softRemove(note);
      await repository.recover(note);
      expect(told.map(({ operation, key }) => [operation, key])).toEqual([
        ["insert", 1],
        ["delete", 1],
        ["update", 1],
      ]);
    });
  });

  test("an entity of a subclass is told under its own model, or that of its class", async () => {
    await observing(async (dataSource, told) => {
      const bird = await dataSource.manager.save(dataSource.manager.create(Bird, { span: 3 }));
      const adapter = typeorm(dataSource, { "x.Bird": Bird, "x.Animal": Animal });
      const own: SaveEvent[] = [];
      adapter.observe(listener(async (event) => void own.push(event)));
      bird.span = 4;
      await dataSource.manager.save(bird);
      expect(told.map(({ model, key }) => [model, key])).toEqual([
        ["x.Animal", bird.id],
        ["x.Animal", bird.id],
      ]);
      expect(own.map(({ model }) => model)).toEqual(["x.Bird"]);
      expect(adapter.modelOf(bird)).toBe("x.Bird");
      expect(typeorm(dataSource, { "x.Animal": Animal }).modelOf(bird)).toBe("x.Animal");
    });
  });

  test("nothing is told where TypeORM is told not to call listeners, and of raw SQL", async () => {
    await observing(async (dataSource, told) => {
      await dataSource.manager.save(dataSource.manager.create(Note, { slug: "a" }), { listeners: false });
      await dataSource.query("update note set body = 'x'");
      await dataSource
        .createQueryBuilder()
        .insert()
        .into(Note)
        .values({ slug: "b" })
        .callListeners(false)
        .execute();
      expect(told).toEqual([]);
    });
  });
});

describe("writes through query builders", () => {
  test("inserts are told with their keys, which they generate", async () => {
    await observing(async (dataSource, told) => {
      await dataSource.getRepository(Note).insert([{ slug: "a" }, { slug: "b" }]);
      await dataSource.getRepository(Note).insert({ slug: "c" });
      expect(told.map(({ operation, key, transaction }) => [operation, key, transaction])).toEqual([
        ["insert", 1, undefined],
        ["insert", 2, undefined],
        ["insert", 3, undefined],
      ]);
    });
  });

  test("updates and deletions are told once, without keys", async () => {
    await observing(async (dataSource, told) => {
      const repository = dataSource.getRepository(Note);
      await repository.insert([{ slug: "a" }, { slug: "b" }]);
      told.length = 0;
      await repository.update(1, { body: "x" });
      await repository.increment({ id: 1 }, "id", 100);
      await repository.softDelete({ slug: "a" });
      await repository.restore({ slug: "a" });
      await repository.delete(2);
      expect(told.map(({ operation, model, key }) => [operation, model, key])).toEqual([
        ["update", "x.Note", undefined],
        ["update", "x.Note", undefined],
        ["delete", "x.Note", undefined],
        ["update", "x.Note", undefined],
        ["delete", "x.Note", undefined],
      ]);
    });
  });

  test("trap: after an upsert TypeORM supposes a key, which may be another row's: none is told", async () => {
    await observing(async (dataSource, told) => {
      const repository = dataSource.getRepository(Note);
      await repository.insert([{ slug: "a" }, { slug: "b" }]);
      told.length = 0;
      const upserted = { slug: "a", body: "edited" };
      await repository.upsert([upserted, { slug: "c" }], ["slug"]);
      // TypeORM itself is wrong, or this test shows nothing.
      expect(upserted).not.toMatchObject({ id: 1 });
      const ignored = dataSource.createQueryBuilder().insert().into(Note).values({ slug: "b" }).orIgnore();
      await ignored.execute();
      expect(told.map(({ operation, key }) => [operation, key])).toEqual([
        ["insert", undefined],
        ["insert", undefined],
      ]);
    });
  });

  test("what the adapter saves is told once, with its key", async () => {
    await observing(async (dataSource, told) => {
      const adapter = typeorm(dataSource, models);
      adapter.observe(listener(async (event) => void told.push(event)));
      await adapter.save("x.Note", { id: 7, slug: "a" });
      await adapter.save("x.Note", { id: 7, body: "edited" });
      expect(told.map(({ operation, key }) => [operation, key])).toEqual([
        ["insert", 7],
        ["update", 7],
      ]);
    });
  });
});

async function observing(
  run: (dataSource: DataSource, told: SaveEvent[]) => Promise<void>,
  saved: (event: SaveEvent) => Promise<void> = async () => undefined,
  named: TypeormModels = models,
): Promise<void> {
  const database = await openSqlite({
    entities,
    tables: "",
    options: { synchronize: true, prepareDatabase: () => undefined } as never,
  });
  try {
    const told: SaveEvent[] = [];
    typeorm(database.dataSource, named).observe(
      listener(async (event) => {
        told.push(event);
        await saved(event);
      }),
    );
    await run(database.dataSource, told);
  } finally {
    await database.close();
  }
}

function listener(saved: (event: SaveEvent) => Promise<void>) {
  return {
    begun: () => undefined,
    inside: <Result>(_transaction: object, work: () => Result): Result => work(),
    committed: async () => undefined,
    rolledBack: () => undefined,
    saved,
  };
}
