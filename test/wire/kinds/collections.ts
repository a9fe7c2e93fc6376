/** Map and Set, and graphs through everything. @module */
import { Box, Wrapped } from "../classes.ts";
import { define, refused, same, type Group } from "./kind.ts";

export const collections: Group = {
  group: "Map and Set",
  kinds: [
    same("an empty Map", () => new Map()),
    same("an empty Set", () => new Set()),
    same(
      "Maps of anything to anything",
      () =>
        new Map<unknown, unknown>([
          [1, "1"],
          ["1", 1],
          [null, undefined],
          [undefined, null],
          [NaN, -0],
          [5n, 5],
          [true, []],
        ]),
    ),
    same("Maps with a key `-0`, which they keep as 0", () => new Map([[-0, -0]])),
    same("Map keys by identity", () =>
      ((key) => [
        new Map([
          [key, 1],
          [{ id: 1 }, 2],
        ]),
        key,
      ])({ id: 1 }),
    ),
    same(
      "Map keys that are Dates of one time",
      () =>
        new Map([
          [new Date(0), 1],
          [new Date(0), 2],
        ]),
    ),
    same(
      "Map keys that are arrays, Maps, Sets and Errors",
      () =>
        new Map<unknown, unknown>([
          [[], 1],
          [new Map(), 2],
          [new Set(), 3],
          [new Error("x"), 4],
        ]),
    ),
    same(
      "Map keys named like properties",
      () =>
        new Map([
          ["__proto__", 1],
          ["constructor", 2],
          ["then", 3],
          ["", 4],
        ]),
    ),
    same(
      "Sets of anything",
      () => new Set<unknown>([1, "1", null, undefined, NaN, 0, 5n, [], {}, new Set()]),
    ),
    same("Sets of equal objects", () => new Set([{ a: 1 }, { a: 1 }])),
    same("the order of Maps and Sets", () => [
      new Map([
        [3, 0],
        [1, 0],
        [2, 0],
      ]),
      new Set([3, 1, 2]),
    ]),
    same("Maps in Maps as keys", () => new Map([[new Map([[new Map(), 1]]), new Map([[1, new Map()]])]])),
    refused("Maps with properties", () => Object.assign(new Map(), { a: 1 }), /./),
    refused("Sets with properties", () => Object.assign(new Set(), { a: 1 }), /./),
    refused(
      "Maps with registered symbols as keys of their own",
      () => Object.assign(new Map(), { [Symbol.for("k")]: 1 }),
      /./,
    ),
    refused(
      "Maps with `__proto__` as a key of their own",
      () => define(new Map(), { ["__proto__"]: { value: 5 } }),
      /./,
    ),
    refused(
      "Sets with `__proto__` as a key of their own",
      () => define(new Set(), { ["__proto__"]: { value: {} } }),
      /./,
    ),
    refused("a Map with a value that cannot travel", () => new Map([["a", () => {}]]), /function/, {
      path: '.get("a")',
    }),
    refused("a Map with a key that cannot travel", () => new Map([[Symbol("k"), 1]]), /symbol/i, {
      path: ".keys()[0]",
    }),
    refused("a Set with an item that cannot travel", () => new Set([1, () => {}]), /function/, {
      path: ".values()[1]",
    }),
  ],
};

/** An object that is made with itself at hand. */
function knot<Value extends object>(value: Value, tie: (value: Value) => void): Value {
  tie(value);
  return value;
}

function list(length: number): object {
  let node: object = { id: 0 };
  for (let id = 1; id < length; id++) node = { id, next: node };
  return node;
}

function ring(length: number): object {
  const nodes = Array.from({ length }, (_, id): Record<string, unknown> => ({ id }));
  for (const [id, node] of nodes.entries()) {
    Object.assign(node, { next: nodes[(id + 1) % length], previous: nodes.at(id - 1) });
  }
  return nodes[0]!;
}

function nested(levels: number, wrap: (inner: unknown, level: number) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = wrap(value, level);
  return value;
}

const cases = [
  (inner: unknown) => [inner],
  (inner: unknown) => ({ inner }),
  (inner: unknown) => new Map([["k", inner]]),
  (inner: unknown) => new Map([[inner, 1]]),
  (inner: unknown) => new Set([inner]),
  (inner: unknown) => ({ __type__: "same", __value__: inner }),
  (inner: unknown) => Object.assign(Object.create(null) as object, { inner }),
  (inner: unknown) => Object.assign([1], { inner }),
];

export const graphs: Group = {
  group: "Sharing, cycles and depth",
  kinds: [
    same("one object in many places", () =>
      ((o) => ({ a: o, b: [o, o], c: new Map([[o, o]]), d: new Set([o]) }))({ x: 1 }),
    ),
    same("one array, Map, Set and Error in many places", () =>
      [[], new Map(), new Set(), new Error("x")].flatMap((value: unknown) => [value, { value }]),
    ),
    same("one instance of a value class in many places", () =>
      ((box) => [box, { box }, new Set([box])])(new Box({ held: 1 })),
    ),
    same("cycles through objects", () => knot<{ self?: unknown }>({}, (o) => (o.self = { back: o }))),
    same("cycles through arrays", () => knot<unknown[]>([], (a) => a.push(a, [a]))),
    same("cycles through a Map's value", () => knot(new Map<unknown, unknown>(), (m) => m.set("self", m))),
    same("cycles through a Map's key", () =>
      knot(new Map<unknown, unknown>(), (m) => m.set(m, 1).set([m], { m })),
    ),
    same("cycles through a Set", () => knot(new Set<unknown>(), (s) => s.add(s).add([s]))),
    same("cycles through an Error's cause", () =>
      knot(new Error("x"), (e) =>
        Object.defineProperty(e, "cause", { value: { e }, writable: true, configurable: true }),
      ),
    ),
    same("cycles through an Error's properties", () =>
      knot(new Error("x"), (e) => Object.assign(e, { self: e, list: [e] })),
    ),
    same("cycles through an AggregateError's errors", () =>
      knot(new AggregateError([], "x"), (e) => e.errors.push(e)),
    ),
    same("cycles through an object without a prototype", () =>
      knot(Object.create(null) as { self?: unknown }, (o) => (o.self = o)),
    ),
    same("cycles through an array with holes", () => knot<unknown[]>([], (a) => (a[2] = a))),
    same("cycles through an array's own property", () =>
      knot<unknown[]>([1], (a) => Object.assign(a, { self: a })),
    ),
    same("cycles through a symbol key", () => knot({}, (o) => Object.assign(o, { [Symbol.for("self")]: o }))),
    same("cycles through what looks like a tag", () =>
      knot({ __type__: "x", __value__: {} }, (o) => (o.__value__ = [o])),
    ),
    same("cycles through own `__proto__`", () =>
      knot(JSON.parse('{"__proto__":1}') as object, (o) =>
        Object.defineProperty(o, "__proto__", { value: [o] }),
      ),
    ),
    same("a ring of 12", () => ring(12)),
    same("a ring of 3,000, linked both ways", () => ring(3_000), { large: true }),
    same("a list of 200,000 nodes", () => list(200_000), { large: true }),
    same("30 levels, each twice the one before", () => nested(30, (inner) => [inner, inner])),
    same(
      "10,000 levels of objects and arrays",
      () => nested(10_000, (inner, level) => cases[level % 2]!(inner)),
      { large: true },
    ),
    same(
      "10,000 levels of everything that holds values",
      () => nested(10_000, (inner, level) => cases[level % cases.length]!(inner)),
      { large: true },
    ),
    same(
      "1,000 levels of value classes",
      () => nested(1_000, (held, level) => (level % 2 ? new Box({ held }) : new Wrapped(held))),
      { large: true },
    ),
    refused(
      "cycles through a value class by fields",
      () => knot<{ box?: Box }>({}, (o) => (o.box = new Box({ held: o }))),
      /./,
      { path: "…" },
    ),
    refused(
      "cycles through a value class by a codec",
      () => knot(new Wrapped(0), (w) => (w.held = [w])),
      /./,
      { path: "…" },
    ),
    refused(
      "cycles through a value class inside a Map",
      () => knot(new Map<unknown, unknown>(), (m) => m.set(new Box({ held: m }), 1)),
      /./,
      { path: "…" },
    ),
  ],
};
