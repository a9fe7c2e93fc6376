/** Plain objects: their keys, prototypes and attributes. @module */
import { data, define, refused, same, type Group } from "./kind.ts";

const noop = (): void => {};

export const objects: Group = {
  group: "Plain objects",
  kinds: [
    same("`{}`", () => ({})),
    same("objects in objects", () => ({ a: { b: { c: [{}] } } })),
    same("properties that are undefined", () => ({ a: undefined, b: 1 })),
    same("`-0`, `NaN` and bigints inside", () => ({ a: -0, b: NaN, c: 5n })),
    same(
      "10,000 properties",
      () => Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n])),
      {
        large: true,
      },
    ),
    same("objects without a prototype", () => Object.assign(Object.create(null) as object, { a: 1, b: [2] })),
    same("empty objects without a prototype", () => Object.create(null)),
    same("what `Object.groupBy` returns", () => Object.groupBy([1, 2, 3], (n) => (n % 2 ? "odd" : "even"))),
    same("`groups` of a match", () => /(?<year>\d+)-(?<month>\d+)/.exec("2026-11")!.groups),
    refused("objects whose prototype is an object of yours", () => Object.create({ a: 1 }), /./),
    refused(
      "objects whose prototype is a bare object",
      () => Object.create(Object.create(null) as object),
      /./,
    ),
    refused(
      "`Object.prototype` as a prototype's prototype",
      () => Object.create(Object.create(Object.prototype)),
      /./,
    ),
  ],
};

export const keys: Group = {
  group: "Keys of plain objects",
  kinds: [
    same("keys that look like numbers", () => ({
      2: "b",
      10: "c",
      1: "a",
      "-1": 0,
      "1.5": 0,
      "01": 0,
      4294967295: 0,
    })),
    same("the empty key", () => ({ "": 1, " ": 2 })),
    same("keys out of order", () => ({ z: 1, a: 2, m: 3, A: 4 })),
    same("odd keys", () => ({
      "a.b": 1,
      "a/b": 2,
      "a~b": 3,
      '"': 4,
      "\\": 5,
      "\n": 6,
      "\u0000": 7,
      é: 8,
      "\u2028": 9,
    })),
    same("lone surrogates in keys", () => ({ "\ud800": 1, "a\udfff": 2 })),
    same("`constructor`", () => ({ constructor: 1 })),
    same("`constructor.prototype`", () => ({ constructor: { prototype: { polluted: true } } })),
    same("`prototype`", () => ({ prototype: { a: 1 } })),
    same("`hasOwnProperty`", () => ({ hasOwnProperty: 1, propertyIsEnumerable: null, isPrototypeOf: [] })),
    same("`toString` and `valueOf`", () => ({ toString: "text", valueOf: 5, toLocaleString: null })),
    same("`then`", () => ({ then: "later" })),
    same("`length`", () => ({ length: 3, 0: "a" })),
    same("`toJSON` that is data", () => ({ toJSON: 5, a: 1 })),
    same("`__proto__`", () => JSON.parse('{"a":1,"__proto__":{"polluted":true},"b":2}')),
    same("`__proto__` that is null", () => JSON.parse('{"__proto__":null}')),
    same("`__proto__` of an object without a prototype", () =>
      Object.assign(Object.create(null) as object, JSON.parse('{"__proto__":1}')),
    ),
    same("`__defineGetter__` and its like", () => ({ __defineGetter__: 1, __lookupSetter__: 2 })),
    same("registered symbols", () => ({ a: 1, [Symbol.for("k")]: [1n] })),
    same("registered symbols alone", () => ({ [Symbol.for("")]: 1, [Symbol.for("k")]: undefined })),
    same("registered symbols of an object without a prototype", () =>
      Object.assign(Object.create(null) as object, { [Symbol.for("k")]: 1, a: 2 }),
    ),
    refused("unique symbols", () => ({ a: 1, [Symbol("k")]: 1 }), /symbol/i, { path: "…" }),
    refused("well-known symbols", () => ({ [Symbol.toStringTag]: "Map" }), /./, { path: "…" }),
    refused("`Symbol.iterator`", () => ({ a: 1, [Symbol.iterator]: noop }), /./, { path: "…" }),
    refused("`toJSON` that is a function", () => ({ toJSON: () => "text" }), /function/, { path: ".toJSON" }),
    refused("`then` that is a function", () => ({ a: { then: noop } }), /function/, { path: ".a.then" }),
  ],
};

export const attributes: Group = {
  group: "What is not data",
  kinds: [
    data(
      "frozen objects: not frozen",
      () => Object.freeze({ a: 1 }),
      () => ({ a: 1 }),
    ),
    data(
      "sealed objects: not sealed",
      () => Object.seal({ a: 1 }),
      () => ({ a: 1 }),
    ),
    data(
      "frozen arrays: not frozen",
      () => Object.freeze([1, 2]),
      () => [1, 2],
    ),
    data(
      "what `JSON.stringify` calls hidden: properties that are not enumerable, left out",
      () => define({ a: 1 }, { b: { value: 2, enumerable: false } }),
      () => ({ a: 1 }),
    ),
    data(
      "symbol keys that are not enumerable: left out",
      () => define({ a: 1 }, { [Symbol("b")]: { value: 2, enumerable: false } }),
      () => ({ a: 1 }),
    ),
    data(
      "a hidden `toJSON`: not called",
      () => define({ a: 1 }, { toJSON: { value: () => 5, enumerable: false } }),
      () => ({ a: 1 }),
    ),
    data(
      "getters: their value",
      () => ({
        get a() {
          return [1];
        },
      }),
      () => ({ a: [1] }),
    ),
    data(
      "getters of arrays: their value",
      () => define([1, 2], { 0: { get: () => "x" } }),
      () => ["x", 2],
    ),
    data(
      "setters without a getter: `undefined`",
      () => define({ b: 1 }, { a: { set: noop } }),
      () => ({ b: 1, a: undefined }),
    ),
    data(
      "constant properties: writable",
      () => define({}, { a: { value: 1, writable: false } }),
      () => ({ a: 1 }),
    ),
    data(
      "the hidden `raw` of a template's texts: left out",
      () => define(["a", "b"], { raw: { value: ["a", "b"], enumerable: false } }),
      () => ["a", "b"],
    ),
    refused(
      "getters that throw",
      () => ({
        a: 1,
        get b(): never {
          throw new Error("not now");
        },
      }),
      /./,
      { path: "…" },
    ),
  ],
};
