import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PetioleError } from "../../../errors.ts";
import { afterFailure, afterSuccess as following } from "./following.ts";
import type { CeleryMessage } from "./message.ts";
import { received } from "./receiving.ts";
import type { Received } from "./receiving.ts";
import type { TaskEnd } from "./result.ts";
import { messageOf, noCounters } from "./sending.ts";
import type { ProtocolSettings, SendOptions } from "./settings.ts";

const settings: ProtocolSettings = {
  hostname: "petiole@host",
  origin: "gen1@host",
  tasks: {
    "tasks.ts": { queue: "ts", priority: 4, timeLimit: 5000, ignoreResult: true, compression: "zlib" },
  },
  exceptions: {},
};

const now = Date.parse("2026-11-22T08:37:00Z");

interface Envelope {
  readonly body: string;
  readonly headers: CeleryMessage["headers"];
}

const captured = JSON.parse(readFileSync(new URL("captured.test.json", import.meta.url), "utf8")) as Readonly<
  Record<string, Envelope>
>;

function read(name: string): Received {
  const { headers, body } = captured[name]!;
  const message = { queue: "celery", headers, contentType: "application/json", contentEncoding: "utf-8" };
  const tasks = { "tasks.add": { positional: ["x", "y"] } };
  return received({ ...message, body: Buffer.from(body, "base64") }, { ...settings, tasks });
}

function afterSuccess(...parameters: Parameters<typeof following>): readonly CeleryMessage[] {
  return following(...parameters).messages;
}

/** A message whose third part is this. */
function withEmbed(embed: object, headers: object = {}, protocol = settings): Received {
  const message = {
    queue: "celery",
    headers: { task: "t", id: "parent", root_id: "root", parent_id: "grandparent", ...headers },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from(JSON.stringify([[], {}, embed])),
  };
  return received(message, protocol);
}

function textOf({ body }: CeleryMessage): string {
  return Buffer.from(body).toString();
}

const noEmbed = '{"callbacks":null,"errbacks":null,"chain":null,"chord":null}';

describe("after a success", () => {
  test("the next step of a chain, with what is left of it, as Celery sends it", () => {
    const chain = read("chain");
    const [next, ...others] = afterSuccess(chain, '{"sum":3}', settings, now);
    expect(others).toStrictEqual([]);
    const [last] = chain.embed.chain;
    expect(next).toStrictEqual({
      queue: "celery",
      replyTo: "cbf182e3-28fa-3aa8-a0c3-5c82b6fc30ce",
      contentType: "application/json",
      contentEncoding: "utf-8",
      headers: {
        lang: "ts",
        task: "tasks.add",
        id: "4d4edc8f-6c86-4204-bec4-8e32741e2faa",
        shadow: null,
        eta: null,
        expires: null,
        group: null,
        group_index: null,
        retries: 0,
        timelimit: [null, null],
        root_id: chain.message.id,
        parent_id: chain.message.id,
        argsrepr: '({"sum":3}, 3)',
        kwargsrepr: "{}",
        origin: "gen1@host",
        ignore_result: false,
        replaced_task_nesting: 0,
        stamped_headers: null,
        stamps: {},
      },
      body: Buffer.from(
        `[[{"sum":3},3],{},{"callbacks":null,"errbacks":null,"chain":[${last!}],"chord":null}]`,
      ),
    });
    const positional = { ...settings, tasks: { "tasks.add": { positional: ["x", "y"] } } };
    const second = received(next!, positional);
    expect(second.message.payload).toBe('{"x":{"sum":3},"y":3}');
    const [third] = afterSuccess(second, "7", settings, now);
    expect(third).toMatchObject({
      queue: "ts",
      priority: 6,
      headers: { root_id: chain.message.id, parent_id: next!.headers.id },
    });
    expect(textOf(third!)).toBe(`[[7,4],{},${noEmbed}]`);
    expect(afterSuccess(received(third!, positional), "11", settings, now)).toStrictEqual([]);
  });

  test("callbacks before the chain; what is immutable does not get the result", () => {
    const embed = {
      callbacks: [
        { task: "a", args: [5] },
        { task: "b", args: [7], immutable: true },
      ],
      chain: [{ task: "c", kwargs: { k: 1 } }],
    };
    const messages = afterSuccess(withEmbed(embed), "1", settings, now);
    expect(messages.map(textOf)).toStrictEqual([
      `[[1,5],{},${noEmbed}]`,
      `[[7],{},${noEmbed}]`,
      `[[1],{"k":1},${noEmbed}]`,
    ]);
    expect(
      messages.map(({ headers }) => [headers.task, headers["root_id"], headers["parent_id"]]),
    ).toStrictEqual([
      ["a", "root", "parent"],
      ["b", "root", "parent"],
      ["c", "root", "parent"],
    ]);
  });

  test("a step without an id gets the same one each time, and each its own", () => {
    const embed = { callbacks: [{ task: "a" }, { task: "a" }], chain: [{ task: "a" }] };
    const ids = (): readonly string[] =>
      afterSuccess(withEmbed(embed), "1", settings, now).map(({ headers }) => headers.id);
    expect(ids()).toStrictEqual(ids());
    expect(new Set(ids()).size).toBe(3);
    for (const id of ids())
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("all that the options of a signature say", () => {
    const link = { task: "l", args: [], kwargs: {}, options: {}, immutable: false };
    const options = {
      task_id: "i",
      queue: "q",
      priority: 2,
      reply_to: "me",
      group_id: "g",
      group_index: 3,
      shadow: "s",
      retries: 2,
      time_limit: 60,
      soft_time_limit: 0.5,
      ignore_result: true,
      compression: "gzip",
      replaced_task_nesting: 1,
      eta: { __type__: "datetime", __value__: "2027-01-01T00:00:00" },
      expires: 90.5,
      serializer: "json",
      headers: { tenant: "ada", retries: 9 },
      stamped_headers: ["stamp", "gone"],
      stamp: ["v"],
      link,
      link_error: [link, link],
      chain: [link],
    };
    const [message] = afterSuccess(withEmbed({ chain: [{ task: "a", options }] }), "null", settings, now);
    expect(message).toMatchObject({
      queue: "q",
      priority: 2,
      replyTo: "me",
      headers: {
        id: "i",
        group: "g",
        group_index: 3,
        shadow: "s",
        retries: 2,
        tenant: "ada",
        ignore_result: true,
        timelimit: [60, 0.5],
        compression: "application/x-gzip",
        replaced_task_nesting: 1,
        eta: "2027-01-01T00:00:00.000+00:00",
        expires: "2026-11-22T08:38:30.500+00:00",
        stamped_headers: ["stamp"],
        stamps: { stamp: ["v"] },
      },
    });
    const text = JSON.stringify(link);
    expect(inflateSync(message!.body).toString()).toBe(
      `[[null],{},{"callbacks":[${text}],"errbacks":[${text},${text}],"chain":[${text}],"chord":null}]`,
    );
  });

  test("what the options do not say, the app has agreed, or Celery's defaults are", () => {
    const chain = [{ task: "tasks.ts", options: { countdown: 5 } }];
    const [agreed] = afterSuccess(withEmbed({ chain }), "1", settings, now);
    expect(agreed).toMatchObject({
      queue: "ts",
      priority: 4,
      headers: {
        timelimit: [5, null],
        ignore_result: true,
        compression: "application/x-gzip",
        eta: "2026-11-22T08:37:05.000+00:00",
      },
    });
    const queueOf = (options: object, defaultQueue?: string): string =>
      afterSuccess(
        withEmbed({ chain: [{ task: "a", options }] }),
        "1",
        { ...settings, ...(defaultQueue && { defaultQueue }) },
        now,
      )[0]!.queue;
    expect(queueOf({})).toBe("celery");
    expect(queueOf({}, "mine")).toBe("mine");
    expect(queueOf({ queue: { name: "n" } })).toBe("n");
    // As Celery has it: the default queue.
    expect(queueOf({ routing_key: "r", exchange: "" })).toBe("celery");
    expect(queueOf({ routing_key: "r" })).toBe("celery");
  });

  test.each([-1, 2.5, 1e300, "2", null])("retries that are no count are none: %j", (retries) => {
    const [message] = afterSuccess(
      withEmbed({ chain: [{ task: "a", options: { retries } }] }),
      "1",
      settings,
      now,
    );
    expect(message!.headers["retries"]).toBe(0);
  });

  test("an exchange of its own, as Celery has it: before the queue, and with a routing key unless it is no direct one", () => {
    const routeOf = (options: object): unknown =>
      afterSuccess(withEmbed({ chain: [{ task: "a", options }] }), "1", settings, now)[0]!.route;
    const route = { exchange: "media", routingKey: "media.video.hd" };
    expect(routeOf({ exchange: "media", routing_key: "media.video.hd" })).toStrictEqual(route);
    expect(routeOf({ queue: "q", exchange: "media", routing_key: "media.video.hd" })).toStrictEqual(route);
    expect(routeOf({ exchange: "media", exchange_type: "fanout" })).toStrictEqual({
      exchange: "media",
      routingKey: "",
    });
    for (const options of [
      {},
      { exchange: "media" },
      { exchange: "media", exchange_type: "direct", routing_key: "" },
      { routing_key: "r" },
      { exchange: "", routing_key: "r" },
      { exchange: 5, routing_key: "r" },
    ])
      expect(routeOf(options)).toBe(undefined);
    expect(() => withEmbed({ chain: [{ task: "a", options: { exchange: "é".repeat(128) } }] })).toThrow(
      /options\.exchange: expected a name of 0 to 255 bytes/,
    );
  });

  test("a fanout exchange, where the broker keeps nothing of it: refused before the task is run", () => {
    const tell = { task: "a", options: { exchange: "news", exchange_type: "fanout" } };
    const group = { task: "celery.group", kwargs: { tasks: [tell] } };
    for (const embed of [
      { chain: [tell] },
      { chain: [group] },
      { callbacks: [tell] },
      { errbacks: [tell] },
    ]) {
      expect(() => withEmbed(embed, {}, { ...settings, fanouts: false })).toThrow(
        expect.objectContaining({
          code: "ERR_ENGINE_UNSUPPORTED",
          message: expect.stringContaining('is for the fanout exchange "news"') as string,
        }),
      );
      expect(() => withEmbed(embed)).not.toThrow();
    }
    // Whoever takes the step before it sends it, or not.
    for (const chain of [
      [tell, { task: "b" }],
      [{ task: "b", options: { link: [tell], exchange: "x", exchange_type: "topic" } }],
    ])
      expect(() => withEmbed({ chain }, {}, { ...settings, fanouts: false })).not.toThrow();
  });

  test("a group that ends a chain: all of its tasks", () => {
    const group = read("chain-group");
    const messages = afterSuccess(group, "3", settings, now);
    expect(messages.map(textOf)).toStrictEqual([`[[3,3],{},${noEmbed}]`, `[[3,4],{},${noEmbed}]`]);
    expect(
      messages.map(({ headers }) => [headers.id, headers["group"], headers["group_index"]]),
    ).toStrictEqual([
      ["fa393c69-d3d0-487d-a37b-0a7aa21a4e2f", "de53be0f-8fea-4586-bb15-af63d99f8d8f", 0],
      ["0f950155-f195-45f4-a078-02bcb3a84bc4", "de53be0f-8fea-4586-bb15-af63d99f8d8f", 1],
    ]);
    const options = { task_id: "g", queue: "all" };
    const tasks = [{ task: "a", options: { task_id: "1", queue: "own" } }, { task: "b" }];
    const chain = [{ task: "celery.group", kwargs: { tasks }, options }];
    const [first, second] = afterSuccess(withEmbed({ chain }), "3", settings, now);
    expect(first).toMatchObject({ queue: "all", headers: { id: "1", group: "g" } });
    expect(second).toMatchObject({ queue: "all", headers: { group: "g" } });
    expect(second!.headers.id).not.toBe("g");
  });

  test("results as arguments: pointers from the body on, doubles as Python's floats, no JSON as text", () => {
    const argument = (result: string): string =>
      textOf(afterSuccess(withEmbed({ chain: [{ task: "a" }] }), result, settings, now)[0]!).split(
        ",{},{",
      )[0]!;
    expect(argument('[[],{"__type__":"same","__value__":"/0"}]')).toBe(
      '[[[[],{"__type__":"same","__value__":"/0/0/0"}]]',
    );
    expect(argument("9223372036854776000")).toBe("[[9223372036854776000.0]");
    expect(argument("oops")).toBe('[["oops"]');
    expect(argument("\ud800")).toBe('[["\\ud800"]');
    expect(argument(`${"[".repeat(10_000)}${"]".repeat(10_000)}`)).toContain("[".repeat(10_002));
  });

  test("signatures of Python's are passed on byte for byte", () => {
    const big = `{"task": "b", "args": [12345678901234567890, NaN, 1.0], "kwargs": {"a" : "\\u00e9"}}`;
    const text = `[[],{},{"chain":[${big},{"task":"a","args":[12345678901234567890],"options":{"link":${big}}}]}]`;
    const parent = withEmbed({});
    const message = received({ ...parent.celery, body: Buffer.from(text) }, settings);
    const [next] = afterSuccess(message, "1", settings, now);
    expect(textOf(next!)).toBe(
      `[[1,12345678901234567890],{},{"callbacks":[${big}],"errbacks":null,"chain":[${big}],"chord":null}]`,
    );
  });

  test("seconds that no time is left for", () => {
    const chain = [{ task: "a", options: { countdown: 1e300, expires: -1e300 } }];
    const [next] = afterSuccess(withEmbed({ chain }), "1", settings, now);
    expect(next!.headers["eta"]).toBe("9999-12-31T23:59:59.999+00:00");
    expect(next!.headers["expires"]).toBe("0001-01-01T00:00:00.000+00:00");
  });

  test.each<[object, RegExp]>([
    [
      { eta: "soon" },
      /body\[2\]\.chain\[0\]\.options\.eta: expected a time, or seconds, found string "soon"/,
    ],
    [{ expires: { __type__: "datetime", __value__: "2026-02-30" } }, /options\.expires: expected a time/],
    [{ link: 5 }, /options\.link: expected an array/],
    [{ link_error: "a" }, /options\.link_error: expected an array/],
    [
      { headers: { a: JSON.parse(`${"[".repeat(60)}${"]".repeat(60)}`) as unknown } },
      /options\.headers: expected at most 50 levels/,
    ],
    [{ queue: "a\u0006\u0016b" }, /options\.queue: expected a name without the bytes 06 16/],
    [{ queue: "ä".repeat(128) }, /options\.queue: expected a name of 0 to 255 bytes, found 256 bytes/],
    [{ queue: { name: "" } }, /options\.queue\.name: expected a name of 1 to 255 bytes/],
    [{ routing_key: "x".repeat(300) }, /options\.routing_key: expected a name/],
    [{ reply_to: "x".repeat(300) }, /options\.reply_to: expected a name/],
    [{ task_id: "x".repeat(300) }, /options\.task_id: expected a name/],
    [{ priority: -1 }, /options\.priority: expected a whole number from 0 to 255, found number -1/],
    [{ priority: 2.5 }, /options\.priority: expected a whole number/],
    [{ priority: 256 }, /options\.priority: expected a whole number/],
    [
      { link_error: [{ task: "b", options: { link: { task: "c", options: { priority: -1 } } } }] },
      /options\.link_error\[0\]\.options\.link\[0\]\.options\.priority: expected a whole number/,
    ],
  ])("a step that cannot be sent is told before its task is run: %j", (options, message) => {
    for (const embed of [
      { chain: [{ task: "a", options }] },
      { callbacks: [{ task: "a", options }] },
      { errbacks: [{ task: "celery.group", kwargs: { tasks: [{ task: "a", options }] } }] },
    ])
      expect(() => withEmbed(embed)).toThrow(
        expect.objectContaining({
          code: "ERR_TEXT_UNDECODABLE",
          message: expect.stringMatching(
            RegExp(message.source.replace(/^body.*?options/, "options")),
          ) as string,
        }),
      );
  });
});

const failed: TaskEnd = {
  id: "parent",
  status: "FAILURE",
  state: "failed",
  reason: { code: "ERR_TASK_FAILED", message: "boom" },
  endedAt: now,
  attempts: 3,
  worker: "w",
  traceback: "at x",
  result: "no",
  payload: "{}",
};

describe("after a failure", () => {
  test("errbacks with the id before their own arguments, and the same end for the rest of the chain", () => {
    const embed = {
      errbacks: [
        { task: "e", args: [5] },
        { task: "f", args: [6], immutable: true },
      ],
      chain: [
        { task: "d", options: { task_id: "3", group_id: "g" } },
        { task: "c" },
        { task: "b", options: { task_id: "2", reply_to: "me" } },
      ],
    };
    const { messages, ends } = afterFailure(withEmbed(embed), failed, settings, now);
    expect(messages.map(textOf)).toStrictEqual([`[["parent",5],{},${noEmbed}]`, `[[6],{},${noEmbed}]`]);
    expect(messages[0]).toMatchObject({ queue: "celery", headers: { root_id: "root", parent_id: "parent" } });
    const { id: _id, result: _result, payload: _payload, ...alike } = failed;
    expect(ends).toStrictEqual([
      { end: { ...alike, id: "2", task: "b", attempts: 0 }, replyTo: "me" },
      { end: { ...alike, id: "3", task: "d", attempts: 0, groupId: "g" }, replyTo: undefined },
    ]);
  });

  test("of a group in the chain, each of its tasks", () => {
    const { ends } = afterFailure(read("chain-group"), failed, settings, now);
    expect(ends.map(({ end }) => end.id)).toStrictEqual([
      "fa393c69-d3d0-487d-a37b-0a7aa21a4e2f",
      "0f950155-f195-45f4-a078-02bcb3a84bc4",
      "de53be0f-8fea-4586-bb15-af63d99f8d8f",
    ]);
  });

  test("of a chain in the chain that has its last step's id, the end is told where that step's is", () => {
    const tasks = [
      { task: "a", options: { task_id: "1", reply_to: "me" } },
      { task: "b", options: { task_id: "2", reply_to: "me" } },
    ];
    const embed = { chain: [{ task: "celery.chain", kwargs: { tasks }, options: { task_id: "2" } }] };
    const { ends } = afterFailure(withEmbed(embed), failed, settings, now);
    expect(ends.map(({ end, replyTo }) => [end.id, end.task, replyTo])).toStrictEqual([
      ["1", "a", "me"],
      ["2", "b", "me"],
    ]);
  });

  test("the work grows with the length of the chain, and no faster", () => {
    const chain = (length: number): Received => {
      const steps = Array.from({ length }, (_, at) => ({ task: "b", options: { task_id: `${at}` } }));
      return withEmbed({ chain: steps });
    };
    const [short, long] = [chain(10_000), chain(40_000)];
    /** The least processor time of three runs, in milliseconds; a little work counts as 25. */
    const costOf = (message: Received): number => {
      const costs = Array.from({ length: 3 }, () => {
        const before = process.cpuUsage();
        const { ends } = afterFailure(message, failed, settings, now);
        const { user, system } = process.cpuUsage(before);
        expect(ends).toHaveLength(message.embed.chain.length);
        return (user + system) / 1000;
      });
      return Math.max(25, Math.min(...costs));
    };
    // 4 where it is linear, 16 where it is quadratic.
    expect(costOf(long) / costOf(short)).toBeLessThan(9);
  });

  test("of one that was called off: no errback, the chain ends alike", () => {
    const embed = { errbacks: [{ task: "e" }], chain: [{ task: "b", options: { task_id: "2" } }] };
    const end: TaskEnd = { ...failed, status: "REVOKED", state: "cancelled" };
    const { messages, ends } = afterFailure(withEmbed(embed), end, settings, now);
    expect(messages).toStrictEqual([]);
    expect(ends).toMatchObject([{ end: { id: "2", status: "REVOKED", state: "cancelled" } }]);
  });
});

test("what we send ourselves is followed, too", () => {
  const celery: SendOptions = {
    link: [{ task: "a", args: [1] }],
    chain: [{ task: "b", queue: "q" }, { task: "c" }],
  };
  const message = { id: "i", task: "t", queue: "q", payload: "{}", headers: { wire: 1, celery } };
  const sent = messageOf({ message: message as never, runAt: 0 }, noCounters, settings, {
    sentAt: now,
    replyTo: "me",
  });
  const read = received(sent, settings);
  expect(read.message.headers).toStrictEqual({ wire: 1 });
  const following = afterSuccess(read, '"r"', settings, now);
  expect(following).toMatchObject([
    { headers: { task: "a" } },
    { queue: "q", replyTo: "me", headers: { task: "b" } },
  ]);
  expect(received(following[1]!, settings).message.payload).toBe('"r"');
});

function group(tasks: readonly object[]): object {
  return { task: "celery.group", kwargs: { tasks } };
}

test.each([true, false])("whatever follows is sent, or refused; with chords: %s", (chords) => {
  const small = fc.jsonValue({ maxDepth: 2 });
  const signature = fc.record(
    {
      task: fc.constantFrom("a", "celery.group", "celery.chain", "celery.chord", "celery.chunks"),
      args: fc.array(small, { maxLength: 2 }),
      kwargs: fc.dictionary(
        fc.constantFrom("tasks", "header", "body", "task", "it", "n", "kwargs"),
        fc.oneof(
          fc.array(fc.constantFrom({ task: "x" }, group([{ task: "y" }]), group([])), { maxLength: 2 }),
          fc.constantFrom({ task: "x" }, group([{ task: "y" }, { task: "z" }]), 1, {}),
        ),
      ),
      options: fc.dictionary(
        fc.constantFrom(
          "task_id",
          "queue",
          "eta",
          "expires",
          "countdown",
          "link",
          "chain",
          "headers",
          "stamped_headers",
          "priority",
          "time_limit",
          "group_index",
          "__proto__",
        ),
        small,
      ),
      immutable: small,
    },
    { requiredKeys: ["task"] },
  );
  const embeds = fc.record({
    callbacks: fc.array(signature, { maxLength: 2 }),
    errbacks: fc.array(signature, { maxLength: 2 }),
    chain: fc.array(signature, { maxLength: 2 }),
  });
  fc.assert(
    fc.property(embeds, fc.oneof(fc.json(), fc.string()), (embed, result) => {
      let read: Received;
      try {
        read = withEmbed(embed, {}, { ...settings, chords });
      } catch (error) {
        expect(error).toBeInstanceOf(PetioleError);
        return;
      }
      // Of a message that was read, all can be sent.
      for (const message of [
        ...afterSuccess(read, result, { ...settings, chords }, now),
        ...afterFailure(read, failed, { ...settings, chords }, now).messages,
      ])
        expect(JSON.stringify(message.headers).isWellFormed()).toBe(true);
    }),
    { numRuns: 500 },
  );
});
