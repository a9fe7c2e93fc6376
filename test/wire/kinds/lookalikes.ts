/** Data that looks like this format. @module */
import { refused, same, type Group, type Kind } from "./kind.ts";

const tag = (name: unknown, content: unknown): object => ({ __type__: name, __value__: content });

/** Names of tags, and contents that a careless reader would take for theirs. */
const contents: Readonly<Record<string, unknown>> = {
  number: "NaN",
  bigint: "5",
  undefined: null,
  symbol: "k",
  datetime: "2026-01-01T00:00:00.000+00:00",
  base64: "AA==",
  bytes: "x",
  map: [["a", 1]],
  set: [1, 2],
  object: [["a", 1]],
  bare: [["a", 1]],
  array: [1, [[0, 1]]],
  boxed: 1,
  error: { name: "Error", message: "x" },
  regexp: ["x", "g"],
  url: "http://a/",
  urlsearchparams: "a=1",
  headers: [["a", "1"]],
  date: "2026-01-01",
  time: "00:00:00",
  instant: "1970-01-01T00:00:00Z",
  zoned: "x",
  local: "x",
  month: "2026-01",
  day: "01-01",
  duration: "PT0S",
  decimal: "1.10",
  uuid: "x",
  ref: { model: "qa.Comment", pk: 7 },
  snapshot: { model: "qa.Comment", pk: 7, fields: {} },
  refs: { model: "qa.Comment", keys: [1, 2, 3, 4] },
  snapshots: { model: "a.B", columns: [], rows: [] },
  table: { type: "shop.Money", columns: ["amount"], rows: [[1]] },
  same: "",
  graph: [[0], [1]],
  Buffer: "AA==",
  ArrayBuffer: "AA==",
  Float64Array: "",
  "shop.Money": { amount: 1 },
  "shop.Money@2": {},
  unknown: 1,
  "": null,
};

const named = Object.entries(contents).map(([name, content]): Kind =>
  same(`\`${name || '""'}\``, () => tag(name, content)),
);

export const lookalikes: Group = {
  group: "Data that looks like a tag",
  kinds: [
    ...named,
    same("with `undefined` as its value", () => tag("datetime", undefined)),
    same("with its two keys in the other order", () => ({ __value__: [], __type__: "set" })),
    same("with a name that is no text", () => [
      tag(5, 1),
      tag(null, 1),
      tag({}, 1),
      tag(undefined, 1),
      tag(new String("set"), []),
    ]),
    same("with a third key", () => ({ ...tag("set", []), a: 1 })),
    same("with a symbol as third key", () => ({ ...tag("set", []), [Symbol.for("k")]: 1 })),
    same("with one of the two keys", () => [{ __type__: "set" }, { __value__: [] }]),
    same("without a prototype", () => Object.assign(Object.create(null) as object, tag("set", []))),
    same("in each other", () =>
      tag("object", [
        ["__type__", tag("object", [["__type__", "set"]])],
        ["__value__", tag("same", "/0")],
      ]),
    ),
    same("as a Map's key and value", () => new Map([[tag("set", []), tag("map", [])]])),
    same("in two places", () => ((o) => [o, { o }])(tag("same", "/0"))),
    same("in an Error", () => Object.assign(new Error("x", { cause: tag("set", []) }), tag("error", {}))),
    same("as an array's properties", () => Object.assign([1], tag("set", []))),
    same("an array like an index of a graph", () => [[0], [1], [[0]], { a: [0] }]),
    same("what a table holds", () => [{ type: "test.Box", columns: ["held"], rows: [[1]] }]),
    same("what a column is called", () => ["held", "datetime"]),
    same("pointers and names as keys", () => ({
      "/0": 1,
      "~0": 2,
      "~1": 3,
      "/__value__/0": 4,
      "shop.Money": 5,
    })),
    refused("with what cannot travel", () => tag("set", () => {}), /function/, { path: ".__value__" }),
  ],
};
