/** Celery's builtin tasks, done where they are taken: on a broker in memory, with messages as Python sends them. */
import { afterEach, describe, expect, test } from "vitest";
import { CeleryServer, celeryInMemory, protocol } from "../../../test/engines/celery-in-memory.ts";
import type { Engine } from "../../engine.ts";
import type { CeleryMessage } from "./protocol/message.ts";

const engines: Engine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

const counted = { ...protocol, chords: true, tasks: { "tasks.add": { positional: ["x", "y"] } } };

function open(server: CeleryServer, settings = counted): Engine {
  const engine = celeryInMemory(server, settings);
  engines.push(engine);
  return engine;
}

function message(task: string, body: string, headers: object = {}): CeleryMessage {
  return {
    queue: "default",
    headers: { lang: "py", task, id: "whole", root_id: "root", parent_id: "before", ...headers },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from(body),
  };
}

const add = '{"task":"tasks.add","args":[9],"kwargs":{"z":1},"options":{"queue":"elsewhere"}}';
const claim = (engine: Engine, limit = 10) =>
  engine.claim({ queues: ["default"], limit, lease: 30_000, worker: "tester" });
const bodyOf = ({ body }: CeleryMessage): string => Buffer.from(body).toString();

/** What a message of a builtin task makes wait: nobody takes from that queue then. */
async function sent(
  task: string,
  body: string,
  headers: object = {},
  more: Partial<CeleryMessage> = {},
): Promise<readonly CeleryMessage[]> {
  const server = new CeleryServer();
  const engine = open(server);
  server.put({ ...message(task, body, headers), ...more });
  const [first] = await claim(engine, 1);
  expect(server.unacknowledged.size).toBe(1);
  const waiting = server.queues.get("default")!.map((each) => each.message);
  // The first of its items, which is taken in the same claim.
  const [taken] = [...server.unacknowledged.values()].map((each) => each.message);
  expect(first?.message.id).toBe(taken!.headers.id);
  return [taken!, ...waiting];
}

describe("items", () => {
  test.each([
    [
      "celery.map",
      `[[],{"task":${add},"it":[1, [2, 3],{"a":NaN}]},null]`,
      ["[1]", "[[2, 3]]", '[{"a":NaN}]'],
    ],
    [
      "celery.starmap",
      `[[],{"task":${add},"it":[[1, 2],[],[10000000000000000000]]},null]`,
      ["[1,2]", "[]", "[10000000000000000000]"],
    ],
    ["celery.starmap", `[[${add},[[1]]],{},null]`, ["[1]"]],
    ["celery.map", '[["tasks.add"],{"it":[1]},null]', ["[1]"]],
    [
      "celery.map",
      `[[],{"task":${add},"it":[0,[{"a":1},{"__type__":"same","__value__":"/1/it/1/0"}]]},null]`,
      ["[0]", '[[{"a":1},{"__type__":"same","__value__":"/0/0/0"}]]'],
    ],
    [
      "celery.starmap",
      `[[${add},[[{"a":1},{"__type__":"same","__value__":"/0/1/0/0"}]]],{},null]`,
      ['[{"a":1},{"__type__":"same","__value__":"/0/0"}]'],
    ],
  ])("of a %s become one message each, with its arguments alone: %s", async (task, body, expected) => {
    const messages = await sent(task, body);
    expect(messages.map(({ headers }) => headers.task)).toStrictEqual(expected.map(() => "tasks.add"));
    for (const [index, each] of messages.entries())
      expect(bodyOf(each).startsWith(`[${expected[index]!},{},{`)).toBe(true);
  });

  test("have what the message says of itself, and what gathers them what follows it", async () => {
    const embed =
      '{"callbacks":[{"task":"c"}],"errbacks":[{"task":"e"}],"chain":[{"task":"last"},{"task":"next"}],"chord":{"task":"sum","options":{"task_id":"outer"}}}';
    const messages = await sent(
      "celery.starmap",
      `[[],{"task":${add},"it":[[1],[2]]},${embed}]`,
      {
        group: "g",
        group_index: 3,
        timelimit: [60, 30],
        stamps: { tenant: "ada" },
        stamped_headers: ["tenant"],
        own: { header: 1 },
        ignore_result: true,
        expires: "2999-01-01T00:00:00+00:00",
      },
      { priority: 3 },
    );
    for (const [index, each] of messages.entries()) {
      expect(each).toMatchObject({
        queue: "default",
        priority: 3,
        headers: {
          root_id: "root",
          parent_id: "whole",
          group_index: index,
          timelimit: [60, 30],
          stamps: { tenant: "ada" },
          own: { header: 1 },
          ignore_result: true,
          expires: null,
        },
      });
      const [, , { chord, chain, callbacks }] = JSON.parse(bodyOf(each));
      expect([chain, callbacks]).toStrictEqual([null, null]);
      expect(chord).toMatchObject({
        task: "celery.accumulate",
        kwargs: { index: 0 },
        immutable: false,
        options: {
          task_id: "whole",
          queue: "default",
          group_id: "g",
          group_index: 3,
          ignore_result: true,
          link: [{ task: "c" }],
          link_error: [{ task: "e" }],
          chain: [{ task: "last" }, { task: "next" }],
          chord: { task: "sum" },
        },
      });
    }
    expect(new Set(messages.map(({ headers }) => headers["group"])).size).toBe(1);
  });

  test("have the same ids when the message is taken twice", async () => {
    const body = `[[],{"task":${add},"it":[[1],[2]]},null]`;
    const ids = async (): Promise<readonly string[]> =>
      (await sent("celery.starmap", body)).map(({ headers }) => headers.id);
    const first = await ids();
    expect(new Set(first).size).toBe(2);
    expect(await ids()).toStrictEqual(first);
  });

  test("of chunks go so many at a time", async () => {
    const server = new CeleryServer();
    server.put(message("celery.chunks", `[[],{"task":${add},"it":[[1],[2],[3]],"n":2},null]`));
    const engine = open(server);
    const deliveries = await claim(engine);
    expect(deliveries.map((each) => [each.message.task, each.message.payload])).toStrictEqual([
      ["tasks.add", '{"x":1}'],
      ["tasks.add", '{"x":2}'],
      ["tasks.add", '{"x":3}'],
    ]);
  });

  test("that are none end it at once, with what follows", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    server.put(
      message(
        "celery.map",
        `[[],{"task":${add},"it":[]},{"chain":[{"task":"next","options":{"queue":"default"}}]}]`,
      ),
    );
    const [next] = await claim(engine);
    expect(next?.message).toMatchObject({ task: "next", payload: "[]" });
    expect(await engine.find("whole")).toMatchObject({ state: "succeeded", result: "[]" });
  });

  test.each([
    [
      "no task",
      "celery.map",
      '[[],{"it":[]},null]',
      /body\[1\]\.task: expected the signature of a task, found nothing/,
    ],
    ["a task that is a number", "celery.map", '[[],{"task":5,"it":[]},null]', /body\[1\]\.task/],
    ["a task without a name", "celery.map", '[[],{"task":{},"it":[]},null]', /body\[1\]\.task\.task/],
    ["a chain for a task", "celery.map", '[["celery.chain",[1]],{},null]', /the signature of one task/],
    [
      "no items",
      "celery.starmap",
      `[[],{"task":${add}},null]`,
      /body\[1\]\.it: expected a list, found nothing/,
    ],
    [
      "items that are none",
      "celery.starmap",
      `[[],{"task":${add},"it":"abc"},null]`,
      /body\[1\]\.it: expected an array/,
    ],
    [
      "an item that is no list",
      "celery.starmap",
      `[[],{"task":${add},"it":[[1],2]},null]`,
      /body\[1\]\.it\[1\]: expected an array/,
    ],
    ["another argument", "celery.map", `[[${add},[],1],{},null]`, /task, it/],
    [
      "chunks of none",
      "celery.chunks",
      `[[],{"task":${add},"it":[1],"n":0},null]`,
      /body\[1\]\.n.*from 1 on/,
    ],
    ["chunks of what is no list", "celery.chunks", `[[],{"task":${add},"it":[[1]]},null]`, /body\[1\]\.n/],
    [
      "too many items",
      "celery.map",
      `[[],{"task":${add},"it":[${"1,".repeat(10_000)}1]},null]`,
      /at most 10000 items/,
    ],
    [
      "a pointer to another item",
      "celery.map",
      `[[],{"task":${add},"it":[{},{"__type__":"same","__value__":"/1/it/0"}]},null]`,
      /pointers to what is in the same item/,
    ],
    [
      "an index that is none",
      "celery.accumulate",
      '[[1],{"index":1},null]',
      /place of one of its 1 arguments/,
    ],
    ["an index that is a text", "celery.accumulate", '[[1],{"index":"0"},null]', /body\[1\]\.index/],
  ])("with %s: the message is parked, and the worker lives", async (_, task, body, why) => {
    const server = new CeleryServer();
    const engine = open(server);
    server.put(message(task, body));
    server.put(message("tasks.add", "[[],{},null]", { id: "sound" }));
    expect((await claim(engine)).map((each) => each.message.id)).toStrictEqual(["sound"]);
    expect(await engine.find("whole")).toMatchObject({
      state: "parked",
      reason: { message: expect.stringMatching(why) },
      message: { task },
    });
    expect(server.kept.has("whole")).toBe(true);
  });

  test("that come to more than fits are refused: what follows is in each", async () => {
    const server = new CeleryServer();
    const engine = open(server, { ...counted, maxBytes: 100_000 } as typeof counted);
    const chain = JSON.stringify([{ task: "next", args: ["x".repeat(50_000)] }]);
    server.put(message("celery.map", `[[],{"task":${add},"it":[1,2]},{"chain":${chain}}]`));
    expect(await claim(engine)).toStrictEqual([]);
    expect((await engine.find("whole"))?.reason?.message).toMatch(/at most 100000 bytes of messages/);
  });

  test.each(["task_id", "exchange", "retries"])(
    "with stamps that are no stamps are refused: %s",
    async (name) => {
      const server = new CeleryServer();
      const engine = open(server);
      const headers = { stamps: { [name]: "one for all" }, stamped_headers: [name] };
      server.put(message("celery.map", `[[],{"task":${add},"it":[1,2]},null]`, headers));
      expect(await claim(engine)).toStrictEqual([]);
      expect((await engine.find("whole"))?.reason?.message).toMatch(`headers.stamps: expected`);
      expect((await engine.find("whole"))?.reason?.message).toContain(name);
    },
  );

  test("need results that can be counted", async () => {
    const server = new CeleryServer();
    const engine = open(server, protocol as typeof counted);
    server.put(message("celery.starmap", `[[],{"task":${add},"it":[[1]]},null]`));
    expect(await claim(engine)).toStrictEqual([]);
    expect(await engine.find("whole")).toMatchObject({
      state: "parked",
      reason: {
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringMatching(/results: redis; or send a group/),
      },
    });
  });
});

describe("celery.accumulate", () => {
  test.each([
    ['[[[1,2],[3]],{"index":0},null]', "[1,2]"],
    ['[[[1,2],[3]],{"index":-1},null]', "[3]"],
    ['[[1,"a"],{"index":null},null]', '[1,"a"]'],
    ["[[],{},null]", "[]"],
    ['[[[NaN]],{"index":0},null]', '[{"__type__":"number","__value__":"NaN"}]'],
    [
      '[[[{"a":1},{"__type__":"same","__value__":"/0/0/0"}]],{"index":0},null]',
      '[{"a":1},{"__type__":"same","__value__":"/0"}]',
    ],
  ])("of %s is %s", async (body, result) => {
    const server = new CeleryServer();
    const engine = open(server);
    server.put(message("celery.accumulate", body));
    expect(await claim(engine)).toStrictEqual([]);
    expect(await engine.find("whole")).toMatchObject({ state: "succeeded", result });
    expect(server.unacknowledged.size).toBe(0);
  });
});

describe("what is not to be run", () => {
  test("any more has expired", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const expires = "2020-01-01T00:00:00+00:00";
    server.put(message("celery.map", `[[],{"task":${add},"it":[1]},null]`, { expires }));
    expect(await claim(engine)).toStrictEqual([]);
    expect(await engine.find("whole")).toMatchObject({ state: "expired" });
  });

  test("yet waits for its time", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const eta = new Date(Date.now() + 200).toISOString();
    server.put(message("celery.map", `[[],{"task":${add},"it":[1]},null]`, { eta }));
    expect(await claim(engine)).toStrictEqual([]);
    expect(server.unacknowledged.size).toBe(1);
    await expect
      .poll(async () => (await claim(engine)).map((each) => each.message.task))
      .toEqual(["tasks.add"]);
  });

  test("after its worker was lost too often is parked", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const petiole = JSON.stringify({ wire: 1, crashes: 5 });
    server.put(message("celery.map", `[[],{"task":${add},"it":[1]},null]`, { petiole }));
    expect(await claim(engine)).toStrictEqual([]);
    expect(await engine.find("whole")).toMatchObject({
      state: "parked",
      reason: { code: "ERR_TASK_CRASHED" },
    });
  });
});
