/** Valid texts, for the fuzzer to change: those of every kind that travels, and one of every tag. @module */
import { kinds } from "./kinds.ts";
import { places } from "./places.ts";

const tag = (name: string, content: unknown): string =>
  JSON.stringify({ __type__: name, __value__: content });
const node = (name: string, content: unknown): object => ({ __type__: name, __value__: content });
const buffer = node("ArrayBuffer", "AAAAAAAAAAA=");

/** One of each tag, whether or not something here writes it so. */
const byHand: readonly string[] = [
  '{"a":[1,2.5,true,null,"text"],"b":{"c":{}}}',
  tag("number", "-0"),
  tag("bigint", "-9007199254740993"),
  tag("undefined", null),
  tag("symbol", "k"),
  tag("datetime", "2026-11-22T08:37:00.123+00:00"),
  tag("datetime", null),
  tag("datetime", "2026-11-22T08:37:00.123456+05:30"),
  tag("base64", "AAH+/w=="),
  tag("bytes", "h\u00e9"),
  tag("map", [
    ["a", 1],
    [{ k: 1 }, node("set", [1, 2])],
  ]),
  tag("set", [1, "a", {}, node("bigint", "5")]),
  tag("object", [
    ["__type__", "set"],
    ["__value__", []],
    [node("symbol", "k"), 1],
    ["__proto__", { a: 1 }],
  ]),
  tag("bare", [
    ["a", 1],
    ["__proto__", 2],
  ]),
  tag("array", [
    ["length", 5],
    [0, "a"],
    [3, {}],
    ["name", 1],
    [node("symbol", "k"), 2],
  ]),
  tag("boxed", 1),
  tag("boxed", node("bigint", "5")),
  tag("regexp", ["a(b)?", "gi", 3]),
  tag("url", "https://example.org/?a=1#b"),
  tag("urlsearchparams", "a=1&b=2"),
  tag("headers", [
    ["a", "1"],
    ["set-cookie", "x"],
    ["set-cookie", "y"],
  ]),
  tag("date", "2026-11-22"),
  tag("time", "08:37:00.5"),
  tag("instant", "2026-11-22T08:37:00.123456789Z"),
  tag("zoned", "2026-11-22T08:37:00+01:00[Europe/Berlin]"),
  tag("local", "2026-11-22T08:37:00"),
  tag("month", "2026-11"),
  tag("day", "11-22"),
  tag("duration", "P1Y2M3DT4H5M6.789S"),
  tag("Buffer", "AAH+/w=="),
  tag("Float64Array", "AAAAAAAA8D8="),
  tag("ArrayBuffer", ["AAAA", 64]),
  JSON.stringify([
    buffer,
    node("Uint8Array", [node("same", "/0"), 0, 8]),
    node("DataView", [node("same", "/0"), 2, 3]),
  ]),
  tag("Int16Array", [buffer, 2, 2]),
  tag("error", { name: "TypeError", message: "x", stack: "s", cause: { a: 1 }, properties: { code: "E" } }),
  tag("error", { name: "AggregateError", message: "x", errors: [node("error", { name: "Error" })] }),
  tag("error", { name: "DOMException", message: "x", domName: "AbortError" }),
  tag("decimal", "1.10"),
  tag("uuid", { hex: "5f0b6f0e1c5a4a8e9d364d7d3b2a1c00" }),
  tag("ref", { model: "qa.Comment", pk: 7, lazy: true }),
  tag("ref", { model: "qa.Comment", pk: { a: "1", b: node("bigint", "2") } }),
  tag("ref", {
    model: "qa.Comment",
    pk: 7,
    connection: "archive",
    with: ["author", "author.company"],
    scope: "all",
    from: "replica",
    ifMissing: "null",
    ifChanged: "fail",
    version: "3",
    digest: { fields: ["body", "votes"], sha256: "LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564" },
    was: { id: 7, at: node("datetime", null), n: node("bigint", "5"), tags: [node("set", [{}])] },
  }),
  tag("ref", {
    model: "qa.Comment",
    pk: 7,
    lazy: true,
    was: {
      a: { x: [1] },
      again: [node("same", "/a"), node("same", "/a/x")],
      author: node("ref", { model: "qa.User", pk: 1, with: ["company"] }),
      lookalike: node("object", [
        ["__type__", "ref"],
        ["__value__", 1],
      ]),
    },
  }),
  tag("ref", {
    model: "qa.Comment",
    pk: 7,
    was: node("graph", {
      shapes: [
        ["{}", ["next"]],
        ["{}", "a", "b"],
        ["test.Box", "held"],
      ],
      nodes: [
        [0, 0],
        [2, 5],
        [1, [0], [1]],
      ],
    }),
  }),
  JSON.stringify([
    node("ref", { model: "a.B", pk: 1, ifMissing: "skip", was: { a: [1], b: node("same", "/a") } }),
    node("ref", { model: "a.B", pk: 2, was: { buffer: node("ArrayBuffer", ["AAAA", 64]) } }),
    { x: {} },
    node("same", "/2/x"),
  ]),
  tag("graph", {
    shapes: [["[]"]],
    nodes: [[0, node("ref", { model: "a.B", pk: 1, scope: "all", was: { a: {} } }), [0]]],
  }),
  tag("snapshot", { model: "qa.Comment", pk: 7, fields: { body: "x", at: node("datetime", null) } }),
  tag("refs", { model: "qa.Comment", keys: [1, "2", node("bigint", "3"), { a: 1 }] }),
  tag("snapshots", {
    model: "qa.Post",
    key: "id",
    columns: [["at", "datetime"], ["big", "bigint"], "title"],
    rows: [
      [1, 5, "12", "a"],
      ["k", "NaN", null, null],
      [3, null, "-9", { deep: [1] }],
    ],
  }),
  tag("snapshots", {
    model: "qa.Comment",
    columns: ["id", "body"],
    rows: [
      [1, "a"],
      [2, "b"],
      [3, "c"],
      [4, "d"],
    ],
  }),
  tag("table", {
    type: "geo.Point",
    columns: ["x", "y"],
    rows: [
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ],
  }),
  tag("table", {
    type: "shop.Order",
    columns: [
      "id",
      ["total", { type: "shop.Money", columns: [["amount", "bigint"], "currency"] }],
      "lines",
      ["placed", "datetime"],
    ],
    rows: [1, 2, 3, 4].map((id) => [id, ["5", "EUR"], [], id === 2 ? null : id * 1000]),
  }),
  tag("shop.Money", { amount: node("bigint", "5"), currency: "EUR" }),
  tag("shop.Order", {
    id: 1,
    total: node("shop.Money", { amount: node("bigint", "5"), currency: "EUR" }),
    lines: [],
    placed: node("datetime", null),
  }),
  tag("test.Numbers", { list: [1, 2, 3] }),
  tag("test.Box", { held: node("map", [[1, { deep: [[]] }]]) }),
  tag("test.Wrapped", [node("set", [1])]),
  tag("test.Tally", [["a", 1]]),
  JSON.stringify({ a: { x: [1] }, b: node("same", "/a"), c: [node("same", "/a/x")], d: node("same", "") }),
  JSON.stringify([
    node("map", [["k", { x: 1 }]]),
    node("same", "/0/__value__/0/1"),
    { "a/b~c": {} },
    node("same", "/2/a~1b~0c"),
  ]),
  tag("graph", {
    shapes: [["{}", "a", ["next"]], ["[]"], ["map"], ["test.Box", "held"]],
    nodes: [
      [0, 1, 1],
      [0, 2, 0],
      [1, [0], [1]],
      [2, "k", [2]],
      [3, [3]],
      [1, [4], [4]],
    ],
  }),
  tag("graph", {
    shapes: [["{}", "a", "b"], ["[]"], ["map"]],
    nodes: [
      [0, 1, [1]],
      [1, [0], 5],
      [2, "k", [1]],
    ],
  }),
];

const traces = Error.stackTraceLimit;

/** No longer than this: what is interesting is small, and many can be tried. */
const longest = 4_000;

/** The texts of all kinds in all places, as far as this codec writes them. */
function written(): string[] {
  const texts: string[] = [];
  // A seed is to give the same texts wherever this file lies.
  Error.stackTraceLimit = 0;
  for (const { kinds: rows } of kinds) {
    for (const kind of rows) {
      if (kind.fate === "refused" || kind.large || kind.missing) continue;
      for (const place of places) {
        try {
          const text = place.wire.encode(place.around(kind.make));
          if (text.length <= longest) texts.push(text);
        } catch {
          // What cannot be sent is kinds.test.ts's business.
        }
      }
    }
  }
  Error.stackTraceLimit = traces;
  return texts;
}

/** All valid texts, each once. */
export const corpus: readonly string[] = [...new Set([...byHand, ...written()])];
