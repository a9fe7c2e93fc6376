import { readFileSync } from "node:fs";
import { deflateSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PetioleError } from "../../../errors.ts";
import { createWire } from "../../../wire/index.ts";
import type { CeleryMessage } from "./message.ts";
import { received } from "./receiving.ts";
import type { Received } from "./receiving.ts";
import type { ProtocolSettings } from "./settings.ts";

const settings: ProtocolSettings = {
  hostname: "petiole@host",
  origin: "gen1@host",
  tasks: { "tasks.add": { positional: ["x", "y"] } },
  exceptions: {},
  maxBytes: 1_000_000,
};

/** What Celery 5.6 has put in a list of Redis, by what was sent. */
interface Envelope {
  readonly body: string;
  readonly "content-type": string;
  readonly "content-encoding": string;
  readonly headers: CeleryMessage["headers"];
  readonly properties: {
    readonly correlation_id: string;
    readonly reply_to: string;
    readonly priority: number;
  };
}

const captured = JSON.parse(readFileSync(new URL("captured.test.json", import.meta.url), "utf8")) as Readonly<
  Record<string, Envelope>
>;

/** As a list of Redis holds it. */
function fromRedis(envelope: Envelope): CeleryMessage {
  const { headers, body, properties } = envelope;
  return {
    queue: "celery",
    headers,
    contentType: envelope["content-type"],
    contentEncoding: envelope["content-encoding"],
    body: Buffer.from(body, "base64"),
    replyTo: properties.reply_to,
    priority: properties.priority,
  };
}

/** As amqplib gives it: the same headers and body, the rest among the properties of AMQP. */
function fromAmqp({ headers, body, properties, ...types }: Envelope): CeleryMessage {
  const message = {
    fields: { routingKey: "celery", redelivered: false },
    properties: {
      contentType: types["content-type"],
      contentEncoding: types["content-encoding"],
      headers: { ...headers, "x-death": [{ count: 1, queue: "celery" }] },
      replyTo: properties.reply_to,
      priority: properties.priority,
    },
    content: Buffer.from(body, "base64"),
  };
  const { contentType, contentEncoding, replyTo, priority } = message.properties;
  return {
    queue: message.fields.routingKey,
    headers: message.properties.headers,
    contentType,
    contentEncoding,
    body: message.content,
    replyTo,
    priority,
  };
}

describe.each([
  ["Redis", fromRedis],
  ["RabbitMQ", fromAmqp],
])("messages captured from Celery, of %s", (_, from) => {
  const read = (name: string): Received => received(from(captured[name]!), settings);
  const value = (name: string): unknown => createWire().decode(read(name).message.payload);

  test("a plain one", () => {
    const message = from(captured["plain"]!);
    expect(received(message, settings)).toStrictEqual({
      message: {
        id: "211e707b-5dbd-42b7-8234-e7180bfa8b7a",
        task: "tasks.add",
        queue: "celery",
        payload: '{"x":2,"y":3}',
        headers: { wire: 1 },
      },
      attempts: 0,
      crashes: 0,
      deferrals: 0,
      ignoreResult: false,
      replyTo: "cbf182e3-28fa-3aa8-a0c3-5c82b6fc30ce",
      embed: { callbacks: [], errbacks: [], chain: [] },
      celery: message,
    });
  });

  test("one with all options, compressed", () => {
    const { message, runAt, timeout, ignoreResult } = read("options");
    const { eta, expires } = captured["options"]!.headers;
    expect(message.payload).toBe('{"x":2,"y":3}');
    expect(runAt).toBe(Math.ceil(Date.parse(String(eta).slice(0, 23) + "Z") + 0.5));
    expect(message.headers).toStrictEqual({
      tenant: "ada",
      n: 1.5,
      wire: 1,
      expires: Date.parse(`${String(expires).slice(0, 23)}Z`),
    });
    expect(timeout).toBe(50_500);
    expect(ignoreResult).toBe(true);
  });

  test("a header of another sender's with a name of ours has no meaning", () => {
    const message = fromRedis(captured["options"]!);
    const headers = { ...message.headers, timeout: 5, schedule: "daily", celery: {} };
    expect(received({ ...message, headers }, settings).message.headers).toStrictEqual(
      received(message, settings).message.headers,
    );
  });

  test("times without an offset are in UTC, as Celery's workers read them", () => {
    const { runAt, message } = read("naive");
    expect(runAt).toBe(Date.parse("2026-07-02T01:02:03.457Z"));
    expect(message.headers["expires"]).toBe(Date.parse("2026-07-02T22:00:00Z"));
  });

  test("numbers that JSON does not have", () => {
    expect(value("numbers")).toStrictEqual({ x: 10n ** 20n, y: Number.NaN });
    expect(value("numbers2")).toStrictEqual({
      x: {
        a: Infinity,
        b: -Infinity,
        c: 1e18,
        d: 10n ** 18n,
        e: 2 ** 53,
        f: 2n ** 53n,
        g: -(2n ** 63n),
        h: 1,
        i: -0,
      },
      y: 1,
    });
  });

  test("Kombu's values, byte for byte", () => {
    expect(read("kombu").message.payload).toBe(
      String.raw`{"x": {"__type__": "datetime", "__value__": "2026-07-02T01:02:03.456789+00:00"}, "y": [{"__type__": "decimal", "__value__": "1.10"}, {"__type__": "uuid", "__value__": {"hex": "00000000000000000000000000000005"}}, {"__type__": "bytes", "__value__": "abc"}, {"__type__": "base64", "__value__": "/wA="}, {"__type__": "date", "__value__": "2026-01-02"}, "\u017elu\u0165 \ud83c\udf3f"]}`,
    );
    expect(value("kombu")).toMatchObject({
      y: [{ tag: "decimal", text: "1.10" }, {}, Uint8Array.of(97, 98, 99), {}, {}, "žluť 🌿"],
    });
  });

  test("what follows, as text", () => {
    expect(read("chain").embed.chain.map((step) => JSON.parse(step) as unknown)).toMatchObject([
      { task: "tasks.add", args: [4], options: { queue: "ts", priority: 6 } },
      { task: "tasks.add", args: [3] },
    ]);
    expect(read("link").embed).toMatchObject({
      callbacks: [expect.stringContaining('"args": [5]'), expect.stringContaining('"immutable": true')],
      errbacks: [expect.stringContaining('"tasks.err"')],
    });
  });

  test("a group's part", () => {
    expect(read("group")).toMatchObject({ groupId: "be871193-2612-421c-98c7-7f163d20b966", groupIndex: 0 });
  });

  test.each([
    ["chord", "it is part of a chord"],
    ["chain-chord", "body[2].chain[0] is a celery.chord"],
  ])("not a %s where results are not kept in Redis", (name, problem) => {
    expect(() => read(name)).toThrow(
      expect.objectContaining({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: `The Celery engine cannot run this message: ${problem}. Chords need results that are kept in Redis: say results: redis, or send it to a queue that only Python's workers take from.`,
      }),
    );
  });

  test.each(["chord", "chain-chord"])("a %s where results are kept in Redis", (name) => {
    const { embed, groupId } = received(fromRedis(captured[name]!), { ...settings, chords: true });
    if (name === "chord")
      expect([typeof groupId, embed.chord]).toEqual(["string", expect.stringContaining('"task"')]);
    else expect(embed.chain[0]).toContain("celery.chord");
  });

  test("protocol 1, as a message of protocol 2", () => {
    const first = read("protocol1");
    expect(first).toMatchObject({
      message: {
        id: "6f7fd543-46c5-4f78-85f2-c8714c20fe7e",
        task: "tasks.add",
        payload: '{"x":2,"y":3}',
        headers: { wire: 1 },
      },
      attempts: 0,
      runAt: expect.any(Number) as number,
      embed: { callbacks: [], errbacks: [], chain: [] },
    });
    expect(received(first.celery, settings)).toStrictEqual(first);
    expect(JSON.parse(Buffer.from(first.celery.body).toString())).toHaveLength(3);
  });
});

const base: CeleryMessage = fromRedis(captured["plain"]!);

function withBody(text: string | Uint8Array, headers: object = {}): CeleryMessage {
  return { ...base, headers: { ...base.headers, ...headers }, body: Buffer.from(text as string) };
}

const noEmbed = "{}";
const body = (args: string, kwargs = "{}", embed = noEmbed): string => `[${args},${kwargs},${embed}]`;

/** Whatever it is, it is read, or refused with a code and a message. */
function refusal(message: CeleryMessage): PetioleError | undefined {
  try {
    received(message, settings);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(PetioleError);
    return error as PetioleError;
  }
}

describe("refuses", () => {
  test.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    ["no id", { id: undefined }, /headers\.id: expected a task's id, found undefined/],
    ["an id that is a number", { id: 5 }, /headers\.id: expected a task's id, found number 5/],
    ["an empty id", { id: "" }, /headers\.id/],
    ["no task", { task: undefined }, /headers\.task: expected a task's name/],
    ["a task that is a list", { task: ["a"] }, /headers\.task/],
    ["a bad eta", { eta: "tomorrow" }, /headers\.eta: expected a time, .*, found string "tomorrow"/],
    ["an eta in numbers", { eta: 1_700_000_000 }, /headers\.eta/],
    ["numeric expires", { expires: 60 }, /headers\.expires: .* found number 60/],
    ["expires that is an object", { expires: {} }, /headers\.expires/],
    ["retries that are text", { retries: "1" }, /headers\.retries/],
    ["retries below 0", { retries: -1 }, /headers\.retries/],
    ["half a retry", { retries: 0.5 }, /headers\.retries/],
    ["retries without number", { retries: 1e300 }, /headers\.retries/],
    [
      "a time limit that is no list",
      { timelimit: 60 },
      /headers\.timelimit: expected two numbers of seconds/,
    ],
    ["a time limit of text", { timelimit: ["60", null] }, /headers\.timelimit/],
    ["a time limit below 0", { timelimit: [-1, null] }, /headers\.timelimit/],
    ["three time limits", { timelimit: [1, 2, 3] }, /headers\.timelimit/],
    [
      "an unknown compression",
      { compression: "application/x-bz2" },
      /compressed by string "application\/x-bz2".*compression="zlib"/,
    ],
    ["compression that is a number", { compression: 1 }, /compressed by number 1/],
    ["bytes that are not compressed", { compression: "gzip" }, /body: expected bytes that zlib can unpack/],
    ["our header as an object", { petiole: {} }, /headers\.petiole: expected a JSON text, found object/],
    ["our header as no JSON", { petiole: "{" }, /headers\.petiole: expected a JSON text/],
    ["our header as a list", { petiole: "[]" }, /an object that says its wire version/],
    ["our header without a version", { petiole: "{}" }, /an object that says its wire version/],
    [
      "our header, too deep",
      { petiole: `{"wire":1,"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}` },
      /at most 500 levels/,
    ],
    [
      "a count that is none",
      { petiole: '{"wire":1,"crashes":-1}' },
      /headers\.petiole\.crashes: expected a count/,
    ],
    ["a time that is none", { petiole: '{"wire":1,"deferredAt":"now"}' }, /headers\.petiole\.deferredAt/],
    ["headers that are none", { petiole: '{"wire":1,"headers":[]}' }, /headers\.petiole\.headers/],
    ["keys that are none", { petiole: '{"wire":1,"keys":[1]}' }, /headers\.petiole\.keys/],
    ["a payload of no known form", { petiole: '{"wire":1,"payload":"pickle"}' }, /headers\.petiole\.payload/],
    ["an id that is none", { petiole: '{"wire":1,"id":1}' }, /headers\.petiole\.id/],
  ])("headers: %s", (_, headers, message) => {
    const sent = { ...base, headers: { ...base.headers, ...headers } as CeleryMessage["headers"] };
    expect(refusal(sent)?.message).toMatch(message);
    expect(refusal(sent)?.code).toMatch(/^ERR_(TEXT_UNDECODABLE|ENGINE_UNSUPPORTED)$/);
  });

  test.each<[string, unknown]>([
    ["null", null],
    ["a list", []],
    ["text", "headers"],
    ["nothing", undefined],
  ])("headers that are %s", (_, headers) => {
    expect(refusal({ ...base, headers: headers as CeleryMessage["headers"] })?.message).toMatch(
      /headers: expected an object/,
    );
  });

  test("headers that are too deep to be written again", () => {
    const deep = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as unknown;
    expect(refusal({ ...base, headers: { ...base.headers, deep } })?.message).toMatch(/at most 100 levels/);
  });

  test.each([
    ["pickle", "application/x-python-serialize"],
    ["YAML", "application/x-yaml"],
    ["MessagePack", "application/x-msgpack"],
    ["raw bytes", "application/data"],
    ["text", "text/plain"],
    ["the name of a property that objects have", "constructor"],
    ["no type", undefined],
    ["an empty type", ""],
    ["a type that is an object", {}],
  ])("content: %s", (_, contentType) => {
    const error = refusal({ ...base, contentType: contentType as string });
    expect(error).toMatchObject({
      code: "ERR_ENGINE_UNSUPPORTED",
      message: expect.stringMatching(
        /its content is .*task_serializer = "json".*accept_content.*package petiole/,
      ) as string,
    });
  });

  test("a pickle that is compressed is refused before a byte is unpacked", () => {
    const headers = { ...base.headers, compression: "application/x-gzip" };
    const contentType = "application/x-python-serialize";
    expect(refusal({ ...base, contentType, headers, body: Buffer.from("no zlib") })?.message).toMatch(
      /its content is string "application\/x-python-serialize", Python's pickle, which runs code/,
    );
  });

  test("JSON whose encoding is binary says so, and is refused as what is not declared to be UTF-8", () => {
    expect(refusal({ ...base, contentEncoding: "binary" })?.message).toMatch(
      /its content is JSON, and its encoding string "binary", .*task_serializer = "json"/,
    );
  });

  test("another encoding", () => {
    expect(refusal({ ...base, contentEncoding: "latin-1" })?.message).toMatch(
      /its encoding string "latin-1"/,
    );
  });

  test.each<[string, string | Uint8Array, RegExp]>([
    ["nothing", "", /body: expected an array, found nothing/],
    ["no UTF-8", Uint8Array.of(0x5b, 0xff, 0x5d), /body: expected text in UTF-8/],
    ["half a character", Uint8Array.of(0x22, 0xc3), /body: expected text in UTF-8/],
    ["a surrogate in UTF-8", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), /body: expected text in UTF-8/],
    ["a byte order mark", "\ufeff[[],{},{}]", /body: expected an array/],
    ["no JSON", "hello", /body: expected an array, found "hello"/],
    ["JSON that is cut", "[[],{},{", /body: expected JSON/],
    ["more after its end", "[[],{},{}] x", /body: expected the end of the text/],
    ["null", "null", /body: expected an array, found null/],
    ["no third part", "[[],{}]", /three parts: \[args, kwargs, embed\], found 2/],
    ["four parts", "[[],{},{},{}]", /found 4/],
    ["args that are an object", body("{}"), /body\[0\]: expected an array, found an object/],
    ["args that are null", body("null"), /body\[0\]: expected an array, found null/],
    ["kwargs that are a list", body("[]", "[]"), /body\[1\]: expected an object, found an array/],
    [
      "kwargs that are a tag",
      body("[]", '{"__type__":"datetime","__value__":"2026"}'),
      /body\[1\].*found a tag/,
    ],
    ["embed that is a list", body("[]", "{}", "[]"), /body\[2\]: expected an object/],
    ["a chain that is text", body("[]", "{}", '{"chain":"a"}'), /body\[2\]\.chain: expected an array/],
    ["a step that is text", body("[]", "{}", '{"chain":["a"]}'), /body\[2\]\.chain\[0\]: expected an object/],
    [
      "a step without a task",
      body("[]", "{}", '{"chain":[{}]}'),
      /body\[2\]\.chain\[0\]\.task: expected a task's name/,
    ],
    [
      "a step with other arguments",
      body("[]", "{}", '{"chain":[{"task":"a","args":{}}]}'),
      /body\[2\]\.chain\[0\]\.args/,
    ],
    [
      "a step with other options",
      body("[]", "{}", '{"chain":[{"task":"a","options":[]}]}'),
      /body\[2\]\.chain\[0\]\.options/,
    ],
    ["a callback that is a number", body("[]", "{}", '{"callbacks":[5]}'), /body\[2\]\.callbacks\[0\]/],
    [
      "protocol 1 with other args",
      '{"id":"a","task":"t","args":{},"kwargs":{}}',
      /body\.args: expected an array/,
    ],
    [
      "protocol 1 with other kwargs",
      '{"id":"a","task":"t","args":[],"kwargs":[]}',
      /body\[1\]: expected an object/,
    ],
  ])("a body: %s", (_, text, message) => {
    const error = refusal(withBody(text));
    expect(error?.message).toMatch(message);
    expect(error?.code).toBe("ERR_TEXT_UNDECODABLE");
  });

  test.each([
    [
      "a step of its chain is part of a chord",
      '{"chain":[{"task":"a","options":{"chord":{"task":"b"}}},{"task":"c"}]}',
    ],
    ["it is part of a chord", '{"chord":{"task":"b"}}'],
    [
      "body[2].chain[1] is a celery.group that something follows",
      '{"chain":[{"task":"a"},{"task":"celery.group","kwargs":{"tasks":[]}}]}',
    ],
    [
      "body[2].callbacks[0].kwargs.tasks[0] is a celery.group that something follows",
      '{"callbacks":[{"task":"celery.chain","kwargs":{"tasks":[{"task":"celery.group"},{"task":"a"}]}}]}',
    ],
    [
      "body[2].errbacks[0] is a celery.chord",
      '{"errbacks":[{"task":"celery.chord","kwargs":{"body":{"task":"a"}}}]}',
    ],
  ])("canvas that needs results in Redis: %s", (problem, embed) => {
    const error = refusal(withBody(body("[]", "{}", embed)));
    expect(error?.code).toBe("ERR_ENGINE_UNSUPPORTED");
    expect(error?.message).toContain(`cannot run this message: ${problem}.`);
  });
});

describe("compressed bodies", () => {
  const text = body("[1,2]");
  test.each([
    ["zlib's format, as Kombu writes it", deflateSync(text), "application/x-gzip"],
    ["gzip, as others do", gzipSync(text), "application/x-gzip"],
    ["by its other names", deflateSync(text), "zlib"],
    ["none", Buffer.from(text), null],
    ["none", Buffer.from(text), ""],
  ])("%s", (_, bytes, compression) => {
    expect(received(withBody(bytes, { compression }), settings).message.payload).toBe('{"x":1,"y":2}');
  });

  test.each([
    ["that unpack to more than is allowed", deflateSync(Buffer.alloc(100_000_000)), "gzip"],
    [
      "of many parts",
      Buffer.concat(Array.from({ length: 20 }, () => gzipSync(Buffer.alloc(100_000)))),
      "gzip",
    ],
    ["that are larger than is allowed as they are", Buffer.alloc(1_000_001), undefined],
  ])("%s", (_, bytes, compression) => {
    expect(refusal(withBody(bytes, { compression }))).toMatchObject({
      code: "ERR_PAYLOAD_LIMIT",
      limit: "bytes",
      allowed: 1_000_000,
    });
  });

  test("that are cut, or damaged", () => {
    const bytes = deflateSync(text);
    expect(refusal(withBody(bytes.subarray(0, -6), { compression: "gzip" }))?.code).toBe(
      "ERR_TEXT_UNDECODABLE",
    );
    const changed = Buffer.from(bytes);
    changed[bytes.length - 1]! ^= 1;
    expect(refusal(withBody(changed, { compression: "gzip" }))?.code).toBe("ERR_TEXT_UNDECODABLE");
  });
});

describe("hostile messages are read", () => {
  const payloadOf = (text: string, headers: object = {}): string =>
    received(withBody(text, headers), settings).message.payload;

  test("10,000 levels of arguments", () => {
    const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
    expect(payloadOf(body(`[${deep}]`))).toBe(`{"x":${deep}}`);
    expect(payloadOf(body("[]", `{"a":${deep}}`))).toBe(`{"a":${deep}}`);
    expect(payloadOf(body("[]", "{}", `{"chain":[{"task":"a","args":[${deep}]}]}`))).toBe("{}");
  });

  test("own `__proto__`, which stays a name", () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{}}}';
    expect(payloadOf(body("[]", text))).toBe(text);
    const headers = JSON.parse('{"__proto__":{"polluted":1}}') as object;
    const petiole = '{"wire":1,"__proto__":{"polluted":1},"headers":{"__proto__":1}}';
    const { message } = received(withBody(body("[]"), { ...headers, petiole }), settings);
    expect(Object.keys(message.headers)).toContain("__proto__");
    expect(Object.getPrototypeOf(message.headers)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("a name twice, of which the last holds, as in Python", () => {
    expect(payloadOf(body("[]", '{"a":1,"a":2}'))).toBe('{"a":1,"a":2}');
    const embed = '{"chain":[{"task":"a"}],"chain":null,"chord":{},"chord":null}';
    expect(received(withBody(body("[]", "{}", embed)), settings).embed.chain).toStrictEqual([]);
  });

  test("huge numbers and lone surrogates", () => {
    const digits = "7".repeat(5000);
    expect(payloadOf(body(`[1e400,${digits}]`))).toBe(
      `{"x":{"__type__":"number","__value__":"Infinity"},"y":{"__type__":"bigint","__value__":"${digits}"}}`,
    );
    expect(payloadOf(body(String.raw`["\ud800","\udfff\ud800"]`))).toBe(
      String.raw`{"x":"\ud800","y":"\udfff\ud800"}`,
    );
  });

  test("headers of any type that mean nothing to us", () => {
    const odd = {
      lang: 5,
      root_id: [],
      parent_id: {},
      shadow: 1,
      group: 7,
      group_index: "a",
      origin: null,
      stamps: 1,
      argsrepr: {},
      ignore_result: "yes",
    };
    const { message, groupId, ignoreResult } = received(withBody(body("[1,2]"), odd), settings);
    expect(message.headers).toStrictEqual({ wire: 1 });
    expect([groupId, ignoreResult]).toStrictEqual([undefined, false]);
  });

  test("headers of others, as far as they are JSON; names that mean something here are not theirs to use", () => {
    const others = {
      tenant: "ada",
      list: [1, { a: null }],
      bytes: Buffer.from("a"),
      when: new Date(0),
      nan: Number.NaN,
      schedule: "x",
      types: ["a.B"],
      wire: 7,
      celery: {},
      redelivered: true,
      "x-death": [],
      "x-first-death-queue": "a",
      "x-trace": "b",
    };
    expect(received(withBody(body("[]"), others), settings).message.headers).toStrictEqual({
      tenant: "ada",
      list: [1, { a: null }],
      "x-trace": "b",
      wire: 1,
    });
  });

  test("stamps, as far as they are JSON, are in a header of ours", () => {
    const stamps = { tenant: "ada", list: [1, { a: null }], nan: Number.NaN, when: new Date(0) };
    const headersOf = (given: object): unknown =>
      received(withBody(body("[]"), given), settings).message.headers;
    const told = { wire: 1, celery: { stamps: { tenant: "ada", list: [1, { a: null }] } } };
    expect(headersOf({ stamps, stamped_headers: ["tenant"] })).toStrictEqual(told);
    // Whatever others say of themselves.
    expect(headersOf({ stamps, petiole: '{"wire":1,"celery":{"stamps":{"tenant":"bob"}}}' })).toStrictEqual(
      told,
    );
    for (const none of [null, {}, [], "tenant", { nan: Number.NaN }])
      expect(headersOf({ stamps: none })).toStrictEqual({ wire: 1 });
    const polluting = JSON.parse('{"__proto__":{"polluted":true}}') as object;
    headersOf({ stamps: polluting });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("parents and roots", () => {
    const headers = (given: object): unknown =>
      received(withBody(body("[]"), given), settings).message.headers;
    expect(headers({ parent_id: "p", root_id: "r" })).toStrictEqual({ wire: 1, parent: "p", root: "r" });
    expect(headers({ parent_id: null, root_id: "r" })).toStrictEqual({ wire: 1, root: "r" });
    expect(
      headers({ parent_id: "p", root_id: "r", petiole: '{"wire":1,"parent":"q","root":"s"}' }),
    ).toStrictEqual({ wire: 1, parent: "q", root: "s" });
  });

  test.each([
    [[null, null], undefined],
    [[60, null], 60_000],
    [[60, 2.5], 2500],
    [[0, 0], undefined],
    [[], undefined],
    [null, undefined],
  ])("time limits %j", (timelimit, timeout) => {
    expect(received(withBody(body("[]"), { timelimit }), settings).timeout).toBe(timeout);
  });
});

describe("whatever comes is read, or refused", () => {
  const names = [...Object.keys(base.headers), "compression", "petiole", "other", "__proto__"];

  test("with headers of any JSON", () => {
    const texts = fc.constantFrom("", "2026-01-01", "gzip", '{"wire":1}', '{"wire":1,"keys":["a"]}', "null");
    const value = fc.oneof(fc.jsonValue(), texts, fc.integer(), fc.array(fc.integer(), { maxLength: 2 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...names), value)), (headers) => {
        refusal(withBody(body("[1,2]"), Object.fromEntries(headers)));
      }),
      { numRuns: 3000 },
    );
  });

  test("with a body of any bytes, or of which some are changed", () => {
    const bodies = fc.constantFrom(
      ...Object.values(captured).map((envelope) => Buffer.from(envelope.body, "base64")),
    );
    const changes = fc.array(
      fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('[]{},:"\\'))), fc.boolean()),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(bodies, changes, fc.constantFrom(undefined, "gzip"), (bytes, changed, compression) => {
        const text = [...bytes];
        for (const [at, byte, isInserted] of changed) text.splice(at % text.length, isInserted ? 0 : 1, byte);
        refusal(withBody(Uint8Array.from(text), { compression }));
      }),
      { numRuns: 3000 },
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void refusal(withBody(bytes))));
  });

  test("with any JSON for each part", () => {
    const signature = fc.record(
      {
        task: fc.constantFrom("a", "celery.group", 1, null),
        args: fc.jsonValue(),
        kwargs: fc.oneof(fc.jsonValue(), fc.constant({ tasks: [{ task: "a" }] })),
        options: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const embed = fc.record(
      {
        callbacks: fc.oneof(fc.array(signature), fc.jsonValue()),
        errbacks: fc.array(signature),
        chain: fc.array(signature),
        chord: fc.constantFrom(null, {}),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
        fc.oneof(
          fc.dictionary(fc.constantFrom("x", "__type__", "__value__"), fc.jsonValue()),
          fc.jsonValue(),
        ),
        embed,
        (...parts) => {
          refusal(withBody(JSON.stringify(parts)));
        },
      ),
      { numRuns: 3000 },
    );
  });
});
