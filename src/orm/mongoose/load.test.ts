import { type Connection, Mongoose, Schema, Types } from "mongoose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect, disconnect } from "../../../test/orm/mongoose-harness.ts";
import { type Mongodb, mongodbDatabase, noMongodb, startStub } from "../../../test/services/mongodb.ts";
import { loadReferences } from "../../model/loader.ts";
import { Reference, ref } from "../../model/ref.ts";
import { mongoose } from "../mongoose.ts";

interface Command {
  readonly commandName: string;
  readonly command: Readonly<Record<string, unknown>>;
}

describe.each([
  ["what stands in for MongoDB", startStub, undefined],
  ["MongoDB", async () => mongodbDatabase(), noMongodb],
] as const)("load and save on %s", (_, start, missing) => {
  let server: Mongodb;
  let connection: Connection;
  let commands: Command[];

  beforeEach(async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    server = await start();
    connection = await connect(server.url);
    commands = [];
    connection.getClient().on("commandStarted", (event) => commands.push(event as Command));
  });
  afterEach(async () => {
    if (missing === undefined) await disconnect(connection, server);
  });

  test("an ObjectId is found by its digits, a text that looks like one by itself", async () => {
    const Post = connection.model("Post", new Schema({ title: String }));
    const Named = connection.model("Named", new Schema({ _id: String }));
    const adapter = mongoose(connection, { "qa.Post": Post, "x.Named": Named });
    const post = await Post.create({ title: "first" });
    const digits = post._id.toString();
    await Named.create([{ _id: digits }, { _id: "12" }]);
    const named = new Reference("x.Named", digits);
    const { rowOf, missing: gone } = await loadReferences([adapter], [ref(Post, post), named]);
    expect(gone).toEqual([]);
    expect(rowOf(ref(Post, digits))).toBeInstanceOf(Post);
    expect(rowOf(named)).toBeInstanceOf(Named);
    expect(await adapter.load("qa.Post", ["12", "no id", 7, "zz"])).toEqual([]);
    expect(await adapter.load("x.Named", [12, "13"])).toHaveLength(1);
  });

  test("keys of each kind are exact, and those that a path cannot hold are missing rows", async () => {
    const uuid = "0188e5d0-7d4b-7d0a-8b0a-000000000001";
    const cases = [
      [BigInt, 9007199254740993n, ["9007199254740992", "1.5", 2n ** 70n, ""]],
      [Schema.Types.UUID, uuid, [`${uuid}0`, "no uuid", 7]],
      [Number, 7, ["07", "0x7", "7.0", "", " 7", "NaN", "1e1"]],
      [Schema.Types.Int32, 7, ["7.5", 2 ** 40, "x"]],
    ] as const;
    for (const [index, [type, key, others]] of cases.entries()) {
      const model = connection.model(`Keyed${index}`, new Schema({ _id: type as typeof Number }));
      await model.create({ _id: key as number });
      const adapter = mongoose(connection, { "x.Keyed": model });
      const [row, ...more] = await adapter.load("x.Keyed", [...others, key, String(key)]);
      expect(more).toEqual([]);
      expect(adapter.keyOf("x.Keyed", row ?? {})).toBe(key);
    }
  });

  test("with sanitizeFilter on, it finds them all the same", async () => {
    const strict = new Mongoose();
    strict.set("sanitizeFilter", true);
    const own = await strict.createConnection(server.url).asPromise();
    const Post = own.model("Post", new Schema({ a: Number, b: Number }));
    await Post.create([
      { a: 1, b: 1 },
      { a: 1, b: 2 },
    ]);
    const adapter = mongoose(own, {
      "x.Post": { model: Post, key: ["a", "b"] },
      "x.A": { model: Post, key: ["a"] },
    });
    expect(await adapter.load("x.Post", [{ a: 1, b: 2 }])).toHaveLength(1);
    expect(await adapter.load("x.A", [1])).toHaveLength(2);
    await own.close();
  });

  test("keys that together are too long for a command are asked for in several", async () => {
    const Named = connection.model("Named", new Schema({ _id: String }));
    const adapter = mongoose(connection, { "x.Named": Named });
    const names = Array.from({ length: 5 }, (__, index) => `${index}`.repeat(500_000));
    await Named.create(names.map((_id) => ({ _id })));
    commands.length = 0;
    expect(await adapter.load("x.Named", names)).toHaveLength(5);
    expect(commands.map(({ commandName }) => commandName)).toEqual(["find", "find", "find"]);
  });

  test("what the app's own hooks hide is found with the scope `all`", async () => {
    const schema = new Schema({ _id: Number, isDeleted: Boolean });
    schema.pre("find", function () {
      void this.where({ isDeleted: { $ne: true } });
    });
    const Post = connection.model("Post", schema);
    await Post.create([{ _id: 1 }, { _id: 2, isDeleted: true }]);
    const adapter = mongoose(connection, { "qa.Post": Post });
    expect(await adapter.load("qa.Post", [1, 2])).toHaveLength(1);
    expect(await adapter.load("qa.Post", [1, 2], { scope: "all" })).toHaveLength(2);
  });

  test("the primary is asked unless told, whatever the schema and the connection prefer", async () => {
    const schema = new Schema({ _id: Number, author: { type: Number, ref: "Post" } }, { read: "secondary" });
    const Post = connection.model("Post", schema);
    await Post.create({ _id: 1, author: 1 });
    const adapter = mongoose(connection, { "qa.Post": Post });
    const preferences = async (options: object) => {
      commands.length = 0;
      expect(await adapter.load("qa.Post", [1], { with: ["author"], ...options })).toHaveLength(1);
      const finds = commands.filter(({ commandName }) => commandName === "find");
      return finds.map(({ command }) => Reflect.get(Object(command["$readPreference"]), "mode") as unknown);
    };
    expect(await preferences({})).toEqual([undefined, undefined]);
    expect(await preferences({ from: "primary" })).toEqual([undefined, undefined]);
    expect(await preferences({ from: "replica" })).toEqual(["secondaryPreferred", "secondaryPreferred"]);
    await connection.transaction(async (transaction) => {
      const [first, second] = await preferences({ from: "replica", transaction });
      expect([first, second]).not.toContain("secondaryPreferred");
      for (const { command } of commands) expect(command["autocommit"]).toBe(false);
    });
  });

  describe("relations", () => {
    let adapter: ReturnType<typeof withRelations>;
    beforeEach(async () => {
      adapter = withRelations(connection);
      const { Company, Author, Post } = connection.models as Record<
        string,
        { create(rows: object): Promise<unknown> }
      >;
      await Company?.create([{ _id: 1, name: "first" }]);
      await Author?.create([
        { _id: 1, company: 1, friend: 2 },
        { _id: 2, friend: 1 },
      ]);
      await Post?.create([
        {
          _id: 1,
          author: 1,
          authors: [1, 2],
          comments: [{ by: 1 }],
          meta: { editor: 2 },
          about: 1,
          kind: "Company",
        },
        { _id: 2, author: 99 },
      ]);
      commands.length = 0;
    });

    const loadPost = async (...relations: string[]) => {
      const [row] = await adapter.load("qa.Post", [1], { with: relations });
      return row as Record<string, never>;
    };

    test("are loaded by path: of one, of many, in subdocuments, nested, virtual", async () => {
      const post = await loadPost(
        "author.company",
        "author.friend",
        "authors",
        "comments.by",
        "meta.editor",
        "author.posts",
      );
      expect(post).toMatchObject({
        author: { _id: 1, company: { name: "first" }, friend: { _id: 2 }, posts: [{ _id: 1 }] },
        authors: [{ _id: 1 }, { _id: 2 }],
        comments: [{ by: { _id: 1 } }],
        meta: { editor: { _id: 2 } },
      });
      expect(commands.filter(({ commandName }) => commandName === "find")).toHaveLength(8);
    });

    test("are still their keys in fieldsOf, also where nothing was there", async () => {
      const relations = ["author", "authors", "comments.by", "meta.editor"];
      for (const key of [1, 2]) {
        const [bare, related] = [
          await adapter.load("qa.Post", [key]),
          await adapter.load("qa.Post", [key], { with: relations }),
        ];
        expect(adapter.fieldsOf("qa.Post", related[0] ?? {})).toEqual(
          adapter.fieldsOf("qa.Post", bare[0] ?? {}),
        );
      }
    });

    test("whose model each document tells are loaded, and no further", async () => {
      expect(await loadPost("about")).toMatchObject({ about: { name: "first" } });
      await expect(loadPost("about.anything")).rejects.toMatchObject({
        code: "ERR_MODEL_DEFINITION",
        message: expect.stringMatching(/only each row tells/),
      });
    });

    test.each([
      ["nope", /Post has no relation "nope"\. It has .*author.*comments\.by/],
      ["title", /"title"/],
      ["author.nope", /Author has no relation "nope"\..*company/],
      ["meta", /"meta"/],
      ["author.friend.friend.friend.friend", /more than 4 relations deep/],
      ["", /no relation ""/],
    ])("%j is refused, also when there is nothing to load", async (relation, message) => {
      const refused = { code: "ERR_MODEL_DEFINITION", message: expect.stringMatching(message) };
      await expect(adapter.load("qa.Post", [1], { with: [relation] })).rejects.toMatchObject(refused);
      await expect(adapter.load("qa.Post", [], { with: [relation] })).rejects.toMatchObject(refused);
      expect(commands).toEqual([]);
    });
  });

  describe("save", () => {
    test("writes what is stored, past setters, timestamps and hooks, and leaves the rest", async () => {
      const schema = new Schema(
        {
          title: { type: String, lowercase: true },
          at: Date,
          price: Schema.Types.Decimal128,
          other: { type: Number, default: 7 },
        },
        { timestamps: true },
      );
      schema.pre("updateOne", () => {
        throw new Error("never called");
      });
      const Post = connection.model("Post", schema);
      const adapter = mongoose(connection, { "qa.Post": Post });
      const _id = new Types.ObjectId().toString();
      const updatedAt = new Date(5);
      await adapter.save("qa.Post", { _id, title: "UPPER", price: "1.50", updatedAt });
      const [inserted] = await Post.find().lean();
      expect(inserted).toMatchObject({ title: "UPPER", updatedAt, other: 7, __v: 0 });
      expect(String(inserted?._id)).toBe(_id);
      expect(String(inserted?.price)).toBe("1.50");

      await Post.collection.updateOne({ _id: inserted!._id }, { $set: { other: 8 } });
      await adapter.save("qa.Post", { _id, title: "Again", __v: 5 });
      const rows = await Post.find().lean();
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({ title: "Again", updatedAt, other: 8, __v: 5 });
      await adapter.save("qa.Post", { _id });
      expect(await Post.find().lean()).toEqual(rows);
    });

    test("finds the row by a stated key, whose _id stays", async () => {
      const Price = connection.model("Price", new Schema({ product: String, amount: Number }));
      const adapter = mongoose(connection, { "shop.Price": { model: Price, key: ["product"] } });
      const price = await Price.create({ product: "a", amount: 1 });
      await adapter.save("shop.Price", { _id: new Types.ObjectId().toString(), product: "a", amount: 2 });
      const [saved, ...others] = await Price.find().lean();
      expect(others).toEqual([]);
      expect(saved).toMatchObject({ _id: price._id, amount: 2 });
    });

    test("writes a discriminator's documents as they are", async () => {
      const Animal = connection.model("Animal", new Schema({ _id: Number, name: String }));
      const Dog = Animal.discriminator(
        "Dog",
        new Schema({ owner: Schema.Types.ObjectId, barks: { type: Boolean, default: true } }),
      );
      const adapter = mongoose(connection, { "zoo.Animal": Animal });
      const owner = new Types.ObjectId();
      await adapter.save("zoo.Animal", { _id: 1, __t: "Dog", owner: owner.toString() });
      const rex = await Animal.findById(1);
      expect(rex).toBeInstanceOf(Dog);
      expect(rex).toMatchObject({ owner, barks: true });
    });

    test("without the key is refused", async () => {
      const Post = connection.model("Post", new Schema({ title: String }));
      await expect(
        mongoose(connection, { "qa.Post": Post }).save("qa.Post", { title: "x" }),
      ).rejects.toMatchObject({
        code: "ERR_REFERENCE_KEY",
        message: expect.stringMatching(/qa\.Post.*"_id".*title/),
      });
    });
  });
});

function withRelations(connection: Connection) {
  const [company, author] = [
    { type: Number, ref: "Company" },
    { type: Number, ref: "Author" },
  ];
  connection.model("Company", new Schema({ _id: Number, name: String }));
  const authors = new Schema({ _id: Number, company, friend: author });
  authors.virtual("posts", { ref: "Post", localField: "_id", foreignField: "author" });
  connection.model("Author", authors);
  const Post = connection.model(
    "Post",
    new Schema({
      _id: Number,
      title: String,
      author,
      authors: [author],
      comments: [new Schema({ by: author }, { _id: false })],
      meta: { editor: author },
      kind: String,
      about: { type: Number, refPath: "kind" },
    }),
  );
  return mongoose(connection, { "qa.Post": Post });
}
