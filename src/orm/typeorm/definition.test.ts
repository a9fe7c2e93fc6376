import { Column, DataSource, Entity, EntitySchema, PrimaryColumn, VersionColumn } from "typeorm";
import { describe, expect, test } from "vitest";
import { Comment, entitiesFor, openSqlite } from "../../../test/orm/typeorm-database.ts";
import { memory } from "../../engine/memory.ts";
import { Reference, ref } from "../../model/ref.ts";
import { Petiole } from "../../task/petiole.ts";
import { testApp } from "../../testing/test-app.ts";
import { plainEntity, typeorm } from "../typeorm.ts";

describe("what the adapter is given", () => {
  test.each([
    ["no DataSource", {}, /expected a DataSource.*received object/],
    ["its options", { type: "postgres" }, /expected a DataSource.*received object/],
    ["nothing", undefined, /received undefined/],
    [
      "one for MongoDB",
      { "@instanceof": Symbol.for("DataSource"), options: { type: "mongodb" } },
      /mongoose/,
    ],
  ])("for a DataSource: %s", (_, given, message) => {
    expect(() => typeorm(given as never, {})).toThrow(definitionError(message));
  });

  test.each([
    ["a date", new Date(), /"x.Y": expected an entity.*received Date/],
    ["a name", "Comment", /received string "Comment"/],
    ["null", null, /received null/],
    ["settings without an entity", { key: ["id"] }, /received object/],
    ["settings of what is none", { entity: "Comment" }, /received \{ entity: string "Comment" \}/],
    ["a function", () => undefined, /received function/],
    ["a key that is no list", { entity: Comment, key: "id" }, /`key` must be.*received string "id"/],
    ["an empty key", { entity: Comment, key: [] }, /`key` must be/],
    ["a version that is no name", { entity: Comment, version: 1 }, /`version` must be.*received number 1/],
  ])("for an entity: %s", (_, given, message) => {
    expect(() => typeorm(unopened(), { "x.Y": given as never })).toThrow(definitionError(message));
  });

  test("for the connection's name", () => {
    expect(typeorm(unopened(), {}, { connection: "archive" }).connection).toBe("archive");
    expect("connection" in typeorm(unopened(), {})).toBe(false);
    expect(() => typeorm(unopened(), {}, { connection: 1 as never })).toThrow(
      definitionError(/`connection`/),
    );
    expect(() => typeorm(unopened(), {}, { conection: "a" } as never)).toThrow(
      definitionError(/options are connection; /),
    );
  });
});

describe("a DataSource that is not initialised", () => {
  test("is asked when it is", async () => {
    await withEntities(entitiesFor("sqlite"), async (initialised) => {
      const dataSource = new DataSource(initialised.options);
      class Strange {
        declare id: number;
      }
      const adapter = typeorm(dataSource, { "qa.Comment": Comment });
      const wrong = typeorm(dataSource, { "x.Strange": Strange });
      wrong.observe({
        begun: () => undefined,
        inside: (_transaction, work) => work(),
        committed: async () => undefined,
        rolledBack: () => undefined,
        saved: async () => undefined,
      });
      expect(adapter.models.map(({ name, target }) => [name, target])).toEqual([["qa.Comment", Comment]]);
      expect(adapter.modelOf(new Comment())).toBe("qa.Comment");
      const notYet = {
        code: "ERR_DATABASE_UNREACHABLE",
        message: expect.stringMatching(/dataSource\.initialize\(\)/),
      };
      expect(() => ref(Comment, 7)).toThrow(expect.objectContaining(notYet));
      await expect(adapter.load("qa.Comment", [7])).rejects.toMatchObject(notYet);
      await expect(adapter.transaction(dataSource, async () => 7)).rejects.toThrow();
      // As soon as it can be known.
      await expect(dataSource.initialize()).rejects.toThrow(
        definitionError(/no entity for the class Strange/),
      );
      expect(ref(Comment, 7)).toEqual(new Reference("qa.Comment", 7));
      expect(await adapter.load("qa.Comment", [7])).toEqual([]);
      await dataSource.destroy();
      await expect(adapter.load("qa.Comment", [7])).rejects.toThrow();
    });
  });
});

test("an app may be made before its DataSource is initialised", async () => {
  await withEntities(entitiesFor("sqlite"), async ({ options }) => {
    const dataSource = new DataSource(options);
    const app = new Petiole({ engine: memory(), models: [typeorm(dataSource, { "qa.Comment": Comment })] });
    const words = app.task("words", ({ comment }: { comment: Comment }) => comment.body.split(" ").length);
    const tester = testApp(app);
    await dataSource.initialize();
    const sent = await dataSource.transaction(async (manager) => {
      const comment = await manager.save(manager.create(Comment, { id: 1, body: "one two" }));
      // An instance of a model travels as a reference by itself.
      return words.enqueue({ comment });
    });
    await dataSource.manager.update(Comment, 1, { body: "one two three" });
    await tester.drain();
    expect(await sent.result()).toBe(3);
    await tester.close();
    await app.close();
    await dataSource.destroy();
  });
});

describe("the key of an entity", () => {
  class Thing {
    declare id: unknown;
    declare code: string;
    declare at: Date;
  }
  const thing = (columns: object) => new EntitySchema<Thing>({ name: "Thing", target: Thing, columns });
  const code = { type: "text" } as const;

  test("is its primary key, or one that is stated", async () => {
    const columns = { id: { type: "integer", primary: true }, code: { ...code, unique: true } };
    await withEntities([thing(columns)], async (dataSource) => {
      const adapter = typeorm(dataSource, {
        "x.ById": Thing,
        "x.ByCode": { entity: Thing, key: ["code"], version: "id" },
        "x.ByBoth": { entity: Thing, key: ["code", "id"] },
      });
      expect(adapter.models.map(({ key }) => key)).toEqual([["id"], ["code"], ["code", "id"]]);
      expect(adapter.models.map(({ version }) => version)).toEqual([undefined, "id", undefined]);
      await adapter.save("x.ByCode", { id: 1, code: "a" });
      await adapter.save("x.ByCode", { id: 2, code: "a" });
      expect(await adapter.load("x.ByCode", ["a", "b"])).toEqual([{ id: 2, code: "a" }]);
      expect(adapter.keyOf("x.ByBoth", { id: 2, code: "a" })).toEqual({ code: "a", id: 2 });
      expect(await adapter.load("x.ByBoth", [{ code: "a", id: 2 }])).toHaveLength(1);
    });
  });

  test.each([
    [
      "a date",
      { id: { type: "datetime", primary: true } },
      /"id" is a datetime.*strings, integers and bigints/,
    ],
    ["a boolean", { id: { type: "boolean", primary: true } }, /"id" is a boolean/],
    ["bytes", { id: { type: "blob", primary: true } }, /"id" is a blob/],
  ])("is refused when it is %s", async (_, columns, message) => {
    await withEntities([thing(columns)], async (dataSource) => {
      expect(() => typeorm(dataSource, { "x.Y": Thing })).toThrow(definitionError(message));
    });
  });

  test("may be of any column that a function makes into a text", async () => {
    const hex = {
      to: (text: string) => Buffer.from(text, "hex"),
      from: (bytes: Uint8Array) => Buffer.from(bytes).toString("hex"),
    };
    await withEntities(
      [thing({ id: { type: "blob", primary: true, transformer: hex } })],
      async (dataSource) => {
        const adapter = typeorm(dataSource, { "x.Y": Thing });
        await adapter.save("x.Y", { id: "beef" });
        expect(await adapter.load("x.Y", ["beef", "dead", "no hex"])).toEqual([{ id: "beef" }]);
      },
    );
  });

  test("is refused when what is stated is no column, and so is a version", async () => {
    await withEntities([thing({ id: { type: "integer", primary: true } })], async (dataSource) => {
      const wrong = (settings: object) => () =>
        typeorm(dataSource, { "x.Y": { entity: Thing, ...settings } });
      expect(wrong({ key: ["nope"] })).toThrow(definitionError(/"nope"/));
      expect(wrong({ version: "nope" })).toThrow(definitionError(/`version` names "nope"/));
      expect(wrong({ version: "xmin" })).toThrow(definitionError(/Only PostgreSQL/));
    });
  });
});

describe("entities", () => {
  test("may be decorated classes", async () => {
    class Decorated {
      declare id: number;
      declare title: string;
      declare revision: number;
    }
    Entity({ name: "decorated_rows" })(Decorated);
    PrimaryColumn("integer", { name: "row_id" })(Decorated.prototype, "id");
    Column("text")(Decorated.prototype, "title");
    VersionColumn({ type: "integer" })(Decorated.prototype, "revision");
    await withEntities([Decorated], async (dataSource) => {
      const adapter = typeorm(dataSource, { "x.Decorated": Decorated });
      await dataSource.manager.save(dataSource.manager.create(Decorated, { id: 1, title: "first" }));
      const [row] = await adapter.load("x.Decorated", [1]);
      expect(row).toBeInstanceOf(Decorated);
      expect(adapter.modelOf(row ?? {})).toBe("x.Decorated");
      expect(ref(Decorated, row ?? {})).toEqual(new Reference("x.Decorated", 1));
      expect(adapter.models[0]).toMatchObject({ version: "revision", fields: ["id", "title", "revision"] });
    });
  });

  test("may be named by their schema or their class, and both can be referred to", async () => {
    const [schema] = entitiesFor("sqlite");
    if (schema === undefined) throw new Error("no schema");
    await withEntities([schema], async (dataSource) => {
      const adapter = typeorm(dataSource, { "x.Comment": schema });
      expect(adapter.models[0]?.target).toBe(schema);
      expect(adapter.modelOf(new Comment())).toBe("x.Comment");
      expect(adapter.models[0]?.key).toEqual(["id"]);
      expect(ref(schema, 7)).toEqual(new Reference("x.Comment", 7));
    });
  });

  test("may be schemas without a class, whose rows are plain objects", async () => {
    const schema = new EntitySchema<{ id: number }>({
      name: "Plain",
      columns: { id: { type: "integer", primary: true } },
    });
    const plain = plainEntity<{ id: number }>(schema);
    await withEntities([schema], async (dataSource) => {
      const adapter = typeorm(dataSource, { "x.Plain": plain });
      expect(adapter.models[0]?.target).toBe(plain);
      expect(ref(plain, { id: 7 })).toEqual(new Reference("x.Plain", 7));
      expect(ref(schema, { id: 7 })).toEqual(new Reference("x.Plain", 7));
    });
  });

  test("that the DataSource does not have are refused", async () => {
    class Unknown {
      declare id: number;
    }
    const schema = new EntitySchema<object>({ name: "Nowhere", columns: {} });
    await withEntities(entitiesFor("sqlite"), async (dataSource) => {
      expect(() => typeorm(dataSource, { "x.Y": Unknown })).toThrow(
        definitionError(/the class Unknown.*entities/),
      );
      expect(() => typeorm(dataSource, { "x.Y": schema })).toThrow(definitionError(/EntitySchema "Nowhere"/));
    });
  });

  test("by unknown names are refused", async () => {
    await withEntities(entitiesFor("sqlite"), async (dataSource) => {
      const adapter = typeorm(dataSource, { "qa.Comment": Comment });
      expect(() => adapter.keyOf("qa.Nope", {})).toThrow(
        expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }),
      );
      await expect(adapter.load("qa.Nope", [1])).rejects.toMatchObject({ code: "ERR_MODEL_UNKNOWN" });
    });
  });
});

test("what a handle is not is said", async () => {
  await withEntities(entitiesFor("sqlite"), async (dataSource) => {
    const adapter = typeorm(dataSource, { "qa.Comment": Comment });
    const refused = {
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringMatching(/query runner.*received Repository/),
    };
    const repository = dataSource.getRepository(Comment);
    await expect(adapter.transaction(repository, async () => 7)).rejects.toMatchObject(refused);
    await expect(adapter.sql?.query("select 1", [], { transaction: repository })).rejects.toMatchObject(
      refused,
    );
  });
});

function definitionError(message: RegExp): unknown {
  return expect.objectContaining({ code: "ERR_MODEL_DEFINITION", message: expect.stringMatching(message) });
}

function unopened(): DataSource {
  return new DataSource({ type: "better-sqlite3", database: ":memory:", entities: entitiesFor("sqlite") });
}

async function withEntities(
  entities: readonly (EntitySchema<never> | EntitySchema<object> | (new () => object))[],
  run: (dataSource: DataSource) => Promise<void>,
): Promise<void> {
  const options = { synchronize: true, entities, prepareDatabase: () => undefined } as never;
  const database = await openSqlite({ tables: "", options });
  try {
    await run(database.dataSource);
  } finally {
    await database.close();
  }
}
