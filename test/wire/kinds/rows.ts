/** References to rows, what they say, and rows as they were. @module */
import { Lazy, Reference, Snapshot, type ReferenceDetails } from "../../../src/model/index.ts";
import { Box, Money, Order, Wrapped } from "../classes.ts";
import { refused, same, type Group } from "./kind.ts";

const money = (amount: bigint): Money => new Money({ amount, currency: "EUR" });
const saying = (details: object, pk = 7): Reference =>
  new Reference("qa.Comment", pk, details as ReferenceDetails);
const was = (fields: object, pk = 7, details?: ReferenceDetails): Reference =>
  new Reference("qa.Comment", pk, details, fields);
const digest = { fields: ["body", "votes"], sha256: "LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564" };

/** All that a reference may say. */
const everything: ReferenceDetails = {
  connection: "archive",
  with: ["author", "author.company"],
  scope: "all",
  from: "replica",
  ifMissing: "wait",
  ifChanged: "skip",
  version: "3",
  digest,
};

function ring(length: number): object {
  const items: { next?: object; previous?: object }[] = Array.from({ length }, () => ({}));
  for (const [at, item] of items.entries()) {
    item.next = items[(at + 1) % length]!;
    item.previous = items.at(at - 1)!;
  }
  return items[0]!;
}

function nested(levels: number): object {
  let around: object = {};
  for (let level = 0; level < levels; level++) around = level % 2 ? [around] : { around };
  return around;
}

export const rows: Group = {
  group: "Rows",
  kinds: [
    same("`Reference`, what `ref(…)` gives", () => new Reference("qa.Comment", 7)),
    same("references by text and bigint", () => [new Reference("a.B", "x"), new Reference("a.B", 2n ** 64n)]),
    same("references by several columns", () => new Reference("a.B", { x: "1", y: 2, z: 3n })),
    same("many references", () => [1, "2", 3n, { a: 1 }, 5].map((key) => new Reference("a.B", key))),
    refused(
      "references by columns that are named like a tag's keys",
      () => new Reference("a.B", { __type__: "bigint", __value__: "5" }),
      /./,
      { path: "…" },
    ),
    same("one reference in two places, as two", () => ((ref) => [ref, ref])(new Reference("a.B", 1))),
    same("`Lazy`, what `lazy(…)` gives", () => new Lazy(new Reference("a.B", 1))),
    same("many that are lazy", () => [1, 2, 3, 4].map((key) => new Lazy(new Reference("a.B", key)))),
    same(
      "`Snapshot`, what `snapshot(…)` gives",
      () => new Snapshot("qa.Comment", 7, { body: "x", at: new Date(0), n: 5n }),
    ),
    same(
      "snapshots of anything",
      () => new Snapshot("a.B", 1, { a: undefined, b: new Map([[1, -0]]), c: money(1n) }),
    ),
    same("many snapshots", () =>
      [1, 2, 3, 4].map((pk) => new Snapshot("a.B", pk, { id: pk, at: new Date(pk) })),
    ),
    same("many snapshots of other columns", () =>
      [1, 2, 3, 4].map((pk) => new Snapshot("a.B", pk, pk % 2 ? { id: pk } : { body: "x", id: pk })),
    ),
  ],
};

export const details: Group = {
  group: "What references say beside model and key",
  kinds: [
    same("`connection`", () => saying({ connection: "archive" })),
    same("`with`", () => saying({ with: ["author", "author.company"] })),
    same("`with` of none", () => saying({ with: [] })),
    same("`with` of 20 relations of 200 characters", () =>
      saying({ with: Array.from({ length: 20 }, (_, at) => String.fromCharCode(97 + at).repeat(200)) }),
    ),
    same("`scope`", () => saying({ scope: "all" })),
    same("`from`", () => [saying({ from: "primary" }), saying({ from: "replica" })]),
    same("`ifMissing`", () => ["fail", "skip", "wait", "null"].map((ifMissing) => saying({ ifMissing }))),
    same("`ifChanged` with a version", () =>
      ["run", "skip", "fail"].map((ifChanged) => saying({ ifChanged, version: "3" })),
    ),
    same("`ifChanged` with a digest", () => saying({ ifChanged: "fail", digest })),
    same("`ifChanged` that runs, with neither", () => saying({ ifChanged: "run" })),
    same("`version` alone", () => [saying({ version: "" }), saying({ version: "\ud800 9007199254740993" })]),
    same("`digest` alone", () => saying({ digest })),
    same("`digest` of no fields", () => saying({ digest: { fields: [], sha256: "x" } })),
    same("names like those of what objects have", () =>
      saying({ connection: "__proto__", with: ["constructor", "__type__"], version: "__value__" }),
    ),
    same("all of it", () => saying(everything)),
    same("nothing: what is undefined is not said", () => saying({ connection: undefined, scope: undefined })),
    same("lazy ones that say something", () => new Lazy(saying(everything))),
    same("many that say something", () => [1, 2, 3, 4, 5].map((pk) => saying(everything, pk))),
    same("many of which some say something", () =>
      [1, 2, 3, 4, 5].map((pk) => saying(pk % 2 ? {} : { ifMissing: "skip" }, pk)),
    ),
    refused("of no model", () => new Reference(undefined as never, 1), /ref/),
    refused("of a model that is no text", () => new Lazy(new Reference(5 as never, 1)), /ref/),
    refused("rows of a model that is no text", () => new Snapshot(5 as never, 1, {}), /snapshot/),
    refused("what only looks like a reference", () => Object.create(Reference.prototype), /ref/),
    refused("what only looks like a snapshot", () => Object.create(Snapshot.prototype), /snapshot/),
    refused("`ifChanged` without version and digest", () => saying({ ifChanged: "skip" }), /ref/),
    refused("a `connection` without a name", () => saying({ connection: "" }), /ref/),
    refused("a `connection` of 201 characters", () => saying({ connection: "c".repeat(201) }), /ref/),
    refused("`with` of 21 relations", () => saying({ with: Array.from({ length: 21 }, () => "a") }), /ref/),
    refused("`with` of 201 characters", () => saying({ with: ["a".repeat(201)] }), /ref/),
    refused("`with` of what is no text", () => saying({ with: ["a", 1] }), /ref/),
    refused("`with` that is no array", () => saying({ with: "author" }), /ref/),
    refused("`with` that has holes", () => saying({ with: [, "a"] }), /ref/), // oxlint-disable-line no-sparse-arrays
    refused("another `scope`", () => saying({ scope: "default" }), /ref/),
    refused("another `from`", () => saying({ from: "cache" }), /ref/),
    refused("another `ifMissing`", () => saying({ ifMissing: null }), /ref/),
    refused("another `ifChanged`", () => saying({ ifChanged: "wait", version: "1" }), /ref/),
    refused("a `version` that is no text", () => saying({ version: 3n }), /ref/),
    refused("a `digest` without its hash", () => saying({ digest: { fields: ["a"] } }), /ref/),
    refused("a `digest` that says more", () => saying({ digest: { ...digest, md5: "x" } }), /ref/),
    refused("what no reference says", () => saying({ ifmissing: "skip" }), /ref/),
    refused("lazy ones that say what none does", () => new Lazy(saying({ scope: "none" })), /ref/),
    refused(
      "one of many",
      () => [1, 2, 3, 4].map((pk) => saying({ from: pk === 3 ? "x" : "replica" })),
      /ref/,
      {
        path: "[2]",
      },
    ),
  ],
};

export const fields: Group = {
  group: "Rows as they were, in references (`was`)",
  kinds: [
    same("texts and numbers", () => was({ id: 7, body: "x", votes: -0, score: NaN, note: null })),
    same("no fields", () => was({})),
    same("Dates, bigints and bytes", () =>
      was({ at: new Date(5), never: new Date(NaN), n: 2n ** 70n, bytes: new Uint8Array([0, 1, 254]) }),
    ),
    same("nested data", () => was({ tags: ["a", { b: [undefined, new Map([[1, new Set([2n])]])] }] })),
    same("a reference that says all of it", () => was({ id: 7, at: new Date(0) }, 7, everything)),
    same("of lazy ones", () => new Lazy(was({ id: 7, n: 5n }))),
    same("shared data", () => ((one: object) => was({ one, again: [one, one] }))({ a: [1n] })),
    same("cycles", () => {
      const knot: { self?: object } = {};
      knot.self = [knot];
      return was({ knot });
    }),
    same("data that is beside the reference as well, as another", () =>
      ((one: object) => [one, was({ one }), was({ one }), one])(new Map([["k", 1]])),
    ),
    same("fields named like a tag's keys", () => was({ __type__: "ref", __value__: { model: "a", pk: 1 } })),
    same("data that looks like a tag", () =>
      was({ a: { __type__: "same", __value__: "" }, b: [{ __value__: 1, __type__: "x" }] }),
    ),
    same("fields named like a reference's", () =>
      was({ model: "a.B", pk: 1, was: { lazy: true }, with: [] }),
    ),
    same("odd names of fields", () =>
      was(JSON.parse('{"__proto__":1,"constructor":2,"then":3,"":4,"1":5,"a/b~c":{}}') as object),
    ),
    same("registered symbols as names of fields", () => was({ [Symbol.for("k")]: { a: 1 } })),
    same("value classes", () =>
      was({ fee: money(5n), box: new Box({ held: [new Wrapped(1)] }), many: [1n, 2n, 3n, 4n].map(money) }),
    ),
    same("tables", () =>
      was({
        orders: [1, 2, 3, 4].map(
          (id) => new Order({ id, total: money(1n), lines: [money(2n)], placed: new Date(id) }),
        ),
      }),
    ),
    same("references, snapshots and lazy ones", () =>
      was({
        author: new Reference("qa.User", 1, { with: ["company"] }),
        later: new Lazy(new Reference("qa.User", 2)),
        many: [1, 2, 3, 4].map((pk) => new Reference("qa.User", pk)),
        before: new Snapshot("qa.Comment", 7, { body: "w", at: new Date(0) }),
      }),
    ),
    same("in a snapshot", () => new Snapshot("qa.Comment", 7, { parent: was({ at: new Date(0) }, 6) })),
    same("errors, buffers and what shares memory", () =>
      ((buffer: ArrayBuffer) =>
        was({ error: new TypeError("x"), buffer, view: new Uint8Array(buffer, 1, 2) }))(new ArrayBuffer(4)),
    ),
    same("many", () => [1, 2, 3, 4, 5].map((pk) => was({ id: pk, at: new Date(pk) }, pk))),
    same("some of many", () =>
      [1, 2, 3, 4, 5].map((pk) => (pk === 3 ? was({ id: pk }, pk) : new Reference("qa.Comment", pk))),
    ),
    same("one in two places, as two", () => ((ref) => [ref, { ref }])(was({ list: [1n] }))),
    same("10,000 levels", () => was({ deep: nested(10_000) }), { large: true }),
    same("as deep as data may be without a graph", () => was({ deep: nested(19_990) }), { large: true }),
    same("30,000 levels", () => was({ deep: nested(30_000) }), { large: true }),
    same("3,000 nodes, linked both ways", () => was({ ring: ring(3_000) }), { large: true }),
    refused("a function", () => was({ list: [{ run() {} }] }), /function/, { path: ".was.list[0].run" }),
    refused(
      "an instance of a class that is not registered",
      () => was({ it: new (class Socket {})() }),
      /Socket/,
      {
        path: ".was.it",
      },
    ),
    refused("what a Map has", () => was({ map: new Map([["k", Symbol("s")]]) }), /symbol/, {
      path: '.was.map.get("k")',
    }),
    refused("a unique symbol as a name", () => was({ [Symbol("s")]: 1 }), /symbol/, { path: "…" }),
    refused(
      "a cycle through a value class",
      () => {
        const knot: { box?: Box } = {};
        knot.box = new Box({ held: knot });
        return was({ knot });
      },
      /cycle/,
      { path: "…" },
    ),
    refused("rows as they were inside one", () => was({ parent: was({ id: 6 }, 6) }), /ref/, {
      path: ".was.parent",
    }),
    refused(
      "of a reference that says what none does",
      () => was({ id: 7 }, 7, { scope: "x" as never }),
      /ref/,
    ),
  ],
};
