import { DataTypes, type Model, Op, Sequelize, literal } from "sequelize";
import { describe, expect, test } from "vitest";
import { defineModels, onEachDatabase } from "../../../test/orm/sequelize.ts";
import { attributeOf } from "../../testing/orm-contract/harness.ts";
import { sequelize } from "../sequelize.ts";

const at = (row: object | undefined, ...path: string[]): unknown =>
  path.reduce<unknown>((found, attribute) => attributeOf(found as object, attribute), row);

onEachDatabase((open, dialect) => {
  async function blog(options = {}) {
    const database = await open(options);
    const models = defineModels(database.db);
    const { "qa.Author": Author, "qa.Post": Post } = models;
    await Author.bulkCreate([
      { id: 1, name: "Ada" },
      { id: 2, name: "Bea" },
    ]);
    await Post.bulkCreate([
      { id: 1, title: "first", authorId: 1 },
      { id: 2, title: "second", authorId: 1 },
      { id: 3, title: "nobody's", authorId: null },
    ]);
    return { ...database, models, Author, Post, adapter: sequelize(database.db, models) };
  }

  test("rows are instances, always fresh", async () => {
    const { adapter, Post } = await blog();
    const [first] = await adapter.load("qa.Post", [1]);
    await Post.update({ title: "edited" }, { where: { id: 1 } });
    const [again] = await adapter.load("qa.Post", [1]);
    expect(first).toBeInstanceOf(Post);
    expect([at(first, "title"), at(again, "title")]).toEqual(["first", "edited"]);
  });

  describe("relations", () => {
    test("are loaded by path, of one and of many, and rows without them stay", async () => {
      const { adapter } = await blog();
      const rows = await adapter.load("qa.Post", [1, 3], { with: ["author", "author.posts"] });
      const byId = new Map(rows.map((row) => [adapter.keyOf("qa.Post", row), row]));
      expect(at(byId.get(1), "author", "name")).toBe("Ada");
      const siblings = at(byId.get(1), "author", "posts") as Model[];
      expect(siblings.map((post) => post.get("title")).sort()).toEqual(["first", "second"]);
      expect(at(byId.get(3), "author")).toBeNull();
      expect(adapter.fieldsOf("qa.Post", byId.get(1) ?? {})).toEqual({
        id: 1,
        title: "first",
        authorId: 1,
        revision: 1,
        deletedAt: null,
      });
    });

    test("to many do not multiply the rows", async () => {
      const { adapter, Author, db } = await blog();
      const Tag = db.define(
        "AuthorTag",
        { authorId: DataTypes.INTEGER, label: DataTypes.STRING },
        { timestamps: false },
      );
      await Tag.sync();
      Author.hasMany(Tag, { as: "tags", foreignKey: "authorId" });
      await Tag.bulkCreate(["x", "y", "z"].map((label) => ({ authorId: 1, label })));
      const rows = await adapter.load("qa.Author", [1, 2], { with: ["posts", "tags"] });
      const counts = rows.map((row) => [
        at(row, "name"),
        at(row, "posts", "length"),
        at(row, "tags", "length"),
      ]);
      expect(counts.sort()).toEqual([
        ["Ada", 2, 3],
        ["Bea", 0, 0],
      ]);
    });

    test("of many to many", async () => {
      const { adapter, Author, Post, db } = await blog();
      const Reader = db.define("Reader", {}, { timestamps: false });
      Post.belongsToMany(Author, { as: "readers", through: Reader });
      await Reader.sync();
      await Reader.bulkCreate([1, 2].map((AuthorId) => ({ AuthorId, PostId: 1 })));
      const [row] = await adapter.load("qa.Post", [1], { with: ["readers", "author"] });
      expect((at(row, "readers") as Model[]).map((reader) => reader.get("name")).sort()).toEqual([
        "Ada",
        "Bea",
      ]);
    });

    test("that are not there, or too deep, or no list, are refused", async () => {
      const { adapter } = await blog();
      const refused = (paths: unknown) => adapter.load("qa.Post", [1], { with: paths as string[] });
      const definition = { code: "ERR_MODEL_DEFINITION" };
      await expect(refused(["authr"])).rejects.toMatchObject(definition);
      await expect(refused(["authr"])).rejects.toThrow(/no relation "authr"\. It has .*author/);
      await expect(refused(["author.nope"])).rejects.toThrow(
        /"author\.nope", and Author has no relation "nope"/,
      );
      await expect(refused(["constructor"])).rejects.toMatchObject(definition);
      await expect(refused([""])).rejects.toMatchObject(definition);
      await expect(refused(["author.posts.author.posts.author"])).rejects.toThrow(
        /more than 4 relations deep/,
      );
      await expect(refused("author")).rejects.toThrow(/must be a list/);
      expect(await refused(["author.posts.author.posts"])).toHaveLength(1);
    });

    test("trap: PostgreSQL cuts long names, which minifyAliases prevents", async () => {
      const as = "theAuthorWhoWroteThisInTheBeginning";
      const path = `${as}.${as}`;
      const tree = async (minifyAliases: boolean) => {
        const { adapter, Author, Post } = await blog({ minifyAliases });
        Author.hasOne(Author, { as, foreignKey: "id", sourceKey: "id" });
        Post.belongsTo(Author, { as, foreignKey: "authorId" });
        const [row] = await adapter.load("qa.Post", [1], { with: [path] });
        return at(row, as, as, "name");
      };
      if (dialect === "sqlite") return expect(await tree(false)).toBe("Ada");
      expect(await tree(true)).toBe("Ada");
      await expect(tree(false)).rejects.toMatchObject({
        code: "ERR_MODEL_DEFINITION",
        message: expect.stringContaining("minifyAliases: true"),
      });
    });
  });

  describe("scopes", () => {
    test("soft-deleted rows are there with all, related ones too", async () => {
      const { adapter, Post } = await blog();
      await Post.destroy({ where: { id: [1, 2] } });
      expect(await adapter.load("qa.Post", [1, 3])).toHaveLength(1);
      const [, ...others] = await adapter.load("qa.Post", [1, 3], { scope: "all" });
      expect(others).toHaveLength(1);
      const postsOf = async (scope: "default" | "all") =>
        at((await adapter.load("qa.Author", [1], { scope, with: ["posts"] }))[0], "posts", "length");
      expect([await postsOf("default"), await postsOf("all")]).toEqual([0, 2]);
    });

    test.each([
      ["by attributes", { kind: "open", id: [1, 2, 3] }],
      ["by operators", { [Op.and]: [{ kind: "open" }, { id: [1, 2, 3] }] }],
      ["by SQL", literal("kind = 'open' and id < 4")],
    ])("the default scope filters %s, unless all is asked for, and never limits", async (_, where) => {
      const { db } = await open();
      const Note = db.define(
        "Note",
        {
          id: { type: DataTypes.INTEGER, primaryKey: true },
          kind: DataTypes.STRING,
          secret: DataTypes.STRING,
        },
        {
          timestamps: false,
          defaultScope: {
            where,
            attributes: { exclude: ["secret"] },
            limit: 1,
            offset: 1,
          },
        },
      );
      await Note.sync();
      const kinds = ["open", "closed", "open", "open"];
      await Note.bulkCreate(kinds.map((kind, index) => ({ id: index + 1, kind, secret: "s" })));
      const adapter = sequelize(db, { "x.Note": Note });
      const load = async (scope: "default" | "all") => {
        const rows = await adapter.load("x.Note", [1, 2, 3, 4], { scope });
        return rows
          .map((row) => adapter.fieldsOf("x.Note", row))
          .sort((a, b) => Number(a["id"]) - Number(b["id"]));
      };
      expect(await load("default")).toEqual([
        { id: 1, kind: "open" },
        { id: 3, kind: "open" },
      ]);
      expect(await load("all")).toHaveLength(4);
      const [hidden] = await adapter.load("x.Note", [2], { scope: "all" });
      expect(adapter.modelOf(hidden ?? {})).toBe("x.Note");
      expect(adapter.fieldsOf("x.Note", hidden ?? {})).toEqual({ id: 2, kind: "closed", secret: "s" });
    });

    test("a related model's default scope does not take the row away", async () => {
      const { adapter, Author } = await blog();
      Author.addScope("defaultScope", { where: { name: "Bea" } });
      const [row] = await adapter.load("qa.Post", [1], { with: ["author"] });
      expect([at(row, "title"), at(row, "author")]).toEqual(["first", null]);
      const [whole] = await adapter.load("qa.Post", [1], { with: ["author"], scope: "all" });
      expect(at(whole, "author", "name")).toBe("Ada");
    });

    test("rejectOnEmpty of the model does not make missing rows an error", async () => {
      const { db } = await open();
      const Note = db.define("Note", {}, { timestamps: false, rejectOnEmpty: true } as object);
      await Note.sync();
      expect(await sequelize(db, { "x.Note": Note }).load("x.Note", [1])).toEqual([]);
    });

    test("a default scope without the key is a mistake, not missing rows", async () => {
      const { db } = await open();
      const Note = db.define(
        "Note",
        { text: DataTypes.STRING },
        { timestamps: false, defaultScope: { attributes: ["text"] } },
      );
      await Note.sync();
      await Note.create({ text: "a" });
      const adapter = sequelize(db, { "x.Note": Note });
      await expect(adapter.load("x.Note", [1])).rejects.toMatchObject({
        code: "ERR_MODEL_DEFINITION",
        message: expect.stringMatching(/"x\.Note".*leaves out its key/),
      });
      expect(await adapter.load("x.Note", [1], { scope: "all" })).toHaveLength(1);
    });

    test("what is neither is refused", async () => {
      const { adapter } = await blog();
      const load = (options: object) => adapter.load("qa.Post", [1], options);
      await expect(load({ scope: "everything" })).rejects.toThrow(
        /"default" or "all"; received string "everything"/,
      );
      await expect(load({ from: "secondary" })).rejects.toMatchObject({ code: "ERR_MODEL_DEFINITION" });
      const { lacks } = adapter.capabilities;
      await expect(load({ from: "replica" })).rejects.toMatchObject({
        code: "ERR_MODEL_UNSUPPORTED",
        message: lacks.replica,
      });
    });
  });

  test("uncommitted rows are seen in their transaction", async () => {
    const { adapter, db, Post } = await blog();
    await db.transaction(async (transaction) => {
      await Post.create({ id: 9, title: "new", authorId: 2 }, { transaction });
      const [row] = await adapter.load("qa.Post", [9], { transaction, with: ["author.posts"] });
      expect(at(row, "author", "posts", "length")).toBe(1);
      expect(await adapter.load("qa.Post", [9])).toEqual([]);
    });
  });

  describe("keys", () => {
    test("of other types: those that a column cannot hold are missing rows", async () => {
      const { db } = await open();
      const columns = {
        "x.Uuid": DataTypes.UUID,
        "x.Day": DataTypes.DATEONLY,
        "x.Enum": DataTypes.ENUM("a", "b"),
        "x.Decimal": DataTypes.DECIMAL(20, 0),
        "x.Big": DataTypes.BIGINT,
      };
      const models = Object.fromEntries(
        Object.entries(columns).map(([name, type]) => [
          name,
          db.define(name.slice(2), { code: { type, primaryKey: true } }, { timestamps: false }),
        ]),
      );
      await db.sync();
      const adapter = sequelize(db, models);
      const uuid = "0b7a1d0e-6e3c-4d53-9a2c-0f2d3b1c4d5e";
      const keys = {
        "x.Uuid": uuid,
        "x.Day": "2024-02-29",
        "x.Enum": "a",
        "x.Decimal": "12345",
        "x.Big": 12345n,
      };
      for (const [name, key] of Object.entries(keys)) {
        await models[name]?.create({ code: key });
        const wrong = ["nope", "", "2024-02-31", "1e9", 2n ** 80n, -1, "\0", "\uDC00", "x".repeat(400)];
        const rows = await adapter.load(name, [key, ...wrong]);
        expect(rows.map((row) => String(at(row, "code")))).toEqual([String(key)]);
      }
    });

    test("beyond a number's digits are exact on PostgreSQL", async () => {
      const { db } = await open();
      const Big = db.define(
        "Big",
        { id: { type: DataTypes.BIGINT, primaryKey: true } },
        { timestamps: false },
      );
      await Big.sync();
      const keys = [9007199254740992n, 9007199254740993n, 2n ** 63n - 1n];
      await Big.bulkCreate(keys.map((id) => ({ id })));
      const adapter = sequelize(db, { "x.Big": Big });
      const rows = await adapter.load("x.Big", [9007199254740993n, "9223372036854775807"]);
      expect(rows).toHaveLength(2);
      const found = rows.map((row) => String(adapter.keyOf("x.Big", row))).sort();
      // SQLite's driver gives numbers: the row is the right one, its key has lost digits, and ref() refuses it.
      const lossy = ["9007199254740992", "9223372036854776000"];
      expect(found).toEqual(dialect === "sqlite" ? lossy : ["9007199254740993", "9223372036854775807"]);
    });
  });

  if (dialect === "postgres") {
    test("from the primary unless told, with the ORM's own replication, relations too", async () => {
      const primary = await open();
      const replica = await open();
      const at = ({ db }: typeof primary) => {
        const { host, port, username, database } = db.config as unknown as Record<string, string>;
        return { host: host ?? "", port: String(port), username: username ?? "", database: database ?? "" };
      };
      for (const [{ db }, name] of [
        [primary, "primary"],
        [replica, "replica"],
      ] as const) {
        const { "qa.Author": Author, "qa.Post": Post } = defineModels(db);
        await Author.create({ id: 1, name });
        await Post.create({ id: 1, title: name, authorId: 1 });
      }
      const replication = { write: at(primary), read: [at(replica)] };
      const db = new Sequelize({ dialect, logging: false, replication } as object);
      const adapter = sequelize(db, defineModels(db));
      const names = async (from?: "primary" | "replica") => {
        const [row] = await adapter.load("qa.Author", [1], { with: ["posts.author"], ...(from && { from }) });
        const [post] = Reflect.get(row ?? {}, "posts") as Model[];
        return [
          attributeOf(row, "name"),
          post?.get("title"),
          attributeOf(post?.get("author") as object, "name"),
        ];
      };
      expect(await names()).toEqual(["primary", "primary", "primary"]);
      expect(await names("primary")).toEqual(["primary", "primary", "primary"]);
      expect(await names("replica")).toEqual(["replica", "replica", "replica"]);
      expect(await adapter.sql?.query("select name from authors", [])).toEqual([{ name: "primary" }]);
      await db.close();
    });
  }
});
