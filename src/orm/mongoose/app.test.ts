import { type Connection, Schema } from "mongoose";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connect, disconnect } from "../../../test/orm/mongoose-harness.ts";
import { type Mongodb, startStub } from "../../../test/services/mongodb.ts";
import { memory } from "../../engine/memory.ts";
import { Petiole, ref, snapshot, type Snapshot } from "../../index.ts";
import { mongoose } from "../mongoose.ts";

const schema = new Schema(
  {
    title: { type: String, required: true },
    tags: [String],
    author: { type: Schema.Types.ObjectId, ref: "Post" },
  },
  { timestamps: true },
);
const compile = (on: Connection) => on.model("Post", schema);
type Post = InstanceType<ReturnType<typeof compile>>;

let server: Mongodb;
let connection: Connection;

beforeEach(async () => {
  server = await startStub();
  connection = await connect(server.url);
});
afterEach(async () => {
  await disconnect(connection, server);
});

function start() {
  const Post = compile(connection);
  const app = new Petiole({ engine: memory(), models: [mongoose(connection, { "qa.Post": Post })] });
  return { Post, app };
}

test("a document is sent by itself after the commit of Mongoose's own transaction, and arrives as it is then", async () => {
  const { Post, app } = start();
  const show = app.task("show", ({ post }: { post: unknown }, job) => {
    const { title } = post as Post;
    return `${job.modelOf(post as Post)}: ${title}`;
  });
  const handle = await connection.transaction(async (session) => {
    const post = await new Post({ title: "first" }).save({ session });
    const sent = await show.enqueue({ post });
    expect(await app.engine.counts()).toEqual([]);
    await post.set("title", "edited").save({ session });
    return sent;
  });
  await connection
    .transaction(async (session) => {
      const post = await new Post({ title: "never" }).save({ session });
      await show.enqueue({ post });
      throw new TypeError("changed my mind");
    })
    .catch((error: unknown) => expect(error).toBeInstanceOf(TypeError));
  expect(await app.engine.counts()).toEqual([{ queue: "default", state: "waiting", count: 1 }]);

  const worker = app.worker();
  await worker.start();
  expect(await handle.result()).toBe("qa.Post: edited");
  await worker.stop();
});

test("a snapshot is the document as it was, and saved as that; a lean row travels by ref", async () => {
  const { Post, app } = start();
  const undo = app.task("undo", async ({ was, is }: { was: Snapshot<Post>; is: Post }) => {
    await was.save();
    return [is.title, is.tags.length];
  });
  const post = await Post.create({ title: "first", tags: ["a", "b"] });
  const handle = await undo.enqueue({
    was: snapshot(Post, post),
    is: ref(Post, await Post.findById(post._id).lean().orFail()),
  });
  await Post.updateOne({ _id: post._id }, { title: "edited", tags: [] });

  const worker = app.worker();
  await worker.start();
  expect(await handle.result()).toEqual(["edited", 0]);
  await worker.stop();
  const saved = await Post.findById(post._id).lean().orFail();
  expect(saved).toMatchObject({ title: "first", tags: ["a", "b"], updatedAt: post.updatedAt });
});

test("onSave sends what was saved, after the commit", async () => {
  const { Post, app } = start();
  const index = app.task("index", ({ post }: { post: Post }) => post.title);
  app.onSave(Post, (post) => index.enqueue({ post }));
  await connection.transaction(async (session) => {
    const post = await new Post({ title: "first" }).save({ session });
    await Post.updateOne({ _id: post._id }, { title: "edited" }, { session });
    expect(await app.engine.counts()).toEqual([]);
  });
  expect(await app.engine.counts()).toEqual([{ queue: "default", state: "waiting", count: 2 }]);
});

test("a document that has changed since it was sent is known by updatedAt", async () => {
  const { Post, app } = start();
  const show = app.task("show", ({ post }: { post: Post }) => post.title);
  const [one, two] = await Post.create([{ title: "one" }, { title: "two" }]);
  const skipped = await show.enqueue({ post: ref(Post, one!, { ifChanged: "skip" }) });
  const run = await show.enqueue({ post: ref(Post, two!, { ifChanged: "skip" }) });
  await Post.updateOne({ _id: one!._id }, { title: "edited", updatedAt: new Date(5) });

  const worker = app.worker();
  await worker.start();
  await expect(skipped.result()).rejects.toMatchObject({ code: "ERR_TASK_SKIPPED" });
  expect(await run.result()).toBe("two");
  await worker.stop();
});
