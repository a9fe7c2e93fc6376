import { describe, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { memory } from "../engine/memory.ts";
import type { Json } from "../message.ts";
import { Petiole } from "./petiole.ts";

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

test("headers of a send travel beside its payload, and middleware sees and changes them", async () => {
  const engine = memory();
  const app = new Petiole({ engine });
  const seen: unknown[] = [];
  const task = app.task("t", (n: number) => n);
  const headers = { tenant: "a", celery: { priority: 6, link: [{ task: "next" }] } };
  await task.enqueue(1, { headers });
  app.use({
    async enqueue({ headers }, next) {
      seen.push({ ...headers });
      headers["tenant"] = "b";
      await next();
    },
  });
  await task.enqueueMany([2, 3], { headers });
  const { records } = await engine.list({});
  const sent = records.map(({ message }) => message.headers);
  expect(sent).toStrictEqual(["a", "b", "b"].map((tenant) => ({ ...headers, tenant, wire: 1 })));
  expect(seen).toStrictEqual([headers, headers]);
  expect(headers.tenant).toBe("a");
});

test.each([
  [{ types: [] }, /^headers cannot have types: /],
  [{ timeout: 5 }, /^headers cannot have timeout: /],
  [{ at: new Date(0) as never }, /^headers\.at must be plain JSON, .* in it is Date\.$/],
  [{ list: [1, { n: 1n as never }] }, /^headers\.list must be plain JSON, .* in it is bigint\.$/],
  [{ n: Number.NaN }, /^headers\.n must be plain JSON, .* in it is number NaN\.$/],
  [{ deep: nested(1000) }, /in it is one that is deeper\.$/],
])("headers that cannot be are refused: %o", async (headers: Record<string, Json>, message) => {
  const engine = memory();
  const task = new Petiole({ engine }).task("t", (n: number) => n);
  await expect(task.enqueue(1, { headers })).rejects.toMatchObject({ code: "ERR_OPTION_INVALID" });
  await expect(task.enqueueMany([1, 2], { headers })).rejects.toThrow(message);
  expect(await engine.counts()).toStrictEqual([]);
});

test("a message's own bound holds beside the task's: the shorter", async () => {
  const engine = memory();
  const app = new Petiole({ engine });
  const slow = async (_: unknown, job: { readonly signal: AbortSignal }) => {
    await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
    throw job.signal.reason;
  };
  app.task("none", slow, { retry: { attempts: 1 } });
  app.task("longer", slow, { retry: { attempts: 1 }, timeout: "1m" });
  app.task("shorter", slow, { retry: { attempts: 1 }, timeout: 10 });
  const bounds = { none: 20, longer: 20, shorter: 60_000 };
  for (const [task, timeout] of Object.entries(bounds)) {
    const message = { id: task, task, queue: "default", payload: "1", headers: { wire: 1, timeout } };
    await engine.send([{ message, runAt: 0 }]);
  }
  const worker = app.worker({ logger: silent, watchdog: false });
  await worker.start();
  const ends = await Promise.all(Object.keys(bounds).map((id) => engine.ended(id)));
  expect(ends.map((end) => end?.reason)).toMatchObject([
    { code: "ERR_TASK_TIMEOUT", message: "the run took longer than its timeout of 20 ms" },
    { code: "ERR_TASK_TIMEOUT", message: "the run took longer than its timeout of 20 ms" },
    { code: "ERR_TASK_TIMEOUT", message: "the run took longer than its timeout of 10 ms" },
  ]);
  await worker.stop();
});

test("an engine may say in which dialect an app writes, and the app otherwise", async () => {
  const sound = memory();
  const engine: Engine = Object.assign(Object.create(sound) as Engine, {
    capabilities: { ...sound.capabilities, dialect: "portable" },
    send: sound.send.bind(sound),
  });
  const send = (options: object) =>
    new Petiole({ engine, ...options }).task("t", (_: unknown) => undefined).enqueue(new Map([[1, 2]]));
  await expect(send({})).rejects.toMatchObject({ code: "ERR_PAYLOAD_REFUSED" });
  await expect(send({ dialect: "portable" })).rejects.toMatchObject({ code: "ERR_PAYLOAD_REFUSED" });
  await expect(send({ dialect: "exact" })).resolves.toMatchObject({ id: expect.any(String) });
  await expect(send({ understands: ["map"] })).resolves.toMatchObject({ id: expect.any(String) });
  expect(() => send({ dialect: "python" })).toThrow(/dialect must be "exact" or "portable"/);
});

function nested(depth: number): Json {
  let value: Json = 1;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

describe("headers that others wrote", () => {
  const bare = { toString: 1 };
  const long = "x".repeat(100_000);
  test.each<[string, Record<string, Json>, string]>([
    ["types that are no texts", { types: [bare] }, "ERR_TEXT_UNDECODABLE"],
    ["types of a newer payload that are no texts", { types: [bare], version: 2 }, "ERR_TEXT_UNDECODABLE"],
    ["a type of a great length", { types: [long] }, "ERR_TYPE_UNKNOWN"],
    ["types that are one great text", { types: long }, "ERR_TEXT_UNDECODABLE"],
    ["an end before all times", { expires: -1e300 }, "ERR_TASK_EXPIRED"],
  ])("%s end the task alone, with a short reason", async (_, headers, code) => {
    const engine = memory();
    const app = new Petiole({ engine });
    const known = app.task("known", () => 1);
    const worker = app.worker({ logger: silent });
    await worker.start();
    for (const task of ["known", "unknown"]) {
      const message = { id: task, task, queue: "default", payload: "1", headers: { wire: 1, ...headers } };
      await engine.send([{ message, runAt: 0 }]);
    }
    await expect.poll(async () => (await engine.find("unknown"))?.reason).toBeDefined();
    expect((await engine.find("known"))?.reason).toMatchObject({ code });
    for (const { reason } of (await engine.list({})).records)
      expect(reason?.message.length).toBeLessThan(2000);
    expect(await (await known.enqueue()).result()).toBe(1);
    await worker.stop();
    await app.close();
  });
});
