/** Values of another realm: they arrive as this realm's. @module */
import { createContext, runInContext } from "node:vm";
import { data, define, needs, refused, type Group, type Kind } from "./kind.ts";

const context = createContext({});

/** What the code gives in the other realm; it arrives as what it gives in this one. */
function there(name: string, code: string, more = {}): Kind {
  const here = (): unknown => (0, eval)(`(${code})`) as unknown;
  return data(name, () => runInContext(`(${code})`, context) as unknown, here, more);
}

const refusedThere = (name: string, code: string, kind: RegExp, path = ""): Kind =>
  refused(name, () => runInContext(`(${code})`, context), kind, { path });

export const realms: Group = {
  group: "Values of another realm (`node:vm`, a frame)",
  kinds: [
    there("plain objects", "{ a: 1, b: { c: [null] } }"),
    there("objects without a prototype", "Object.assign(Object.create(null), { a: 1 })"),
    there("own `__proto__`", `JSON.parse('{"__proto__":1}')`),
    there("what looks like a tag", `{ __type__: "set", __value__: [] }`),
    there("arrays", "[1, [2, undefined], {}]"),
    there("arrays with holes", "Object.assign(new Array(5), { 2: 1, name: 2 })"),
    there("Map", "new Map([[{}, 1], [[], new Map()]])"),
    there("Set", "new Set([{}, 1])"),
    there("Date", "new Date(5)"),
    there("RegExp", "Object.assign(/a/g, { lastIndex: 2 })"),
    ...["Error", "TypeError", "RangeError"].map((name) =>
      there(
        name,
        `Object.defineProperty(new ${name}("x", { cause: 1 }), "stack", { value: "s", writable: true })`,
      ),
    ),
    there(
      "AggregateError",
      `Object.defineProperty(new AggregateError([1], "x"), "stack", { value: "s", writable: true })`,
    ),
    data(
      "an Error with a property `constructor`",
      () =>
        Object.assign(
          runInContext(
            `Object.defineProperty(new Error("x"), "stack", { value: "s", writable: true })`,
            context,
          ) as object,
          { constructor: { name: "Other" } },
        ),
      () =>
        define(new Error("x"), {
          stack: { value: "s", enumerable: false },
          constructor: { value: { name: "Other" } },
        }),
    ),
    there("Uint8Array", "new Uint8Array([1, 2])"),
    there("Float64Array", "new Float64Array([1, -0])"),
    there("DataView", "new DataView(new ArrayBuffer(4))"),
    there("ArrayBuffer", "new ArrayBuffer(4)"),
    there("a buffer and its view", "(b => [b, new Uint8Array(b, 1)])(new ArrayBuffer(4))"),
    there("boxed primitives", `[new Number(1), new String("a"), new Boolean(true), Object(1n)]`),
    there("registered symbols", `Symbol.for("k")`),
    there("Temporal", `Temporal.PlainDate.from("2026-11-22")`, needs("Temporal")),
    there("sharing and cycles", "(o => (o.self = [o, new Map([[o, o]])], o))({})"),
    refusedThere("functions", "{ run: () => 1 }", /function/, ".run"),
    refusedThere("symbols", "Symbol('x')", /symbol/i),
    refusedThere("instances of classes", "new (class Socket {})()", /Socket/),
    refusedThere("subclasses of Map", "new (class Tally extends Map {})()", /Tally/),
    refusedThere("subclasses of Array", "new (class Stack extends Array {})()", /Stack/),
    refusedThere("subclasses of Error", "new (class Oops extends Error {})()", /Oops/),
    refusedThere("Promise", "Promise.resolve()", /Promise/),
    refusedThere("WeakMap", "new WeakMap()", /WeakMap/),
    refusedThere("generators", "(function* () {})()", /Generator/),
    refusedThere("the other realm's `globalThis`", "globalThis", /./, "…"),
    refusedThere("the other realm's `Math`", "Math", /./),
  ],
};
