/**
 * Messages that are not as Celery's protocol has them, one for each way to be wrong.
 *
 * @module
 */
import { deflateSync, gzipSync } from "node:zlib";
import { envelope, type RawMessage } from "./raw.ts";

/** One of them, or its neighbour that is in order. */
export interface Case {
  readonly name: string;
  /** Made with the marker that it is found by: its id, and in its body. */
  readonly message: (marker: string) => RawMessage;
}

/** One that only a list of Redis can hold. */
export interface TextCase {
  readonly name: string;
  readonly text: (queue: string, marker: string) => string | Uint8Array;
}

const task = "ts.mark";

/** All headers of Celery's. */
function headersOf(id: string): Record<string, unknown> {
  return {
    lang: "py",
    task,
    id,
    shadow: null,
    eta: null,
    expires: null,
    group: null,
    group_index: null,
    retries: 0,
    timelimit: [null, null],
    root_id: id,
    parent_id: null,
    argsrepr: "()",
    kwargsrepr: "{}",
    origin: "gen1@test",
    ignore_result: false,
    replaced_task_nesting: 0,
    stamped_headers: null,
    stamps: {},
  };
}

const noEmbed = { callbacks: null, errbacks: null, chain: null, chord: null };

/** One that is in order. */
export function good(marker: string): RawMessage & { readonly headers: Record<string, unknown> } {
  return {
    headers: headersOf(marker),
    body: JSON.stringify([[], { marker }, noEmbed]),
    contentType: "application/json",
    contentEncoding: "utf-8",
  };
}

function changed(name: string, change: (marker: string) => Partial<RawMessage>): Case {
  return { name, message: (marker) => ({ ...good(marker), ...change(marker) }) };
}

function withHeaders(name: string, headers: Readonly<Record<string, unknown>>): Case {
  return changed(name, (marker) => ({ headers: { ...headersOf(marker), ...headers } }));
}

function withBody(name: string, body: (marker: string) => string | Uint8Array): Case {
  return changed(name, (marker) => ({ body: body(marker) }));
}

function withEmbed(embed: unknown): Case {
  return withBody(`the third part of the body is ${JSON.stringify(embed)}`, (marker) =>
    JSON.stringify([[], { marker }, embed]),
  );
}

const nested = (levels: number): string => `${"[".repeat(levels)}1${"]".repeat(levels)}`;

const content: readonly Case[] = [
  changed("no content type", () => ({ contentType: undefined })),
  changed("no content type and no encoding", () => ({ contentType: undefined, contentEncoding: undefined })),
  ...["", "text/plain", "application/data", "application/x-msgpack", "image/png", "\u0000"].map(
    (contentType) => changed(`the content type is ${JSON.stringify(contentType)}`, () => ({ contentType })),
  ),
  changed("pickle", () => ({
    contentType: "application/x-python-serialize",
    contentEncoding: "binary",
    // What would run a command.
    body: Buffer.from("cos\nsystem\n(S'true'\ntR."),
  })),
  changed("yaml", (marker) => ({
    contentType: "application/x-yaml",
    body: `- []\n- {marker: ${marker}}\n- !!python/object/apply:os.system ["true"]\n`,
  })),
  ...["", "binary", "base64", "utf-16", "klingon"].map((contentEncoding) =>
    changed(`the encoding is ${JSON.stringify(contentEncoding)}`, () => ({ contentEncoding })),
  ),
];

const compressions: readonly Case[] = [
  changed("zlib, as Celery has it", (marker) => ({
    headers: { ...headersOf(marker), compression: "application/x-gzip" },
    body: deflateSync(good(marker).body),
  })),
  changed("real gzip", (marker) => ({
    headers: { ...headersOf(marker), compression: "application/x-gzip" },
    body: gzipSync(good(marker).body),
  })),
  withHeaders("compressed, it says, and is not", { compression: "application/x-gzip" }),
  withHeaders("a compression that nobody has", { compression: "application/x-nothing" }),
  changed("half of a compressed body", (marker) => ({
    headers: { ...headersOf(marker), compression: "application/x-gzip" },
    body: deflateSync(good(marker).body).subarray(0, 30),
  })),
  changed("100 KB that unpack to 100 MB", (marker) => ({
    headers: { ...headersOf(marker), compression: "application/x-gzip" },
    body: deflateSync(Buffer.alloc(100_000_000, " ")),
  })),
];

const bodies: readonly Case[] = [
  ...[
    "",
    "null",
    "5",
    '"text"',
    "{}",
    "[]",
    "[[]]",
    "[[],{}]",
    "[[],{},{},1]",
    "[[],[],{}]",
    "[{},{},{}]",
    "[null,null,null]",
    "[[],{}",
    "[[],{},{}]]",
    "{]",
    "[[],{},NaN]",
    "[[NaN],{},null]",
  ].map((body) => withBody(`the body is ${body}`, () => body)),
  withBody("no third part", (marker) => JSON.stringify([[], { marker }])),
  withBody("its third part is null", (marker) => JSON.stringify([[], { marker }, null])),
  withBody("bytes that are no text", () => Buffer.from([0x5b, 0xff, 0xfe, 0x00, 0x5d])),
  withBody("a mark of the order of bytes", (marker) => `\uFEFF${good(marker).body as string}`),
  withBody("an unknown __type__", (marker) =>
    JSON.stringify([[], { marker, x: { __type__: "no.Such", __value__: 1 } }, noEmbed]),
  ),
  withBody("an unknown __type__ for all arguments", () =>
    JSON.stringify([[], { __type__: "no.Such", __value__: 1 }, noEmbed]),
  ),
  ...[
    "datetime",
    "date",
    "time",
    "decimal",
    "uuid",
    "bytes",
    "base64",
    "bigint",
    "number",
    "same",
    "undefined",
    "Map",
  ].map((type) =>
    withBody(`a wrong ${type}`, (marker) =>
      JSON.stringify([[], { marker, x: { __type__: type, __value__: ["no"] } }, noEmbed]),
    ),
  ),
  withBody("arguments that nobody has named", (marker) => JSON.stringify([[1, 2, 3], { marker }, noEmbed])),
  withBody("a name twice", (marker) => `[[],{"marker":"other","marker":"${marker}"},null]`),
  withBody(
    "__proto__",
    (marker) =>
      `[[],{"marker":"${marker}","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}},null]`,
  ),
  withBody("half of a surrogate pair", (marker) => `[[],{"marker":"${marker}","x":"\\ud800"},null]`),
  withBody("10,000 levels", (marker) => `[[],{"marker":"${marker}","x":${nested(10_000)}},null]`),
  withBody(
    "10,000 levels of objects",
    (marker) => `[[],{"marker":"${marker}","x":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}},null]`,
  ),
  withBody("300,000 levels", (marker) => `[[],{"marker":"${marker}","x":${nested(300_000)}},null]`),
  withBody("5 MB", (marker) => `[[],{"marker":"${marker}","x":"${"x".repeat(5_000_000)}"},null]`),
  withBody("5 MB that end too early", (marker) => `[[],{"marker":"${marker}","x":"${"x".repeat(5_000_000)}`),
  withBody(
    "a number of 100,000 digits",
    (marker) => `[[],{"marker":"${marker}","x":${"9".repeat(100_000)}},null]`,
  ),
];

const embeds: readonly Case[] = [
  ...["callbacks", "errbacks", "chain", "chord"].flatMap((name) =>
    [
      5,
      "text",
      true,
      [5],
      [null],
      [[]],
      [{}],
      {},
      [{ task: 5 }],
      [{ task: "x", args: 5 }],
      [{ task: "x", kwargs: [] }],
      [{ task: "x", options: 5 }],
    ].map((value) => withEmbed({ ...noEmbed, [name]: value })),
  ),
  ...[5, "text", [], true].map(withEmbed),
];

/** What no header of Celery's is, one of a kind. */
const values: readonly unknown[] = [
  5,
  -1,
  1.5,
  1e300,
  true,
  "",
  "text",
  [],
  [1],
  ["a", "b", "c"],
  {},
  { a: 1 },
  "x".repeat(10_000),
  null,
  undefined,
];

const headers: readonly Case[] = [
  changed("no headers", () => ({ headers: undefined })),
  changed("empty headers", () => ({ headers: {} })),
  ...[...Object.keys(headersOf("")), "petiole", "compression", "redelivered"].flatMap((name) =>
    values.map((value) => {
      const shown =
        typeof value === "string" && value.length > 20 ? "10,000 characters" : JSON.stringify(value);
      return withHeaders(`the header ${name} is ${shown ?? "left out"}`, { [name]: value });
    }),
  ),
  ...[
    "2026-13-01T00:00:00",
    "2026-01-01",
    "tomorrow",
    "2026-01-01T00:00:00+99:00",
    "99999-01-01T00:00:00+00:00",
  ].flatMap((time) => [
    withHeaders(`expires is ${time}`, { expires: time }),
    withHeaders(`eta is ${time}`, { eta: time }),
  ]),
  ...[
    "{",
    "[]",
    "5",
    "null",
    '{"wire":1}',
    '{"wire":99}',
    '{"wire":"x"}',
    '{"wire":1,"own":5}',
    '{"wire":1,"own":{"crashes":-1}}',
    '{"crashes":1e9,"wire":1}',
  ].map((text) => withHeaders(`the header petiole is ${text}`, { petiole: text })),
  withHeaders(
    "500 more headers",
    Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`x-${at}`, at])),
  ),
];

/** Of both brokers. */
export const cases: readonly Case[] = [...content, ...compressions, ...bodies, ...embeds, ...headers];

/** Puts the same into properties of the envelope. */
function withProperties(name: string, properties: Readonly<Record<string, unknown>>): TextCase {
  return { name, text: (queue, marker) => envelope(queue, good(marker), properties) };
}

function parsed(
  name: string,
  change: (envelope: Record<string, unknown>, marker: string) => unknown,
): TextCase {
  return {
    name,
    text: (queue, marker) =>
      JSON.stringify(change(JSON.parse(envelope(queue, good(marker))) as Record<string, unknown>, marker)),
  };
}

/** Of lists of Redis. */
export const textCases: readonly TextCase[] = [
  { name: "a text", text: (_, marker) => marker },
  { name: "JSON that ends too early", text: (_, marker) => `{"x":"${marker}` },
  { name: "bytes", text: (_, marker) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(marker)]) },
  ...["", "[]", "5", "null", "{}", '{"headers":{}}', "\u0000"].map((text) => ({
    name: `the text ${text}`,
    text: () => text,
  })),
  ...["delivery_tag", "delivery_info", "body_encoding", "priority", "delivery_mode"].flatMap((name) =>
    [undefined, null, 5, "x", [], {}].map((value) =>
      withProperties(`${name} is ${JSON.stringify(value) ?? "left out"}`, { [name]: value }),
    ),
  ),
  withProperties("delivery_info lacks its exchange", { delivery_info: { routing_key: "ts" } }),
  withProperties("delivery_info is of another queue", { delivery_info: { exchange: 5, routing_key: 5 } }),
  withProperties("reply_to is a number", { reply_to: 5 }),
  withProperties("correlation_id is a list", { correlation_id: [] }),
  ...["headers", "properties", "body", "content-type", "content-encoding"].flatMap((name) =>
    [undefined, null, 5, "x", [], true].map((value) =>
      parsed(`${name} is ${JSON.stringify(value) ?? "left out"}`, (whole, marker) => ({
        ...whole,
        [name]: value,
        marker,
      })),
    ),
  ),
  parsed("a list of it", (whole) => [whole]),
  { name: "10,000 levels", text: (_, marker) => `{"x":"${marker}","y":${nested(10_000)}}` },
  {
    name: "NaN beside it",
    text: (queue, marker) => envelope(queue, good(marker)).replace(/^\{/, '{"nan":NaN,'),
  },
];
