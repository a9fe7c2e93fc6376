import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { MessageHeaders } from "../../../message.ts";
import { again } from "./again.ts";
import type { CeleryMessage } from "./message.ts";
import { received } from "./receiving.ts";
import { messageOf, noCounters } from "./sending.ts";
import type { Sending } from "./sending.ts";
import type { ProtocolSettings, SendOptions } from "./settings.ts";

const settings: ProtocolSettings = {
  hostname: "petiole@host",
  origin: "gen1@host",
  tasks: {
    "tasks.add": { positional: ["x", "y"] },
    "tasks.slow": {
      priority: 3,
      timeLimit: 60_000,
      softTimeLimit: 50_500,
      compression: "zlib",
      ignoreResult: true,
    },
  },
  exceptions: {},
};

const now = Date.parse("2026-11-22T08:37:00.123Z");

interface Sent {
  readonly id?: string;
  readonly task?: string;
  readonly queue?: string;
  readonly payload?: string;
  readonly headers?: object;
  readonly celery?: SendOptions;
  readonly runAt?: number;
}

function send(sent: Sent, sending: Partial<Sending> = {}): CeleryMessage {
  const { id = "the-id", task = "tasks.add", queue = "celery", payload = '{"x":2,"y":3}', runAt = 0 } = sent;
  const headers = {
    wire: 1,
    ...sent.headers,
    ...(sent.celery && { celery: sent.celery }),
  } as unknown as MessageHeaders;
  const outgoing = { message: { id, task, queue, payload, headers }, runAt };
  return messageOf(outgoing, noCounters, settings, { sentAt: now, ...sending });
}

function bodyOf({ body }: CeleryMessage): unknown {
  return JSON.parse(Buffer.from(body).toString());
}

test("has all headers that Celery writes, in its order, and ours", () => {
  const message = send({}, { replyTo: "replies" });
  expect(message).toStrictEqual({
    queue: "celery",
    headers: {
      lang: "ts",
      task: "tasks.add",
      id: "the-id",
      shadow: null,
      eta: null,
      expires: null,
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: "the-id",
      parent_id: null,
      argsrepr: "(2, 3)",
      kwargsrepr: "{}",
      origin: "gen1@host",
      ignore_result: false,
      replaced_task_nesting: 0,
      stamped_headers: null,
      stamps: {},
      petiole: `{"wire":1,"sentAt":${now}}`,
    },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from('[[2,3],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'),
    replyTo: "replies",
  });
});

test("what an app has agreed about a task, and what one send says in its place", () => {
  const agreed = send({ task: "tasks.slow" });
  expect(agreed).toMatchObject({
    priority: 3,
    headers: { timelimit: [60, 50.5], ignore_result: true, compression: "application/x-gzip" },
  });
  expect(inflateSync(agreed.body).toString()).toMatch(/^\[\[\],\{"x":2,"y":3\},/);
  const celery = {
    priority: 0,
    timeLimit: 55_000,
    ignoreResult: false,
    shadow: "sum",
    headers: { tenant: "ada" },
  };
  expect(send({ task: "tasks.slow", celery })).toMatchObject({
    priority: 0,
    headers: { timelimit: [55, 50.5], ignore_result: false, shadow: "sum", tenant: "ada" },
  });
  expect(send({}, { priority: 5 }).priority).toBe(5);
  expect(send({ celery: { priority: 6 } }, { priority: 5 }).priority).toBe(6);
  expect(send({ task: "constructor" }).headers.task).toBe("constructor");
});

test("times: aware, with +00:00, and only those that Python has", () => {
  const { headers } = send({ runAt: now + 60_000.5, headers: { expires: now + 120_000 } });
  expect(headers["eta"]).toBe("2026-11-22T08:38:00.124+00:00");
  expect(headers["expires"]).toBe("2026-11-22T08:39:00.123+00:00");
  expect(send({ runAt: now }).headers["eta"]).toBeNull();
  expect(send({ headers: { expires: 1e15 } }).headers["expires"]).toBeNull();
  for (const runAt of [1e15, Infinity])
    expect(() => send({ runAt })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID", message: expect.stringContaining("year 9999") }),
    );
});

test("what follows: signatures as Celery has them, the chain in its order", () => {
  const celery: SendOptions = {
    link: [{ task: "a", args: [1, 2 ** 60], queue: "q", priority: 3, id: "a-id" }],
    linkError: [{ task: "b", immutable: true, link: [{ task: "c", id: "c-id" }] }],
    chain: [
      { task: "d", id: "d-id" },
      { task: "e", kwargs: { k: "v" }, id: "e-id" },
    ],
  };
  const message = send({ celery }, { replyTo: "me" });
  const signature = { args: [], kwargs: {}, subtask_type: null, immutable: false };
  expect(bodyOf(message)).toStrictEqual([
    [2, 3],
    {},
    {
      callbacks: [
        {
          ...signature,
          task: "a",
          args: [1, 2 ** 60],
          options: { task_id: "a-id", queue: "q", priority: 3 },
        },
      ],
      errbacks: [
        {
          ...signature,
          task: "b",
          options: {
            task_id: expect.stringMatching(/^[-0-9a-f]{36}$/) as unknown,
            link: [{ ...signature, task: "c", options: { task_id: "c-id" } }],
          },
          immutable: true,
        },
      ],
      chain: [
        { ...signature, task: "e", kwargs: { k: "v" }, options: { task_id: "e-id", reply_to: "me" } },
        { ...signature, task: "d", options: { task_id: "d-id", reply_to: "me" } },
      ],
      chord: null,
    },
  ]);
  expect(Buffer.from(message.body).toString()).toContain("1152921504606847000.0");
});

test.each<[string, unknown, RegExp]>([
  ["no object", 5, /^celeryOptions must be an object; it got number 5\.$/],
  ["an unknown one", { eta: 5 }, /celeryOptions must be only priority, link, .*; it got string "eta"/],
  ["a name of Object's", JSON.parse('{"__proto__":1}'), /must be only/],
  [
    "a priority over 9",
    { priority: 10 },
    /celeryOptions\.priority must be a whole number from 0 to 9; it got number 10/,
  ],
  ["half a priority", { priority: 0.5 }, /priority/],
  [
    "a time limit in words",
    { timeLimit: "5m" },
    /celeryOptions\.timeLimit must be milliseconds, more than 0/,
  ],
  [
    "a soft limit over the hard one",
    { timeLimit: 5, softTimeLimit: 6 },
    /softTimeLimit must be at most the timeLimit/,
  ],
  ["another compression", { compression: "gzip" }, /compression must be "zlib"/],
  ["a flag that is none", { ignoreResult: 1 }, /ignoreResult must be true or false/],
  ["an empty name", { shadow: "" }, /shadow must be a text/],
  ["Celery's own header", { headers: { retries: 1 } }, /no header retries, which is Celery's own/],
  ["a link that is no list", { link: { task: "a" } }, /link must be a list of tasks to send/],
  ["a link without a task", { link: [{}] }, /link\[0\]\.task must be a text; it got undefined/],
  [
    "a link with other arguments",
    { chain: [{ task: "a" }, { task: "b", args: {} }] },
    /chain\[1\]\.args must be a list/,
  ],
  [
    "a link with other names",
    { linkError: [{ task: "b", options: {} }] },
    /linkError\[0\] must be only task, args/,
  ],
  [
    "a link in a link",
    { link: [{ task: "a", link: [{ task: 1 }] }] },
    /link\[0\]\.link\[0\]\.task must be a text/,
  ],
  [
    "a tag, which its worker may not know",
    { link: [{ task: "a", args: [[{ __type__: "no.Such", __value__: 1 }]] }] },
    /link\[0\]\.args\.0\.0 must be plain JSON/,
  ],
  [
    "a tag for all arguments",
    { link: [{ task: "a", kwargs: { __type__: "decimal", __value__: "1" } }] },
    /kwargs/,
  ],
  ["more levels than headers may have", { headers: { deep: nested(5000) } }, /at most 100 levels/],
  ["headers that are in themselves", { headers: inItself() }, /at most 100 levels/],
  ["a field of Celery's request", { headers: { _children: 1 } }, /no header _children/],
])("refuses options: %s", (_, celery, message) => {
  expect(() => send({ celery: celery as SendOptions })).toThrow(
    expect.objectContaining({
      code: "ERR_OPTION_INVALID",
      message: expect.stringMatching(message) as string,
    }),
  );
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

/** Twice, so that what follows each path finds twice as many at each level. */
function inItself(): object {
  const self: Record<string, unknown> = {};
  return Object.assign(self, { one: self, two: self });
}

test("refuses arguments of a link that cannot be written", () => {
  expect(() => send({ celery: { link: [{ task: "a", args: [1n] }] } as unknown as SendOptions })).toThrow(
    expect.objectContaining({
      code: "ERR_OPTION_INVALID",
      message: expect.stringContaining('the task "a"'),
    }),
  );
});

test("long arguments are shown in short, and never in half a character", () => {
  const { headers } = send({ payload: JSON.stringify({ x: "🌿".repeat(5000), y: 1, z: "🌿".repeat(5000) }) });
  for (const shown of [headers["argsrepr"], headers["kwargsrepr"]] as string[]) {
    expect(shown.length).toBeLessThanOrEqual(1024);
    expect(shown.isWellFormed()).toBe(true);
  }
});

const odd = "a\u0000\ud800 \udfff \ufeff\u2028🌿";

describe("comes back as it was sent", () => {
  test.each<[string, Sent]>([
    ["a plain one", {}],
    ["odd texts", { id: `id ${odd}`, task: odd, queue: odd, payload: odd }],
    [
      "headers",
      {
        headers: {
          types: ["a.B"],
          version: 2,
          nested: { list: [1, -0.5, 1e300, null, "\u0000\ud800"] },
          "": [],
        },
      },
    ],
    [
      "headers named like what we write beside them",
      { headers: { sentAt: "x", crashes: null, payload: 1, keys: {}, id: 5, headers: { headers: 1 } } },
    ],
    [
      "an own `__proto__` among them",
      { headers: JSON.parse('{"__proto__":"kept","sentAt":{"__proto__":1}}') as object },
    ],
    ["a parent and a root", { headers: { parent: "p", root: "r" } }],
    ["an expiry", { headers: { expires: now + 5 } }],
    ["an expiry of half a millisecond", { headers: { expires: now + 0.5 } }],
    ["an expiry that Python does not have", { headers: { expires: 1e15 } }],
    ["an expiry before Python's first year", { headers: { expires: -1e14 } }],
    ["compressed", { celery: { compression: "zlib" } }],
  ])("%s", (_, sent) => {
    const message = send(sent);
    const { id = "the-id", task = "tasks.add", queue = "celery", payload = '{"x":2,"y":3}' } = sent;
    const expected = { id, task, queue, payload, headers: { wire: 1, ...sent.headers } };
    expect(received(message, settings).message).toEqual(expected);
    expect(Object.keys(received(message, settings).message.headers).sort()).toStrictEqual(
      Object.keys(expected.headers).sort(),
    );
    // As both transports carry it: headers as JSON or AMQP's, texts as UTF-8.
    for (const each of [message.headers.id, message.headers.task, String(message.headers["root_id"])])
      expect(each.isWellFormed()).toBe(true);
    expect(again(received(message, settings), { runAt: 0, now }).body).toStrictEqual(message.body);
  });

  test("an expiry that Python has changed is Python's", () => {
    const message = send({ headers: { expires: now } });
    const headers = { ...message.headers, expires: "2027-01-01T00:00:00.000500+01:00" };
    expect(received({ ...message, headers }, settings).message.headers["expires"]).toBe(
      Date.parse("2026-12-31T23:00:00Z"),
    );
  });
});

describe("again", () => {
  const counters = { attempts: 2, crashes: 1, deferrals: 3, deferredAt: now };

  test("the same bytes, id and what follows, at another time, with its counters", () => {
    const first = send(
      { headers: { trace: { a: 1 } }, celery: { chain: [{ task: "d" }] } },
      { replyTo: "me", priority: 4 },
    );
    const second = again(received(first, settings), { ...counters, runAt: now + 1000, now });
    expect(second).toStrictEqual({
      ...first,
      isAgain: true,
      headers: {
        ...first.headers,
        eta: "2026-11-22T08:37:01.123+00:00",
        retries: 2,
        petiole: `{"wire":1,"trace":{"a":1},"sentAt":${now},"crashes":1,"deferrals":3,"deferredAt":${now}}`,
      },
    });
    const read = received(second, settings);
    expect(read).toMatchObject({ ...counters, runAt: now + 1000, sentAt: now, replyTo: "me" });
    expect(again(read, { runAt: 0, now })).toStrictEqual({
      ...second,
      headers: { ...second.headers, eta: null },
    });
    const cleared = again(read, { attempts: 3, deferrals: 0, deferredAt: undefined as never, runAt: 0, now });
    expect(received(cleared, settings)).toMatchObject({ attempts: 3, crashes: 1, deferrals: 0 });
    expect(received(cleared, settings)).not.toHaveProperty("deferredAt");
  });

  test("of a message of Celery's own: it stays one, what is about one delivery goes", () => {
    const { petiole: _petiole, ...own } = send({}).headers as Readonly<Record<string, unknown>>;
    const theirs = { ...own, tenant: "ada", redelivered: true, "x-death": [{}], "x-delivery-count": 1 };
    const message = {
      ...send({}),
      expiration: 60_000,
      headers: theirs as unknown as CeleryMessage["headers"],
    };
    const next = again(received(message, settings), { crashes: 1, runAt: 0, now });
    expect(next).not.toHaveProperty("expiration");
    expect(next.headers).toStrictEqual({ ...own, tenant: "ada", petiole: '{"wire":1,"crashes":1}' });
    expect(received(next, settings)).toMatchObject({
      crashes: 1,
      message: { headers: { wire: 1, tenant: "ada" } },
    });
    expect(received(next, settings)).not.toHaveProperty("sentAt");
  });
});
