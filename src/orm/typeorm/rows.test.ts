import { DataSource, EntitySchema } from "typeorm";
import { describe, expect, test } from "vitest";
import {
  Comment,
  Post,
  Sample,
  type TestSettings,
  describeOnPg,
  openSqlite,
  targets,
} from "../../../test/orm/typeorm-database.ts";
import { type TypeormModels, plainEntity, typeorm } from "../typeorm.ts";

class Name {
  declare first: string;
  declare last: string;

  get whole(): string {
    return `${this.first} ${this.last}`;
  }
}
class Shop {
  declare country: string;
  declare code: bigint;
  declare title: string;
}
class Writer {
  declare id: string;
  declare name: Name;
  declare secret: string;
  declare books: Book[];
}
class Book {
  declare id: number;
  declare title: string;
  declare writer: Writer | null;
  declare editor: Promise<Writer | null>;
  declare shop: Shop | null;
  declare editedAt: Date;
  declare length: number;
}
interface Plain {
  id: number;
  text: string;
}

const id = { type: "integer", primary: true } as const;
const text = { type: "text" } as const;
const names = new EntitySchema<Name>({ name: "Name", target: Name, columns: { first: text, last: text } });
const plain = new EntitySchema<Plain>({ name: "Plain", columns: { id, text } });
const entities = [
  new EntitySchema<Shop>({
    name: "Shop",
    target: Shop,
    columns: { country: { ...text, primary: true }, code: { type: "bigint", primary: true }, title: text },
  }),
  new EntitySchema<Writer>({
    name: "Writer",
    target: Writer,
    columns: { id: { type: "uuid", primary: true }, secret: { ...text, select: false } },
    embeddeds: { name: { schema: names } },
    relations: { books: { type: "one-to-many", target: "Book", inverseSide: "writer" } },
  }),
  new EntitySchema<Book>({
    name: "Book",
    target: Book,
    columns: {
      id,
      title: text,
      editedAt: { type: Date, updateDate: true },
      length: {
        type: "integer",
        virtualProperty: true,
        query: (alias: string) => `length(${alias}.title)`,
      } as never,
    },
    relations: {
      writer: { type: "many-to-one", target: "Writer", inverseSide: "books", nullable: true },
      editor: { type: "many-to-one", target: "Writer", lazy: true, nullable: true },
      shop: { type: "many-to-one", target: "Shop", nullable: true },
    },
  }),
  plain,
];
const models = { "x.Book": Book, "x.Writer": Writer, "x.Shop": Shop, "x.Plain": plainEntity<Plain>(plain) };
const [ada, ben] = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"] as const;

const settings: TestSettings = { entities, tables: "", options: { synchronize: true } };

describe("a relation without a property for its column", () => {
  test("has its key after a load, as an entity of which no more is known", async () => {
    await withBooks(async (adapter) => {
      const [book] = (await adapter.load("x.Book", [1])) as [Book];
      expect(book.writer).toBeInstanceOf(Writer);
      expect(book.writer).toEqual({ id: ada });
      expect(adapter.modelOf(book.writer ?? {})).toBe("x.Writer");
      expect(adapter.keyOf("x.Writer", book.writer ?? {})).toBe(ada);
      expect(book.shop).toEqual({ country: "at", code: expect.anything() });
    });
  });

  test("is among the fields under its own name, with the bare key or an object of it", async () => {
    await withBooks(async (adapter) => {
      for (const options of [{}, { with: ["writer", "shop", "editor"] }]) {
        const [book] = await adapter.load("x.Book", [1], options);
        expect(adapter.fieldsOf("x.Book", book ?? {})).toEqual({
          id: 1,
          title: "first",
          editedAt: expect.any(Date),
          writer: ada,
          editor: ben,
          shop: { country: "at", code: expect.toSatisfy((code) => String(code) === "7") },
        });
      }
      const [bare] = await adapter.load("x.Book", [2]);
      expect(adapter.fieldsOf("x.Book", bare ?? {})).toMatchObject({
        writer: null,
        editor: null,
        shop: null,
      });
    });
  });

  test("is saved and made from that", async () => {
    await withBooks(async (adapter) => {
      const [book] = await adapter.load("x.Book", [1]);
      const fields = adapter.fieldsOf("x.Book", book ?? {});
      const made = adapter.entityOf("x.Book", fields);
      expect(made).toBeInstanceOf(Book);
      expect(adapter.fieldsOf("x.Book", made)).toEqual(fields);
      await adapter.save("x.Book", { ...fields, id: 3, writer: ben });
      await adapter.save("x.Book", { id: 3, editor: null });
      const [saved] = await adapter.load("x.Book", [3]);
      expect(adapter.fieldsOf("x.Book", saved ?? {})).toEqual({
        ...fields,
        id: 3,
        writer: ben,
        editor: null,
      });
    });
  });

  test("that was not loaded, of a row that TypeORM's own find gave, is left out", async () => {
    await withBooks(async (adapter, dataSource) => {
      const [book] = await dataSource.manager.findBy(Book, { id: 1 });
      const fields = adapter.fieldsOf("x.Book", book ?? {});
      expect(Object.keys(fields).sort()).toEqual(["editedAt", "id", "title"]);
    });
  });
});

describe("a lazy relation", () => {
  test("is never loaded by reading fields, and still loads when it is asked for", async () => {
    await withBooks(async (adapter, dataSource, countQueries) => {
      const [book] = (await adapter.load("x.Book", [1])) as [Book];
      const before = countQueries();
      adapter.fieldsOf("x.Book", book);
      adapter.keyOf("x.Book", book);
      expect(countQueries()).toBe(before);
      expect((await book.editor)?.name.first).toBe("Ben");
      expect(adapter.fieldsOf("x.Book", book)).toMatchObject({ editor: ben });
      book.title = "edited";
      await dataSource.manager.save(book);
      const [again] = await adapter.load("x.Book", [1]);
      expect(adapter.fieldsOf("x.Book", again ?? {})).toMatchObject({
        title: "edited",
        editor: ben,
        writer: ada,
      });
    });
  });

  test("is loaded by `with`", async () => {
    await withBooks(async (adapter, _dataSource, countQueries) => {
      const [book] = (await adapter.load("x.Book", [1], { with: ["editor"] })) as [Book];
      const before = countQueries();
      expect((await book.editor)?.id).toBe(ben);
      expect(countQueries()).toBe(before);
    });
  });
});

describe("columns", () => {
  test("of an embedded object are in a plain object, and come back as its class", async () => {
    await withBooks(async (adapter) => {
      const [writer] = await adapter.load("x.Writer", [ada]);
      const fields = adapter.fieldsOf("x.Writer", writer ?? {});
      expect(fields).toEqual({ id: ada, name: { first: "Ada", last: "L" } });
      expect(Object.getPrototypeOf(fields["name"])).toBe(Object.prototype);
      const made = adapter.entityOf("x.Writer", fields) as Writer;
      expect(made.name).toBeInstanceOf(Name);
      expect(made.name.whole).toBe("Ada L");
      await adapter.save("x.Writer", { id: ada, name: { first: "Eve" } });
      const [saved] = await adapter.load("x.Writer", [ada]);
      expect(adapter.fieldsOf("x.Writer", saved ?? {})).toEqual({
        id: ada,
        name: { first: "Eve", last: "L" },
      });
    });
  });

  test("with `select: false` are left out unless they were loaded, and are left as they are", async () => {
    await withBooks(async (adapter, dataSource) => {
      const [writer] = await adapter.load("x.Writer", [ada]);
      expect(writer).not.toHaveProperty("secret");
      await adapter.save("x.Writer", adapter.fieldsOf("x.Writer", writer ?? {}));
      const query = dataSource.manager.createQueryBuilder(Writer, "w").addSelect("w.secret");
      const loaded = await query.where({ id: ada }).getOneOrFail();
      expect(adapter.fieldsOf("x.Writer", loaded)).toMatchObject({ secret: "s" });
    });
  });

  test("that a query computes are loaded, and are no fields", async () => {
    await withBooks(async (adapter) => {
      const [book] = (await adapter.load("x.Book", [1])) as [Book];
      expect(Number(book.length)).toBe(5);
      expect(adapter.models.find(({ name }) => name === "x.Book")?.fields).not.toContain("length");
      expect(adapter.fieldsOf("x.Book", book)).not.toHaveProperty("length");
    });
  });

  test("of the time of the last update are left by a save of other fields, and in whole seconds are no version", async () => {
    await withBooks(async (adapter) => {
      expect(adapter.models.find(({ name }) => name === "x.Book")?.version).toBeUndefined();
      const at = new Date("2020-01-02T03:04:05.678Z");
      await adapter.save("x.Book", { id: 1, editedAt: at });
      await adapter.save("x.Book", { id: 1, title: "saved" });
      const [book] = await adapter.load("x.Book", [1]);
      expect(adapter.fieldsOf("x.Book", book ?? {})).toMatchObject({ title: "saved", editedAt: at });
    });
  });

  test("are told by the names of the database", async () => {
    await withBooks(async (adapter) => {
      const tables = Object.fromEntries(adapter.models.map(({ name, table }) => [name, table]));
      expect(tables["x.Writer"]).toEqual({
        name: "writer",
        columns: { id: "id", secret: "secret", "name.first": "nameFirst", "name.last": "nameLast" },
      });
      expect(tables["x.Book"]?.columns).toMatchObject({ writer: "writerId", editor: "editorId" });
    });
  });

  test("of a schema without a class are in plain objects", async () => {
    await withBooks(async (adapter) => {
      await adapter.save("x.Plain", { id: 1, text: "plain" });
      const rows = await adapter.load("x.Plain", [1]);
      expect(rows).toEqual([{ id: 1, text: "plain" }]);
      expect(Object.getPrototypeOf(rows[0])).toBe(Object.prototype);
      expect(adapter.modelOf(rows[0] ?? {})).toBeUndefined();
      expect(adapter.entityOf("x.Plain", { id: 2 })).toEqual({ id: 2 });
    });
  });

  test("that are never updated, and those that the database computes, are left to it by a save", async () => {
    class Line {
      declare id: number;
      declare price: number;
      declare count: number;
      declare total: number;
    }
    const schema = new EntitySchema<Line>({
      name: "Line",
      target: Line,
      columns: {
        id: { ...id, generated: "increment" },
        price: { type: "integer", update: false },
        count: { type: "integer" },
        total: { type: "integer", asExpression: "price * count", generatedType: "STORED", insert: false },
      },
    });
    const options = { synchronize: true, prepareDatabase: () => undefined } as never;
    const database = await openSqlite({ entities: [schema], tables: "", options });
    try {
      const adapter = typeorm(database.dataSource, { "x.Line": Line });
      await adapter.save("x.Line", { id: 7, price: 2, count: 3 });
      await adapter.save("x.Line", { id: 7, price: 5, count: 4, total: 0 });
      await adapter.save("x.Line", { id: 7, price: 5 });
      expect(await adapter.load("x.Line", [7])).toEqual([{ id: 7, price: 2, count: 4, total: 8 }]);
    } finally {
      await database.close();
    }
  });

  test("that the entity does not have are refused", async () => {
    await withBooks(async (adapter) => {
      const refused = {
        code: "ERR_MODEL_DEFINITION",
        message: expect.stringMatching(/"nope".*It has id, title/),
      };
      expect(() => adapter.entityOf("x.Book", { id: 1, nope: 1 })).toThrow(expect.objectContaining(refused));
      await expect(adapter.save("x.Book", { id: 1, nope: 1 })).rejects.toMatchObject(refused);
    });
  });
});

describe("loading", () => {
  test("is never from TypeORM's query cache", async () => {
    const cached = {
      ...settings,
      options: { synchronize: true, cache: { alwaysEnabled: true, duration: 60_000 } },
    };
    await withBooks(async (adapter, dataSource) => {
      const find = () => dataSource.manager.find(Book, { where: { id: 1 }, relations: { writer: true } });
      const load = async () => (await adapter.load("x.Book", [1], { with: ["writer"] })) as [Book];
      await find();
      await load();
      await dataSource.query("update book set title = 'edited' where id = 1");
      await dataSource.query("update writer set nameFirst = 'Eve'");
      // TypeORM itself is stale, or this test shows nothing.
      expect(await find()).toMatchObject([{ title: "first", writer: { name: { first: "Ada" } } }]);
      expect(await load()).toMatchObject([{ title: "edited", writer: { name: { first: "Eve" } } }]);
    }, cached);
  });

  test("is never from TypeORM's query cache, either, where it asks for relations in queries of their own", async () => {
    const options = {
      relationLoadStrategy: "query",
      cache: { alwaysEnabled: true, duration: 60_000 },
    } as const;
    await withBooks(
      async (adapter, dataSource) => {
        const load = async () => (await adapter.load("x.Book", [1], { with: ["writer.books"] })) as [Book];
        expect((await load())[0].writer?.books.map((book) => book.title)).toEqual(["first"]);
        await dataSource.query("update book set title = 'edited' where id = 1");
        await dataSource.query("update writer set nameFirst = 'Eve'");
        const [book] = await load();
        expect([book.title, book.writer?.name.first, book.writer?.books[0]?.title]).toEqual([
          "edited",
          "Eve",
          "edited",
        ]);
      },
      { ...settings, options: { synchronize: true, ...options } },
    );
  });

  test("takes relations by their paths, and refuses what is none", async () => {
    await withBooks(async (adapter) => {
      const [book] = (await adapter.load("x.Book", [1], { with: ["writer.books.shop"] })) as [Book];
      expect(book.writer?.books[0]?.shop?.title).toBe("corner shop");
      const load = (path: string) => adapter.load("x.Book", [1], { with: [path] });
      const refused = (pattern: RegExp) => ({
        code: "ERR_MODEL_DEFINITION",
        message: expect.stringMatching(pattern),
      });
      await expect(load("nope")).rejects.toMatchObject(
        refused(/"nope".*Book has no relation.*writer, editor, shop/),
      );
      await expect(load("writer.nope")).rejects.toMatchObject(
        refused(/Writer has no relation "nope".*books/),
      );
      await expect(load("title")).rejects.toMatchObject(refused(/no relation "title"/));
      await expect(load("shop.x")).rejects.toMatchObject(refused(/Shop has no relation "x". It has none/));
      await expect(load("writer.books.writer.books.writer")).rejects.toMatchObject(refused(/more than 4/));
      expect(await load("writer.books.writer.books")).toHaveLength(1);
    });
  });

  test("by keys of uuids and bigints", async () => {
    await withBooks(async (adapter) => {
      expect(await adapter.load("x.Writer", [ada, "no uuid", "", 7])).toHaveLength(1);
      const shop = { country: "at", code: "7" };
      expect(
        await adapter.load("x.Shop", [shop, { ...shop, code: 8 }, { country: "at", code: "x" }]),
      ).toHaveLength(1);
    });
  });

  test("of soft-deleted rows shows them in the scope of all, with what they are related to", async () => {
    const database = await openSqlite();
    try {
      const { manager } = database.dataSource;
      const adapter = typeorm(database.dataSource, targets);
      await manager.save(manager.create(Post, { id: 1, title: "gone" }));
      await manager.softDelete(Post, 1);
      expect(await adapter.load("qa.Post", [1])).toEqual([]);
      expect(await adapter.load("qa.Post", [1], { scope: "all" })).toMatchObject([
        { deletedAt: expect.any(Date) },
      ]);
      await adapter.save("qa.Post", { id: 1, deletedAt: null });
      expect(await adapter.load("qa.Post", [1])).toHaveLength(1);
    } finally {
      await database.close();
    }
  });

  test("trap: of a wide integer of SQLite the driver gives another, unless it is told to give bigints", async () => {
    const database = await openSqlite({ options: { prepareDatabase: () => undefined } as never });
    try {
      const adapter = typeorm(database.dataSource, { "qa.Sample": Sample });
      await adapter.save("qa.Sample", { id: 1, big: 9007199254740993n });
      const [row] = (await adapter.load("qa.Sample", [1])) as [Sample];
      expect(row.big).toBe(9007199254740992);
    } finally {
      await database.close();
    }
  });
});

describeOnPg((openPostgres) => {
  test("the primary is asked unless told otherwise, and transactions are there", async () => {
    const [primary, replica] = [await openPostgres(), await openPostgres()];
    const dataSource = await new DataSource({
      ...(primary.dataSource.options as object),
      replication: {
        master: { url: urlOf(primary.dataSource) },
        slaves: [{ url: urlOf(replica.dataSource) }],
      },
    } as never).initialize();
    try {
      const adapter = typeorm(dataSource, targets);
      await primary.dataSource.query("insert into comments values (1, 'of the primary')");
      await replica.dataSource.query("insert into comments values (1, 'of the replica')");
      const body = async (options?: object) =>
        ((await adapter.load("qa.Comment", [1], options)) as Comment[])[0]?.body;
      // TypeORM itself asks the replica.
      expect(await dataSource.manager.findOneBy(Comment, { id: 1 })).toMatchObject({
        body: "of the replica",
      });
      expect(await body()).toBe("of the primary");
      expect(await body({ from: "primary" })).toBe("of the primary");
      expect(await body({ from: "replica" })).toBe("of the replica");
      await adapter.transaction(dataSource, async (transaction) => {
        expect(await body({ from: "replica", transaction })).toBe("of the primary");
      });
      const counted = await adapter.sql?.query("select comment_body from comments", []);
      expect(counted).toEqual([{ comment_body: "of the primary" }]);
      await adapter.save("qa.Comment", { id: 1, body: "saved" });
      expect(await body()).toBe("saved");
    } finally {
      await dataSource.destroy();
      await primary.close();
      await replica.close();
    }
  });

  test("a version may be the database's own", async () => {
    const database = await openPostgres();
    try {
      const adapter = typeorm(database.dataSource, { "qa.Comment": { entity: Comment, version: "xmin" } });
      expect(adapter.models[0]).toMatchObject({
        version: "xmin",
        table: { name: "comments", columns: { id: "comment_id", body: "comment_body" } },
      });
    } finally {
      await database.close();
    }
  });

  test("foreign keys, lazy relations, embedded objects and uuids are as on SQLite", async () => {
    const database = await openPostgres(settings);
    try {
      const adapter = typeorm(database.dataSource, models);
      await fill(database.dataSource);
      const [book] = await adapter.load("x.Book", [1, "x", 2n ** 40n]);
      const fields = adapter.fieldsOf("x.Book", book ?? {});
      // The driver gives a bigint as a text.
      expect(fields).toMatchObject({ writer: ada, editor: ben, shop: { country: "at", code: "7" } });
      await adapter.save("x.Book", { ...fields, id: 3 });
      const [saved] = await adapter.load("x.Book", [3]);
      expect(adapter.fieldsOf("x.Book", saved ?? {})).toEqual({ ...fields, id: 3 });
      expect(
        await adapter.load("x.Writer", [ada, ada.toUpperCase(), "no uuid", "\0", "\uD800"]),
      ).toHaveLength(1);
      await expect(adapter.load("x.Plain", ["1", "\0", 2n ** 31n, -(2n ** 70n)])).resolves.toEqual([]);
    } finally {
      await database.close();
    }
  });
});

function urlOf(dataSource: DataSource): string {
  return String(Reflect.get(dataSource.options, "replication").master.url);
}

async function fill(dataSource: DataSource): Promise<void> {
  const { manager } = dataSource;
  const writer = (id: string, first: string) =>
    manager.create(Writer, { id, secret: "s", name: Object.assign(new Name(), { first, last: "L" }) });
  const writers = await manager.save([writer(ada, "Ada"), writer(ben, "Ben")]);
  const shop = await manager.save(manager.create(Shop, { country: "at", code: 7n, title: "corner shop" }));
  const book = manager.create(Book, { id: 1, title: "first", shop, writer: writers[0] ?? null });
  book.editor = Promise.resolve(writers[1] ?? null);
  await manager.save([book, manager.create(Book, { id: 2, title: "second" })]);
}

async function withBooks(
  run: (
    adapter: ReturnType<typeof typeorm<TypeormModels>>,
    dataSource: DataSource,
    countQueries: () => number,
  ) => Promise<void>,
  given: TestSettings = settings,
): Promise<void> {
  const options = { prepareDatabase: () => undefined, ...given.options } as never;
  const database = await openSqlite({ ...given, options });
  try {
    await fill(database.dataSource);
    await run(typeorm(database.dataSource, models), database.dataSource, database.countQueries);
  } finally {
    await database.close();
  }
}
