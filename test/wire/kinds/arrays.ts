/** Arrays. @module */
import { data, define, refused, same, type Group } from "./kind.ts";

const sparse = (length: number, items: object): unknown[] => {
  const array: unknown[] = [];
  array.length = length;
  return Object.assign(array, items);
};

export const arrays: Group = {
  group: "Arrays",
  kinds: [
    same("`[]`", () => []),
    same("arrays of anything", () => [1, "a", null, undefined, -0, NaN, 5n, [], {}]),
    same("one number in an array", () => [[0], [1], [2]]),
    same("arrays of arrays", () => [[[[]]], [[]], []]),
    same("100,000 items", () => Array.from({ length: 100_000 }, (_, n) => n), { large: true }),
    same("holes", () => [1, , 3]),
    same("holes at the ends", () => sparse(4, { 1: "b" })),
    same("holes and `undefined`", () => sparse(4, { 1: undefined, 2: null })),
    same("as many properties as holes", () => Object.assign(sparse(1, {}), { x: 1 })),
    same("nothing but holes", () => sparse(5, {})),
    same("a length of 1e9 with two items", () => sparse(1e9, { 0: "a", 999_999_999: "b" })),
    same("the greatest length", () => sparse(4_294_967_295, { 4_294_967_294: 1 })),
    same("properties of their own", () => Object.assign([1, 2], { total: 3, note: [1n] })),
    same("keys that are almost indices", () =>
      Object.assign([1, 2], { "-1": 0, "1.5": 0, "0.5": 1, "01": 0, 4294967295: 0, "": 0 }),
    ),
    same("own `constructor` and `toString`", () => Object.assign([1], { constructor: 1, toString: 2 })),
    same("own `__proto__`", () =>
      Object.defineProperty([1], "__proto__", {
        value: 2,
        enumerable: true,
        writable: true,
        configurable: true,
      }),
    ),
    same("registered symbols as keys", () => Object.assign([1], { [Symbol.for("k")]: 1 })),
    same("what `RegExp.exec` returns", () => /(?<a>.)(?<b>.)?/.exec("x")),
    same("holes beside shared objects", () => ((o) => sparse(3, { 0: o, 2: o }))({ a: 1 })),
    data(
      "a hidden item, beside a property: a hole",
      () => define(Object.assign([1, 2, 3], { x: 4 }), { 1: { value: 2, enumerable: false } }),
      () => Object.assign(sparse(3, { 0: 1, 2: 3 }), { x: 4 }),
    ),
    refused(
      "arrays made to look like plain objects",
      () => Object.setPrototypeOf([1, 2], Object.prototype),
      /./,
    ),
    refused("unique symbols as keys", () => Object.assign([1], { [Symbol("k")]: 1 }), /./, { path: "…" }),
    refused("functions as properties", () => Object.assign([1], { sum: () => 1 }), /function/, {
      path: ".sum",
    }),
    refused("a `toJSON` of its own", () => Object.assign([1], { toJSON: () => 1 }), /function/, {
      path: ".toJSON",
    }),
  ],
};
