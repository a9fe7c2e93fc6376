import { createConnection, Schema, type Model, mongo, Types } from "mongoose";
import { describe, expect, test } from "vitest";
import { ref } from "../../model/ref.ts";
import { snapshot } from "../../model/snapshot.ts";
import { createWire } from "../../wire/index.ts";
import { mongoose } from "../mongoose.ts";

// No test here needs a server: documents are hydrated in memory, as they would come from one.
const connection = createConnection();
const id = "65a000000000000000000001";
const otherId = "65a000000000000000000002";
const uuid = "0188e5d0-7d4b-7d0a-8b0a-000000000001";

const Author = connection.model("Author", new Schema({ name: String }));
const place = new Schema(
  { street: String, owner: { type: Schema.Types.ObjectId, ref: "Author" } },
  { _id: false },
);
const schema = new Schema(
  {
    title: { type: String, get: () => "got", set: () => "set" },
    big: BigInt,
    price: Schema.Types.Decimal128,
    bytes: Buffer,
    data: {},
    at: Date,
    counts: { type: Map, of: Number },
    places: { type: Map, of: place },
    uuid: Schema.Types.UUID,
    exact: Schema.Types.Double,
    small: Schema.Types.Int32,
    home: { street: String, owner: { type: Schema.Types.ObjectId, ref: "Author" } },
    work: place,
    list: [place],
    tags: [String],
    authors: [{ type: Schema.Types.ObjectId, ref: "Author" }],
    author: { type: Schema.Types.ObjectId, ref: "Author" },
    secret: { type: String, select: false, default: "a default" },
    status: { type: String, default: "new" },
  },
  {
    toJSON: { transform: () => "never this" },
    toObject: { transform: () => ({ never: "this" }), virtuals: true, getters: true },
  },
);
schema.virtual("shout").get(function () {
  return `${this.get("title")}!`;
});
const Post = connection.model("Post", schema) as unknown as Model<Record<string, unknown>>;
const adapter = mongoose(connection, { "qa.Post": Post, "qa.Author": Author });

/** As it is in the database. */
const stored = {
  _id: new Types.ObjectId(id),
  title: "first",
  big: mongo.Long.fromString("9007199254740993"),
  price: Types.Decimal128.fromString("12345678901234567890.1230"),
  bytes: new mongo.Binary(Buffer.from([1, 2, 255])),
  data: { deep: [1, { at: new Date(7) }], id: new Types.ObjectId(id) },
  at: new Date(5),
  counts: { a: 1, b: 2 },
  places: { here: { street: "first street", owner: new Types.ObjectId(otherId) } },
  uuid: new mongo.UUID(uuid),
  exact: new mongo.Double(1.5),
  small: new mongo.Int32(7),
  home: { street: "a", owner: new Types.ObjectId(id) },
  work: { street: "b", owner: new Types.ObjectId(id) },
  list: [{ street: "c", owner: new Types.ObjectId(otherId) }, { street: "d" }],
  tags: ["x", "y"],
  authors: [new Types.ObjectId(id), new Types.ObjectId(otherId)],
  author: new Types.ObjectId(otherId),
  status: "old",
  __v: 3,
};

/** As it travels. */
const fields = {
  _id: id,
  title: "first",
  big: 9007199254740993n,
  price: "12345678901234567890.1230",
  bytes: new Uint8Array([1, 2, 255]),
  data: { deep: [1, { at: new Date(7) }], id },
  at: new Date(5),
  counts: new Map([
    ["a", 1],
    ["b", 2],
  ]),
  places: new Map([["here", { street: "first street", owner: otherId }]]),
  uuid,
  exact: 1.5,
  small: 7,
  home: { street: "a", owner: id },
  work: { street: "b", owner: id },
  list: [{ street: "c", owner: otherId }, { street: "d" }],
  tags: ["x", "y"],
  authors: [id, otherId],
  author: otherId,
  status: "old",
  __v: 3,
};

/** As Mongoose would have it from a query that selects everything but `secret`. */
const loaded = () => Post.hydrate({ ...stored }, { secret: 0 });

describe("fieldsOf", () => {
  test("gives exact plain values, past getters and transforms", () => {
    expect(adapter.fieldsOf("qa.Post", loaded())).toStrictEqual(fields);
  });

  test("and they travel", () => {
    const wire = createWire();
    const back = wire.decode(wire.encode(adapter.fieldsOf("qa.Post", loaded())));
    expect(back).toStrictEqual(fields);
  });

  test("a lean row gives the same, but for Maps, which it has as objects", () => {
    const { counts, places, ...others } = fields;
    expect(adapter.fieldsOf("qa.Post", { ...stored, notInTheSchema: 1 })).toStrictEqual({
      ...others,
      counts: Object.fromEntries(counts),
      places: Object.fromEntries(places),
    });
  });

  test("leaves out what was not loaded, hidden paths among it, and what a default would have given", () => {
    const part = Post.hydrate({ _id: stored._id, title: "first" }, { _id: 1, title: 1 });
    expect(adapter.fieldsOf("qa.Post", part)).toEqual({ _id: id, title: "first" });
    expect(adapter.fieldsOf("qa.Post", loaded())).not.toHaveProperty("secret");
    const told = Post.hydrate({ _id: stored._id, secret: "told" }, { _id: 1, secret: 1 });
    expect(adapter.fieldsOf("qa.Post", told)).toEqual({ _id: id, secret: "told" });
  });

  test("what was changed in memory is what it is", () => {
    const post = loaded();
    post.set("tags", ["z"]);
    post.set("data", null);
    post.set("status", undefined);
    const { status, ...others } = fields;
    expect(status).toBe("old");
    expect(adapter.fieldsOf("qa.Post", post)).toStrictEqual({ ...others, tags: ["z"], data: null });
  });

  test("a relation that was loaded is its key, in every place that there is", () => {
    const [first, second] = [
      Author.hydrate({ _id: stored._id, name: "first" }),
      Author.hydrate({ _id: new Types.ObjectId(otherId), name: "second" }),
    ];
    const post = loaded();
    post.set("author", second);
    post.set("authors", [first, second]);
    post.set("home.owner", first);
    post.set("work.owner", first);
    post.set("list.0.owner", second);
    expect(post.populated("author")).toBeDefined();
    expect(adapter.fieldsOf("qa.Post", post)).toStrictEqual(fields);
  });

  test("of a lean row, too", () => {
    const second = { _id: new Types.ObjectId(otherId), name: "second" };
    const row = {
      _id: stored._id,
      author: second,
      authors: [second],
      home: { owner: second },
      list: [{ owner: second }],
    };
    expect(adapter.fieldsOf("qa.Post", row)).toEqual({
      _id: id,
      author: otherId,
      authors: [otherId],
      home: { owner: otherId },
      list: [{ owner: otherId }],
    });
  });

  test("what the schema does not name is there where it allows that", () => {
    const Free = connection.model("Free", new Schema({ a: Number }, { strict: false })) as Model<unknown>;
    const free = mongoose(connection, { "x.Free": Free });
    const row = { _id: stored._id, a: 1, other: [new Types.ObjectId(otherId)] };
    for (const each of [row, Free.hydrate(row)])
      expect(free.fieldsOf("x.Free", each)).toEqual({ _id: id, a: 1, other: [otherId] });
  });
});

describe("entityOf", () => {
  test("casts what travelled back to what each path holds", () => {
    const post = adapter.entityOf("qa.Post", fields) as InstanceType<typeof Post>;
    expect(post).toBeInstanceOf(Post);
    expect(post.isNew).toBe(false);
    expect(post.modifiedPaths()).toEqual([]);
    expect(adapter.fieldsOf("qa.Post", post)).toStrictEqual(fields);
    const raw = (path: string): unknown => post.get(path, null, { getters: false });
    expect(raw("_id")).toBeInstanceOf(Types.ObjectId);
    expect(raw("price")).toBeInstanceOf(Types.Decimal128);
    expect(raw("bytes")).toBeInstanceOf(Buffer);
    expect(raw("uuid")).toBeInstanceOf(mongo.UUID);
    expect(raw("author")).toBeInstanceOf(Types.ObjectId);
    expect(raw("list.0.owner")).toBeInstanceOf(Types.ObjectId);
    expect(raw("places.here.owner")).toBeInstanceOf(Types.ObjectId);
  });

  test("what is not given is not there, not even by its default, and is not saved later", () => {
    const post = adapter.entityOf("qa.Post", { _id: id, title: "first" }) as InstanceType<typeof Post>;
    expect(adapter.fieldsOf("qa.Post", post)).toEqual({ _id: id, title: "first" });
    expect(post.isSelected("status")).toBe(false);
    expect(post.isModified("status")).toBe(false);
  });

  test("a value that a path cannot hold is refused", () => {
    const refused = expect.objectContaining({
      code: "ERR_SNAPSHOT_FIELDS",
      message: expect.stringMatching(/qa\.Post.*"big"/),
    });
    expect(() => adapter.entityOf("qa.Post", { _id: id, big: "many" })).toThrow(refused);
    expect(() => adapter.entityOf("qa.Post", { _id: "no id", title: "x" })).toThrow(/"_id"/);
  });
});

describe("keyOf", () => {
  test("an ObjectId is its 24 digits, of a document and of a lean row", () => {
    expect(adapter.keyOf("qa.Post", loaded())).toBe(id);
    expect(adapter.keyOf("qa.Post", { _id: stored._id })).toBe(id);
    expect(ref(Post, loaded())).toEqual(ref(Post, id));
    expect(ref(Post, { _id: stored._id } as never).pk).toBe(id);
  });

  test("a text is a text, whatever it looks like, and numbers are numbers", () => {
    const Named = connection.model("Named", new Schema({ _id: String }));
    const Counted = connection.model("Counted", new Schema({ _id: BigInt }));
    const Unique = connection.model("Unique", new Schema({ _id: Schema.Types.UUID }));
    const other = mongoose(connection, { "x.Named": Named, "x.Counted": Counted, "x.Unique": Unique });
    expect(other.keyOf("x.Named", Named.hydrate({ _id: id }))).toBe(id);
    expect(other.keyOf("x.Counted", Counted.hydrate({ _id: 9007199254740993n }))).toBe(9007199254740993n);
    expect(other.keyOf("x.Counted", { _id: mongo.Long.fromString("9007199254740993") })).toBe(
      9007199254740993n,
    );
    expect(other.keyOf("x.Unique", Unique.hydrate({ _id: uuid }))).toBe(uuid);
    expect(other.keyOf("x.Unique", { _id: new mongo.UUID(uuid) })).toBe(uuid);
  });

  test("a document that was not saved yet has none, though Mongoose has given it an _id", () => {
    const author = new Author({ name: "new" });
    expect(author._id).toBeDefined();
    expect(adapter.keyOf("qa.Author", author)).toBeUndefined();
    expect(() => ref(Author, author)).toThrow(expect.objectContaining({ code: "ERR_REFERENCE_KEY" }));
    expect(() => snapshot(Author, author)).toThrow(expect.objectContaining({ code: "ERR_REFERENCE_KEY" }));
  });

  test("a key of several attributes", () => {
    const Price = connection.model("Price", new Schema({ product: Schema.Types.ObjectId, currency: String }));
    const shop = mongoose(connection, { "shop.Price": { model: Price, key: ["product", "currency"] } });
    const price = Price.hydrate({ product: stored._id, currency: "EUR" });
    expect(shop.keyOf("shop.Price", price)).toEqual({ product: id, currency: "EUR" });
    expect(shop.keyOf("shop.Price", Price.hydrate({ currency: "EUR" }))).toBeUndefined();
  });
});

describe("modelOf", () => {
  const Animal = connection.model("Animal", new Schema({ name: String }));
  const Dog = Animal.discriminator("Dog", new Schema({ barks: Boolean }));
  const Cat = Animal.discriminator("Cat", new Schema({ purrs: Boolean }));

  test("a document knows its model; a lean row, a subdocument and another's document do not", () => {
    expect(adapter.modelOf(loaded())).toBe("qa.Post");
    expect(adapter.modelOf(Author.hydrate({ _id: id }))).toBe("qa.Author");
    expect(adapter.modelOf({ ...stored })).toBeUndefined();
    expect(adapter.modelOf(loaded().get("work") as object)).toBeUndefined();
    expect(adapter.modelOf(Animal.hydrate({ _id: id }))).toBeUndefined();
    expect(adapter.modelOf(Object.create(Post.prototype) as object)).toBeUndefined();
  });

  test("a discriminator's document is of its own model, or else of that which it is of", () => {
    const zoo = mongoose(connection, { "zoo.Animal": Animal, "zoo.Dog": Dog });
    expect(zoo.modelOf(Dog.hydrate({ _id: id }))).toBe("zoo.Dog");
    expect(zoo.modelOf(Cat.hydrate({ _id: id }))).toBe("zoo.Animal");
    const cat = Animal.hydrate({ _id: id, __t: "Cat", purrs: true });
    expect(zoo.fieldsOf("zoo.Animal", cat)).toEqual({ _id: id, __t: "Cat", purrs: true });
    const row = { _id: stored._id, __t: "Cat", purrs: true };
    expect(zoo.fieldsOf("zoo.Animal", row)).toEqual({ _id: id, __t: "Cat", purrs: true });
    expect(zoo.entityOf("zoo.Animal", { _id: id, __t: "Cat", purrs: true })).toBeInstanceOf(Cat);
  });

  test("a class with two names has none of them", () => {
    const twice = mongoose(connection, { "x.One": Author, "x.Two": Author });
    expect(twice.modelOf(Author.hydrate({ _id: id }))).toBeUndefined();
  });
});
