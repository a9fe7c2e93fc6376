import { describe, expect, test } from "vitest";
import { Reference, Snapshot } from "../../src/model/index.ts";
import { difference } from "./same.ts";

const symbol = Symbol("s");
const bytes = (length: number): ArrayBuffer => new ArrayBuffer(length);
const twice = <Value>(value: Value): [Value, Value] => [value, value];
const define = (of: object, key: PropertyKey, how: PropertyDescriptor): object =>
  Object.defineProperty(of, key, { configurable: true, enumerable: true, writable: true, ...how });
const stackless = (error: Error): Error => {
  Reflect.deleteProperty(error, "stack");
  return error;
};
const cycle = (length: number): object => {
  const first: { next?: object } = {};
  let last = first;
  for (let n = 1; n < length; n++) last = last.next = {};
  last.next = first;
  return first;
};
function linked(length: number): object {
  let list: object = {};
  for (let n = 0; n < length; n++) list = { list };
  return list;
}

/** Pairs that a careless comparison takes for the same. */
const different: [string, unknown, unknown][] = [
  ["0 and -0", 0, -0],
  ["-0 in an array", [-0], [0]],
  ["a number and its text", 1, "1"],
  ["a number and a bigint", 1, 1n],
  ["null and undefined", null, undefined],
  ["a number and a boxed one", 1, new Number(1)],
  ["boxed numbers", new Number(1), new Number(2)],
  ["boxed -0 and 0", new Number(-0), new Number(0)],
  ["boxed of another class", new Number(1), Object(1n)],
  ["unique symbols of one name", [Symbol("a")], [Symbol("a")]],
  ["a missing property and undefined", {}, { a: undefined }],
  ["the order of keys", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["a symbol key", { [symbol]: 1 }, {}],
  ["symbol keys of one name", { [Symbol("a")]: 1 }, { [Symbol("a")]: 1 }],
  ["a property that is not enumerable", { a: 1 }, define({}, "a", { value: 1, enumerable: false })],
  [
    "a getter",
    { a: 1 },
    Object.defineProperty({}, "a", { get: () => 1, enumerable: true, configurable: true }),
  ],
  ["a constant property", { a: 1 }, define({}, "a", { value: 1, writable: false })],
  ["frozen", {}, Object.freeze({})],
  ["a null prototype", {}, Object.create(null)],
  ["a prototype with the same properties", {}, Object.create({})],
  ["a Date and what looks like one", new Date(0), Object.create(Date.prototype)],
  ["own __proto__", JSON.parse('{"__proto__":{}}'), {}],
  ["a hole and undefined", [, 1], [undefined, 1]],
  ["lengths of empty arrays", new Array(3), new Array(4)],
  ["an extra property of an array", Object.assign([1], { a: 1 }), [1]],
  ["an array and an object like it", [1], { 0: 1, length: 1 }],
  ["sparse arrays", Object.assign([], { 1e8: 1 }), Object.assign([], { 1e8: 2 })],
  ["times", new Date(0), new Date(1)],
  ["a Date and an invalid one", new Date(0), new Date(NaN)],
  ["a Date with a property", new Date(0), Object.assign(new Date(0), { a: 1 })],
  ["sources", /a/, /b/],
  ["flags", /a/g, /a/i],
  ["lastIndex", /a/g, Object.assign(/a/g, { lastIndex: 1 })],
  [
    "the order of a Map",
    new Map([
      [1, 1],
      [2, 2],
    ]),
    new Map([
      [2, 2],
      [1, 1],
    ]),
  ],
  ["a Map's values", new Map([[1, 1]]), new Map([[1, 2]])],
  ["a Set's items", new Set([1]), new Set(["1"])],
  ["a Map with a property", new Map(), Object.assign(new Map(), { a: 1 })],
  ["a Map and a Set", new Map(), new Set()],
  ["a message", new Error("a"), new Error("b")],
  ["errors' classes", stackless(new TypeError("a")), stackless(new RangeError("a"))],
  ["a cause that is undefined", stackless(new Error("a")), stackless(new Error("a", { cause: undefined }))],
  ["stacks", new Error("a"), stackless(new Error("a"))],
  ["an error's property", stackless(new Error("a")), stackless(Object.assign(new Error("a"), { code: 1 }))],
  [
    "a property hidden in an error",
    stackless(Object.assign(new Error("a"), { code: 1 })),
    stackless(define(new Error("a"), "code", { value: 1, enumerable: false }) as Error),
  ],
  ["DOMExceptions' names", new DOMException("a", "AbortError"), new DOMException("a", "DataError")],
  ["bytes", new Uint8Array([1]), new Uint8Array([2])],
  ["classes of bytes", new Uint8Array([1]), new Int8Array([1])],
  ["a Buffer and a Uint8Array", Buffer.from([1]), new Uint8Array([1])],
  ["-0 in floats", new Float64Array([0]), new Float64Array([-0])],
  ["lengths of bytes", bytes(1), bytes(2)],
  ["a resizable buffer", bytes(1), new ArrayBuffer(1, { maxByteLength: 1 })],
  ["what it may grow to", new ArrayBuffer(1, { maxByteLength: 2 }), new ArrayBuffer(1, { maxByteLength: 3 })],
  [
    "views that share and views that do not",
    twice(bytes(8)).map((b) => new Uint8Array(b)),
    [bytes(8), bytes(8)].map((b) => new Uint8Array(b)),
  ],
  [
    "views that do not share and views that do",
    [bytes(8), bytes(8)].map((b) => new Uint8Array(b)),
    twice(bytes(8)).map((b) => new Uint8Array(b)),
  ],
  [
    "a buffer and its view, apart",
    [bytes(8)].flatMap((b) => [b, new DataView(b)]),
    [bytes(8), new DataView(bytes(8))],
  ],
  [
    "views at another distance",
    [bytes(8)].flatMap((b) => [new Uint8Array(b), new Uint8Array(b, 2, 2)]),
    [bytes(8)].flatMap((b) => [new Uint8Array(b), new Uint8Array(b, 3, 2)]),
  ],
  ["references", new Reference("a.B", 1), new Reference("a.B", 2)],
  ["references' columns", new Reference("a.B", { x: 1 }), new Reference("a.B", { y: 1 })],
  ["kinds of keys", new Reference("a.B", { x: 1 }), new Reference("a.B", { x: 1n })],
  [
    "what references say",
    new Reference("a.B", 1, { ifMissing: "skip" }),
    new Reference("a.B", 1, { ifMissing: "fail" }),
  ],
  ["a reference that says something", new Reference("a.B", 1), new Reference("a.B", 1, { scope: "all" })],
  [
    "relations of references",
    new Reference("a.B", 1, { with: ["a"] }),
    new Reference("a.B", 1, { with: ["b"] }),
  ],
  [
    "fields in references",
    new Reference("a.B", 1, undefined, { a: 1 }),
    new Reference("a.B", 1, undefined, { a: 1n }),
  ],
  [
    "sharing in the fields of a reference",
    new Reference("a.B", 1, undefined, { a: twice({}) }),
    new Reference("a.B", 1, undefined, { a: [{}, {}] }),
  ],
  ["no fields in a reference", new Reference("a.B", 1, undefined, {}), new Reference("a.B", 1)],
  ["snapshots", new Snapshot("a.B", 1, { a: 1 }), new Snapshot("a.B", 1, { a: 2 })],
  ["addresses", new URL("http://a/"), new URL("http://b/")],
  ["parameters", new URLSearchParams("a=1&a=2"), new URLSearchParams("a=2&a=1")],
  ["headers", new Headers({ a: "1" }), new Headers({ a: "2" })],
  ["one object and two", twice({}), [{}, {}]],
  ["two objects and one", [{}, {}], twice({})],
  ["one Map key and another", [{}].flatMap((k) => [new Map([[k, 1]]), k]), [new Map([[{}, 1]]), {}]],
  ["cycles of another length", cycle(2), cycle(3)],
  ["a cycle and a chain", cycle(2), { next: { next: {} } }],
  ["lone surrogates", "\ud800", "\ud801"],
  ["a lone surrogate in a key", { "\ud800": 1 }, { "\ufffd": 1 }],
  ["depth", linked(20_000), linked(20_001)],
];

/** Makers of what is the same each time that it is made. */
const alike: [string, () => unknown][] = [
  ["NaN", () => [NaN]],
  ["-0", () => -0],
  ["cycles", () => cycle(7)],
  ["a long list", () => linked(50_000)],
  ["sharing", () => twice({ list: twice([new Map(twice([{}, 1]).slice(1) as never)]) })],
  ["a Date in two places and two Dates", () => [new Date(5), new Date(5)]],
  ["a sparse array", () => Object.assign([], { 3: 1, 999_999_999: 2, name: "x" })],
  ["errors", () => stackless(Object.assign(new TypeError("x", { cause: [1] }), { code: 1 }))],
  ["bytes that share", () => [bytes(8)].flatMap((b) => [b, new Uint8Array(b, 2, 3), new Float32Array(b)])],
  ["a part of a buffer", () => new Uint8Array([1, 2, 3]).subarray(1)],
  ["boxed", () => [new String("abc"), Object(1n), Object(Symbol.for("x")), new Boolean(false)]],
];

describe("the judge", () => {
  test.each(different)("tells apart: %s", (_name, one, other) => {
    expect(difference(one, other)).toBeTypeOf("string");
    expect(difference(other, one)).toBeTypeOf("string");
    expect(difference({ a: [one] }, { a: [other] })).toBeTypeOf("string");
    expect(difference(new Map([[one, other]]), new Map([[other, one]]))).toBeTypeOf("string");
    expect(difference(one, one)).toBeUndefined();
  });

  test.each(alike)("takes for the same: %s", (_name, make) => {
    expect(difference(make(), make())).toBeUndefined();
  });

  test("one Date in two places may arrive as two, and bytes that are a part of a buffer as a whole one", () => {
    expect(difference(twice(new Date(0)), [new Date(0), new Date(0)])).toBeUndefined();
    expect(difference(new Uint8Array([1, 2]).subarray(1), new Uint8Array([2]))).toBeUndefined();
  });

  test("says where", () => {
    expect(difference({ a: [new Map([["k", 1]])] }, { a: [new Map([["k", 2]])] })).toBe(
      "value.a.0.values()[0]: 1 became 2",
    );
  });
});
