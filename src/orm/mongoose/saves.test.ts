import { type Connection, createConnection, type Model, Schema, Types } from "mongoose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect, disconnect } from "../../../test/orm/mongoose-harness.ts";
import { Recorder } from "../../testing/orm-contract/recorder.ts";
import { type Mongodb, mongodbDatabase, noMongodb, startStub } from "../../../test/services/mongodb.ts";
import { mongoose } from "../mongoose.ts";

type Post = { _id: number; title?: string; slug?: string; tags?: string[] };

describe.each([
  ["what stands in for MongoDB", startStub, undefined],
  ["MongoDB", async () => mongodbDatabase(), noMongodb],
] as const)("saves on %s", (_, start, missing) => {
  let server: Mongodb;
  let connection: Connection;
  let Post: Model<Post>;
  let recorder: Recorder;
  let calls: string[];

  beforeEach(async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    server = await start();
    connection = await connect(server.url);
    calls = [];
    const schema = new Schema<Post>({ _id: Number, title: String, slug: String, tags: [String] });
    schema.post("save", () => void calls.push("post save"));
    Post = connection.model("Post", schema) as unknown as Model<Post>;
    await Post.createCollection();
    recorder = new Recorder();
    // The model is compiled already: no plugin is needed.
    mongoose(connection, { "qa.Post": Post }).observe(recorder);
  });
  afterEach(async () => {
    if (missing === undefined) await disconnect(connection, server);
  });

  /** What was told since the last time. */
  const told = () => recorder.saves.splice(0).map(({ operation, key }) => [operation, key]);

  test("of a document are told after its hooks, with the document as it is then", async () => {
    const post = new Post({ _id: 1, title: "first" });
    await post.save();
    expect(recorder.saves[0]?.row).toBe(post);
    expect(told()).toEqual([["insert", 1]]);
    post.tags = ["new", "array"];
    let version: unknown;
    recorder.saved = async ({ row }) => void (version = (row as typeof post).__v);
    await post.save();
    expect(version).toBe(1);
    expect(calls).toEqual(["post save", "post save"]);
  });

  test("of a document that has no changes is none", async () => {
    const post = await Post.create({ _id: 1, title: "first" });
    expect(told()).toEqual([["insert", 1]]);
    await post.save();
    await Post.updateOne({ _id: 1 }, { title: "first" });
    await Post.deleteOne({ _id: 99 });
    await Post.updateMany({ title: "nobody's" }, { title: "x" });
    await Post.findOneAndUpdate({ _id: 99 }, { title: "x" });
    expect(told()).toEqual([]);
  });

  test("that fail are none, and their error is itself", async () => {
    await Post.create({ _id: 1 });
    told();
    await expect(Post.create({ _id: 1 })).rejects.toMatchObject({ code: 11_000 });
    await expect(Post.create({ _id: 2, title: { no: "text" } as never })).rejects.toThrow(
      /validation failed/,
    );
    expect(told()).toEqual([]);
  });

  test("are told even when a hook after the write fails, whose error arrives", async () => {
    const schema = new Schema({ _id: Number });
    schema.post("save", () => {
      throw new TypeError("in a hook");
    });
    const Hooked = connection.model("Hooked", schema);
    mongoose(connection, { "x.Hooked": Hooked }).observe(recorder);
    await expect(Hooked.create({ _id: 1 })).rejects.toThrow(TypeError);
    expect(told()).toEqual([["insert", 1]]);
  });

  test("of which a listener's rejection reaches whoever saves", async () => {
    const failure = new Error("the listener's");
    recorder.saved = () => Promise.reject(failure);
    await expect(Post.create({ _id: 1 })).rejects.toBe(failure);
    await expect(Post.updateOne({ _id: 1 }, { title: "x" })).rejects.toBe(failure);
  });

  test("of many documents are told one by one", async () => {
    await Post.create([{ _id: 1 }, { _id: 2 }]);
    expect(told().sort()).toEqual([
      ["insert", 1],
      ["insert", 2],
    ]);
    await Post.insertMany([{ _id: 3, title: "third" }, { _id: 4 }]);
    expect(recorder.saves[0]?.row).toBeInstanceOf(Post);
    expect(recorder.saves[0]?.row).toMatchObject({ _id: 3, title: "third" });
    expect(told()).toEqual([
      ["insert", 3],
      ["insert", 4],
    ]);
    const posts = await Post.find({ _id: { $in: [1, 2] } });
    for (const post of posts) post.title = "edited";
    await Post.bulkSave([...posts, new Post({ _id: 5 })]);
    expect(told()).toEqual([
      ["update", 1],
      ["update", 2],
      ["insert", 5],
    ]);
  });

  test("of a bulk write are told with the keys that its filters say", async () => {
    await Post.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
    told();
    await Post.bulkWrite([
      { insertOne: { document: { _id: 4 } } },
      { updateOne: { filter: { _id: 1 }, update: { title: "x" } } },
      { updateMany: { filter: { _id: { $gt: 1 } }, update: { title: "y" } } },
      { updateOne: { filter: { _id: 9 }, update: { title: "z" }, upsert: true } },
      { deleteOne: { filter: { _id: 2 } } },
    ] as never);
    expect(told()).toEqual([
      ["insert", 4],
      ["update", 1],
      ["update", undefined],
      ["insert", 9],
      ["delete", 2],
    ]);
  });

  test("of a bulk write that failed in part are those that were made", async () => {
    await Post.create({ _id: 2 });
    told();
    await expect(Post.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }])).rejects.toThrow(/E11000/);
    expect(told()).toEqual([["insert", 1]]);
    const unordered = Post.insertMany([{ _id: 4 }, { _id: 2 }, { _id: 5 }], { ordered: false });
    await expect(unordered).rejects.toThrow(/E11000/);
    expect(told()).toEqual([
      ["insert", 4],
      ["insert", 5],
    ]);
  });

  test("by queries are told, with the key where the filter or the answer says it", async () => {
    await Post.insertMany([{ _id: 1 }, { _id: 2 }, { _id: 3 }]);
    told();
    await Post.updateOne({ _id: 1 }, { title: "a" });
    await Post.updateOne({ _id: { $eq: 1 } }, { title: "b" });
    await Post.findByIdAndUpdate(2, { title: "c" });
    await Post.findOneAndUpdate({ title: "c" }, { title: "d" });
    await Post.replaceOne({ _id: 3 }, { title: "e" });
    await Post.updateOne({ title: "e" }, { title: "f" });
    await Post.updateMany({}, { title: "g" });
    expect(told()).toEqual([
      ["update", 1],
      ["update", 1],
      ["update", 2],
      ["update", 2],
      ["update", 3],
      ["update", undefined],
      ["update", undefined],
    ]);
    await Post.updateOne({ _id: 7 }, { title: "new" }, { upsert: true });
    await Post.findOneAndUpdate({ _id: 8 }, { title: "new" }, { upsert: true });
    const again = await Post.findOneAndUpdate(
      { _id: 8 },
      { title: "newer" },
      { upsert: true, returnDocument: "after" },
    );
    expect(again?.title).toBe("newer");
    const asked = { includeResultMetadata: true, projection: { title: 1, _id: 0 } } as const;
    const { value } = await Post.findOneAndUpdate({ _id: 8 }, { title: "newest" }, asked);
    expect(value?.title).toBe("newer");
    await Post.findByIdAndDelete(8);
    await Post.deleteOne({ _id: 7 });
    await Post.deleteMany({ title: "g" });
    expect(told()).toEqual([
      ["insert", 7],
      ["insert", 8],
      ["update", 8],
      ["update", 8],
      ["delete", 8],
      ["delete", 7],
      ["delete", undefined],
    ]);
  });

  test("by the driver's collection of a model are told, and by the database's are not", async () => {
    await Post.collection.insertOne({ _id: 1 as never, title: "x" });
    await Post.collection.findOneAndUpdate({ _id: 1 as never }, { $set: { title: "y" } });
    expect(told()).toEqual([
      ["insert", 1],
      ["update", 1],
    ]);
    await connection.db?.collection("posts").updateOne({ _id: 1 as never }, { $set: { title: "y" } });
    expect(told()).toEqual([]);
  });

  test("of a document know its key where that is not its _id", async () => {
    const BySlug = connection.model("BySlug", new Schema({ slug: String, title: String }));
    const adapter = mongoose(connection, { "x.BySlug": { model: BySlug, key: ["slug"] } });
    adapter.observe(recorder);
    const post = await BySlug.create({ slug: "a", title: "first" });
    post.title = "edited";
    await post.save();
    await post.updateOne({ title: "again" });
    await BySlug.updateOne({ slug: "a" }, { title: "by its key" });
    await BySlug.updateOne({ _id: post._id }, { title: "by its _id" });
    await post.deleteOne();
    expect(told()).toEqual([
      ["insert", "a"],
      ["update", "a"],
      ["update", "a"],
      ["update", "a"],
      ["update", undefined],
      ["delete", "a"],
    ]);
  });

  test("an ObjectId's key is its digits", async () => {
    const Author = connection.model("Author", new Schema({ name: String }));
    mongoose(connection, { "x.Author": Author }).observe(recorder);
    const author = await Author.create({ name: "first" });
    await Author.updateOne({ _id: author._id }, { name: "edited" });
    await Author.updateOne({ _id: author._id.toString() }, { name: "again" });
    await Author.collection.insertOne({ name: "without an _id" });
    const id = author._id.toString();
    expect(told().slice(0, 3)).toEqual([
      ["insert", id],
      ["update", id],
      ["update", id],
    ]);
    const [inserted] = await Author.find({ name: "without an _id" });
    expect(inserted?._id).toBeInstanceOf(Types.ObjectId);
  });

  test("of discriminators are told once, as their own model or as that which they are of", async () => {
    const Animal = connection.model("Animal", new Schema({ _id: Number, name: String }));
    const Dog = Animal.discriminator("Dog", new Schema({ barks: Boolean }));
    const Cat = Animal.discriminator("Cat", new Schema({ purrs: Boolean }));
    mongoose(connection, { "zoo.Animal": Animal, "zoo.Dog": Dog }).observe(recorder);
    await Dog.create({ _id: 1, name: "Rex" });
    await Cat.create({ _id: 2, name: "Tom" });
    await Dog.updateOne({ _id: 1 }, { barks: true });
    await Dog.insertMany([{ _id: 3 }]);
    const rex = await Animal.findById(1);
    await rex?.deleteOne();
    expect(recorder.saves.map(({ operation, model, key }) => [operation, model, key])).toEqual([
      ["insert", "zoo.Dog", 1],
      ["insert", "zoo.Animal", 2],
      ["update", "zoo.Dog", 1],
      ["insert", "zoo.Dog", 3],
      ["delete", "zoo.Dog", 1],
    ]);
  });

  test("of a discriminator are told to every adapter that has a part of it", async () => {
    const Animal = connection.model("Animal", new Schema({ _id: Number, name: String }));
    const Dog = Animal.discriminator("Dog", new Schema({ barks: Boolean }));
    const [ofDogs, ofAnimals] = [new Recorder(), new Recorder()];
    mongoose(connection, { "zoo.Dog": Dog }).observe(ofDogs);
    mongoose(connection, { "zoo.Animal": Animal }).observe(ofAnimals);
    const rex = await Dog.create({ _id: 1, name: "Rex" });
    await Animal.create({ _id: 2, name: "Tom" });
    await rex.deleteOne();
    const seen = (each: Recorder) => each.saves.map(({ model, key, row }) => [model, key, row === rex]);
    expect(seen(ofDogs)).toEqual([
      ["zoo.Dog", 1, true],
      ["zoo.Dog", 1, false],
    ]);
    expect(seen(ofAnimals)).toEqual([
      ["zoo.Animal", 1, true],
      ["zoo.Animal", 2, false],
      ["zoo.Animal", 1, false],
    ]);
  });

  test("in a transaction are told with it", async () => {
    const adapter = mongoose(connection, { "qa.Post": Post });
    const second = new Recorder();
    adapter.observe(second);
    await connection.transaction(async (session) => {
      const post = new Post({ _id: 1, title: "first" });
      await post.save({ session });
      await Post.updateOne({ _id: 1 }, { title: "edited" }, { session });
      await Post.findByIdAndDelete(1, { session });
    });
    expect(
      second.saves.map(({ operation, transaction }) => [operation, second.numberOf(transaction)]),
    ).toEqual([
      ["insert", 1],
      ["update", 1],
      ["delete", 1],
    ]);
    await Post.create({ _id: 2 });
    expect(second.saves.at(-1)?.transaction).toBeUndefined();
  });

  test("that wait for the connection are told once", async () => {
    const late = createConnection();
    const Comment = late.model("Comment", new Schema({ _id: Number, body: String }));
    mongoose(late, { "qa.Comment": Comment }).observe(recorder);
    const created = Comment.create({ _id: 1, body: "first" });
    const updated = Comment.findOneAndUpdate(
      { _id: 2 },
      { body: "second" },
      { upsert: true, returnDocument: "after" },
    ).exec();
    await late.openUri(server.url);
    expect(await updated).toMatchObject({ _id: 2, body: "second" });
    await created;
    expect(told().sort()).toEqual([
      ["insert", 1],
      ["insert", 2],
    ]);
    await late.close();
  });

  test("are told no more when the observer has ended", async () => {
    const second = new Recorder();
    const end = mongoose(connection, { "qa.Post": Post }).observe(second);
    await Post.create({ _id: 1 });
    end();
    await Post.create({ _id: 2 });
    await Post.updateMany({}, { title: "x" });
    expect(second.saves).toHaveLength(1);
    expect(recorder.saves).toHaveLength(3);
  });
});
