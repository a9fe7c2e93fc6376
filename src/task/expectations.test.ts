import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { ref } from "../model/ref.ts";
import { lazy } from "../model/snapshot.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import type { Lazy } from "../wire/lazy.ts";
import { Petiole } from "./petiole.ts";

class Post {
  id = 0;
  body = "";
}

let stored: Post[];
let setup: ReturnType<typeof make>;

function make() {
  // Rows whose body is "hidden" are seen by `scope: "all"` alone.
  const load: OrmAdapter["load"] = async (_model, keys, options) => {
    if (options?.with) return keys.map((key) => ({ id: Number(key), body: `with ${options.with!.join()}` }));
    const asked = stored.filter(({ id }) => keys.some((key) => String(key) === String(id)));
    return asked
      .filter(({ body }) => options?.scope === "all" || body !== "hidden")
      .map((row) => Object.assign({}, row));
  };
  const app = new Petiole({
    engine: memory(),
    models: [stubAdapter({ "qa.Post": [Post, ["id"]] }, {}, { load })],
  });
  const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
  return { app, worker };
}

beforeEach(() => {
  stored = [];
  setup = make();
});

afterEach(async () => {
  await setup.worker.stop({ timeout: 0 });
  await setup.app.close();
});

describe("two references to one row", () => {
  test("each says what it means that the row is missing", async () => {
    const { app, worker } = setup;
    const task = app.task("t", (_payload: { one: Post; other: Post | null }) => {});
    await worker.start();
    const handle = await task.enqueue({ one: ref(Post, 1), other: ref(Post, 1, { ifMissing: "null" }) });
    await expect(handle.result()).rejects.toMatchObject({ reason: { code: "ERR_ROW_MISSING" } });
  });

  test("each sees the row in its own scope", async () => {
    const { app, worker } = setup;
    stored.push({ id: 1, body: "hidden" });
    const task = app.task("t", ({ one, all }: { one: Post | null; all: Post }) => [one, all.body]);
    await worker.start();
    const one = ref(Post, 1, { ifMissing: "null" });
    const handle = await task.enqueue({ one, all: ref(Post, 1, { scope: "all" }) });
    expect(await handle.result()).toStrictEqual([null, "hidden"]);
  });

  test("a lazy one has the relations that it names, though the row is there without", async () => {
    const { app, worker } = setup;
    stored.push({ id: 1, body: "alone" });
    const task = app.task("t", async ({ post, later }: { post: Post; later: Lazy<Post> }) => {
      const whole = await later.load();
      return [post.body, whole.body, whole === (await later.load())];
    });
    await worker.start();
    const handle = await task.enqueue({ post: ref(Post, 1), later: lazy(Post, 1, { with: ["author"] }) });
    expect(await handle.result()).toStrictEqual(["alone", "with author", true]);
  });

  test("one made from a row that was stale when it was sent has changed, whatever the other had to ask for", async () => {
    const { app, worker } = setup;
    stored.push({ id: 1, body: "new" });
    const task = app.task("t", (_posts: Post[]) => {}, { ifChanged: "fail" });
    await worker.start();
    const handle = await task.enqueue([ref(Post, { id: 1, body: "old" }), ref(Post, 1)]);
    await expect(handle.result()).rejects.toMatchObject({ reason: { code: "ERR_ROW_CHANGED" } });
  });
});
