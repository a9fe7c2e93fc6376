import { afterEach, beforeEach, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { Json } from "../message.ts";
import { chainHeader, followingOf, mostBytes } from "./following.ts";
import { Petiole } from "./petiole.ts";

const step = { id: "2", task: "t", queue: "default" };
const logger = { info() {}, warn() {}, error() {} };
let runs: unknown[];
let setup: ReturnType<typeof make>;

function make() {
  const app = new Petiole({ engine: memory() });
  app.task("t", (payload: unknown) => void runs.push(payload));
  return { app, worker: app.worker({ logger }) };
}

beforeEach(() => {
  runs = [];
  setup = make();
});

afterEach(async () => {
  await setup.worker.stop({ timeout: 0 });
  await setup.app.close();
});

// Anyone may write to a queue: what is damaged is set aside before anything runs.
test.each<[chain: Json, path: string]>([
  ["t", "headers.chain"],
  [{}, "headers.chain"],
  [null, "headers.chain"],
  [[], "headers.chain"],
  [Array.from({ length: 100 }, () => step), "headers.chain"],
  [[1], "headers.chain[0]"],
  [[step, null], "headers.chain[1]"],
  [[{ ...step, id: 5 }], "headers.chain[0].id"],
  [[{ ...step, id: "" }], "headers.chain[0].id"],
  [[{ id: "2", queue: "default" }], "headers.chain[0].task"],
  [[{ ...step, queue: null }], "headers.chain[0].queue"],
  [[{ ...step, task: "no task!" }], "headers.chain[0].task"],
  [[{ ...step, queue: "a".repeat(201) }], "headers.chain[0].queue"],
  [[{ ...step, priority: 1e9 }], "headers.chain[0].priority"],
  [[{ ...step, priority: 0.5 }], "headers.chain[0].priority"],
  [[{ ...step, lane: "t" }], "headers.chain[0].lane"],
  [[{ ...step, delay: -1 }], "headers.chain[0].delay"],
  [[{ ...step, runAt: "now" }], "headers.chain[0].runAt"],
  [[{ ...step, expires: null }], "headers.chain[0].expires"],
  [[{ ...step, expiresIn: -1 }], "headers.chain[0].expiresIn"],
  [[{ ...step, version: 1 }], "headers.chain[0].version"],
  [[{ ...step, aliases: "old" }], "headers.chain[0].aliases"],
  [[{ ...step, aliases: ["no task!"] }], "headers.chain[0].aliases"],
  [[{ ...step, headers: [] }], "headers.chain[0].headers"],
  [[{ ...step, payload: "1" }], "headers.chain[0].payload"],
  [[{ ...step, payload: { text: 1 } }], "headers.chain[0].payload"],
  [[{ ...step, payload: { text: "1", types: [1] } }], "headers.chain[0].payload"],
  [[{ ...step, whatever: 1 }], "headers.chain[0].whatever"],
  [[{ ...step, toString: 1 }], "headers.chain[0].toString"],
])("what follows is no chain: %j", async (chain, path) => {
  const { app, worker } = setup;
  const message = { id: "1", task: "t", queue: "default", payload: "1", headers: { wire: 1, chain } };
  await app.engine.send([{ message, runAt: 0 }]);
  await worker.start();
  const record = await app.engine.ended("1");
  expect(record).toMatchObject({
    state: "parked",
    reason: { code: "ERR_TEXT_UNDECODABLE", details: { path } },
  });
  expect(runs).toEqual([]);
});

test("headers of a later step that are the message's own, from anyone, fail the step before it", async () => {
  const { app, worker } = setup;
  const chain = [{ ...step, headers: { wire: 7 } }];
  const message = { id: "1", task: "t", queue: "default", payload: "1", headers: { wire: 1, chain } };
  await app.engine.send([{ message, runAt: 0 }]);
  await worker.start();
  expect(await app.engine.ended("1")).toMatchObject({
    state: "failed",
    reason: { code: "ERR_OPTION_INVALID" },
  });
  expect(await app.engine.find("2")).toBeUndefined();
});

test("a payload of a later step that is no text of the wire is parked as ever", async () => {
  const { app, worker } = setup;
  const chain = [{ ...step, payload: { text: "{" } }];
  const message = { id: "1", task: "t", queue: "default", payload: "1", headers: { wire: 1, chain } };
  await app.engine.send([{ message, runAt: 0 }]);
  await worker.start();
  expect(await app.engine.ended("1")).toMatchObject({ state: "succeeded" });
  expect(await app.engine.ended("2")).toMatchObject({
    state: "parked",
    reason: { code: "ERR_TEXT_UNDECODABLE" },
  });
  expect(runs).toEqual([1]);
});

test("the header holds as many bytes as it may, and no more", () => {
  const empty = { ...step, payload: { text: "" } };
  const room = mostBytes - JSON.stringify([empty]).length;
  const full = [{ ...step, payload: { text: "a".repeat(room) } }];
  expect(chainHeader(full)).toStrictEqual({ chain: full });
  expect(followingOf({ wire: 1, ...chainHeader(full) })).toBe(full);
  const over = [{ ...step, payload: { text: `${"a".repeat(room - 1)}é` } }];
  expect(() => chainHeader(over)).toThrow(/at most 65536 bytes .* received number 65537/);
  expect(chainHeader([])).toStrictEqual({});
  expect(followingOf({ wire: 1 })).toEqual([]);
});
