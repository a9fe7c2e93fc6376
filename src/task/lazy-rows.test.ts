import { afterEach, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { LoadOptions } from "../model/adapter.ts";
import { lazy } from "../model/snapshot.ts";
import { testApp } from "../testing/index.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import type { Lazy } from "../wire/lazy.ts";
import { Petiole } from "./petiole.ts";

class Post {
  id = 0;
  body = "";
}

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Rows that are hidden are seen by `scope: "all"` alone; those of a replica are older. */
function make() {
  const asked: LoadOptions[] = [];
  const load = async (_model: string, _keys: unknown, options: LoadOptions = {}) => {
    asked.push(options);
    await new Promise((resolve) => setImmediate(resolve));
    if (options.from === "replica") return [{ id: 1, body: "older" }];
    return options.scope === "all" ? [{ id: 1, body: "hidden" }] : [];
  };
  const app = new Petiole({
    engine: memory(),
    models: [stubAdapter({ "qa.Post": [Post, ["id"]] }, {}, { load: load as never })],
  });
  const tester = testApp(app);
  closing.push(
    () => tester.close(),
    () => app.close(),
  );
  return { app, tester, asked };
}

const bodyOf = (post: Lazy<Post>) =>
  post.load().then(
    ({ body }) => body,
    (error: { code: string }) => error.code,
  );

test.each(["one after the other", "the other way round", "at the same time"])(
  "lazy references to one row each see it in their own scope, and on their own copy: %s",
  async (order) => {
    const { app, tester } = make();
    const read = app.task("read", async (posts: { usual: Lazy<Post>; all: Lazy<Post> }) => {
      const { usual, all } = posts;
      if (order === "at the same time") return Promise.all([bodyOf(usual), bodyOf(all)]);
      if (order === "one after the other") return [await bodyOf(usual), await bodyOf(all)];
      const hidden = await bodyOf(all);
      return [await bodyOf(usual), hidden];
    });
    const payload = { usual: lazy(Post, 1), all: lazy(Post, 1, { scope: "all" }) };
    expect(await tester.run(read, payload)).toEqual(["ERR_ROW_MISSING", "hidden"]);
  },
);

test("what a replica gave is not taken for the row, but the row for what a replica would give", async () => {
  const { app, tester, asked } = make();
  const read = app.task("read", async (posts: { primary: Lazy<Post>; replica: Lazy<Post> }) => {
    const older = await posts.replica.load();
    const row = await posts.primary.load();
    return [older.body, row.body, (await posts.replica.load()) === older];
  });
  const primary = lazy(Post, 1, { scope: "all" });
  const replica = lazy(Post, 1, { scope: "all", from: "replica" });
  expect(await tester.run(read, { primary, replica })).toEqual(["older", "hidden", true]);
  const after = app.task("after", async (posts: { primary: Lazy<Post>; replica: Lazy<Post> }) => {
    const row = await posts.primary.load();
    return row === (await posts.replica.load());
  });
  const before = asked.length;
  expect(await tester.run(after, { primary, replica })).toBe(true);
  expect(asked.length).toBe(before + 1);
});

test("a row that is seen in every scope is one object, whichever asks first", async () => {
  const load = async (_model: string, [id]: readonly unknown[]) => {
    await new Promise((resolve) => setImmediate(resolve));
    return [{ id, body: "seen" }];
  };
  const models = [stubAdapter({ "qa.Post": [Post, ["id"]] }, {}, { load: load as never })];
  const app = new Petiole({ engine: memory(), models });
  const tester = testApp(app);
  closing.push(
    () => tester.close(),
    () => app.close(),
  );
  const same = app.task("same", async (posts: { usual: Lazy<Post>; all: Lazy<Post> }[]) => {
    const [first, second, third] = posts as [(typeof posts)[0], (typeof posts)[0], (typeof posts)[0]];
    const together = await Promise.all([first.usual.load(), first.all.load()]);
    const allFirst = [await second.all.load(), await second.usual.load()];
    const usualFirst = [await third.usual.load(), await third.all.load()];
    return [together, allFirst, usualFirst].map(([one, other]) => one === other);
  });
  const posts = [1, 2, 3].map((id) => ({ usual: lazy(Post, id), all: lazy(Post, id, { scope: "all" }) }));
  expect(await tester.run(same, posts)).toEqual([true, true, true]);
});
