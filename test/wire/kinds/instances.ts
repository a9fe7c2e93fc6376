/** Instances: of value classes, of classes that nobody registered, and what is Python's. @module */
import { Reference, storedRows } from "../../../src/model/index.ts";
import { Foreign, createWire } from "../../../src/wire/index.ts";
import { Box, Money, Order, PaymentError, Point, Stack, Tally, Wrapped } from "../classes.ts";
import { data, dressed, refused, same, type Group } from "./kind.ts";

const money = (amount: bigint): Money => new Money({ amount, currency: "EUR" });
const order = (id: number): Order =>
  new Order({ id, total: money(5n), lines: [money(1n), money(4n)], placed: new Date(id) });
const received = (name: string, content: unknown): unknown =>
  createWire({ values: [storedRows()] }).decode(JSON.stringify({ __type__: name, __value__: content }));

class Socket {
  port = 1;
}

export const instances: Group = {
  group: "Value classes, registered",
  kinds: [
    same("by a field table", () => money(5n)),
    same("nested", () => order(1)),
    same("with optional fields", () => new Order({ ...order(1), note: "x" })),
    same("with `anything` in a field", () => new Box({ held: new Map([[money(1n), [undefined, -0]]]) })),
    same("with `undefined` in a field of `anything`", () => new Box({ held: undefined })),
    same("adopted by fields", () => new Point(1, -0)),
    same("adopted by a codec", () => new Wrapped({ a: [new Date(0)] })),
    same("adopted subclasses of Error", () => new PaymentError("x", 402)),
    same("adopted subclasses of Map", () => new Tally([["a", 1]])),
    same("adopted subclasses of Array", () => Stack.from([1, "b"])),
    same("three in an array", () => [1, 2, 3].map(order)),
    same("many in an array", () => Array.from({ length: 50 }, (_, id) => order(id))),
    same("many whose fields differ in kind", () =>
      [1, "1", 1n, null, undefined, -0, NaN, new Date(0), [0], { __type__: "set", __value__: [] }].map(
        (held) => new Box({ held }),
      ),
    ),
    same("many whose dates are invalid or extreme", () =>
      [NaN, 0, 8.64e15, -8.64e15, 1.5e12].map((time) => new Box({ held: new Date(time) })),
    ),
    same("many with bigints", () => [0n, -1n, 2n ** 70n, 5n].map((held) => new Box({ held }))),
    same("many of which some have an optional field", () =>
      [1, 2, 3, 4, 5].map((id) => new Order({ ...order(id), ...(id % 2 ? { note: "n" } : {}) })),
    ),
    same("many that share what they hold", () =>
      ((held) => [1, 2, 3, 4].map(() => new Box({ held })))({ a: 1 }),
    ),
    same("one instance many times", () => ((one) => [one, one, one, one])(money(1n))),
    same("instances of two classes in an array", () => [
      money(1n),
      order(1),
      money(2n),
      order(2),
      money(3n),
      money(4n),
    ]),
    same(
      "as keys of a Map",
      () =>
        new Map([
          [money(1n), order(1)],
          [money(1n), order(1)],
        ]),
    ),
    refused(
      "subclasses of a registered class",
      () => new (class Tip extends Money {})({ amount: 1n, currency: "EUR" }),
      /Tip/,
    ),
    data(
      "with a property that is no field, of an adopted class: left out",
      () => Object.assign(new Point(1, 2), { z: 3 }),
      () => new Point(1, 2),
    ),
    data(
      "with a symbol as key, of an adopted class: left out",
      () => Object.assign(new Point(1, 2), { [Symbol.for("k")]: 3 }),
      () => new Point(1, 2),
    ),
    data(
      "many with a symbol as key, of an adopted class: left out",
      () => [1, 2, 3].map((x) => Object.assign(new Point(x, 2), { [Symbol.for("k")]: 3 })),
      () => [1, 2, 3].map((x) => new Point(x, 2)),
    ),
    refused("with a symbol as key", () => Object.assign(money(1n), { [Symbol.for("k")]: 3 }), /./, {
      path: "…",
    }),
    refused("with a property that is no field", () => Object.assign(money(1n), { z: 3 }), /./, { path: "…" }),
    refused("with a field of another type", () => Object.assign(new Point(1, 2), { x: "1" }), /./, {
      path: "…",
    }),
    refused("with a field that cannot travel", () => new Box({ held: { run() {} } }), /function/, {
      path: ".held.run",
    }),
    refused("whose codec gives what cannot travel", () => new Wrapped(() => {}), /function/, { path: "…" }),
    refused("made without the class", () => Object.create(Money.prototype), /./, { path: "…" }),
  ],
};

export const python: Group = {
  group: "From Python, sent back",
  kinds: [
    same("`decimal`", () => received("decimal", "1.10")),
    same("`uuid`", () => received("uuid", { hex: "5f0b6f0e1c5a4a8e9d364d7d3b2a1c00" })),
    same("times with microseconds", () => received("datetime", "2026-11-22T08:37:00.123456+00:00")),
    same("times without an offset", () => received("datetime", "2026-11-22T08:37:00.123")),
    same("times with an offset", () => received("datetime", "2026-11-22T08:37:00+05:30")),
  ],
};

export const strangers: Group = {
  group: "Classes that are not registered",
  kinds: [
    refused("instances", () => new Socket(), /Socket/),
    refused("instances in data", () => ({ post: { author: [new Socket()] } }), /Socket/, {
      path: ".post.author[0]",
    }),
    refused("instances of an anonymous class", () => new (class {})(), /anonymous/),
    refused(
      "instances with private state",
      () =>
        new (class Safe {
          #code = 1;
          open(): number {
            return this.#code;
          }
        })(),
      /Safe/,
    ),
    refused("instances of a function", () => Reflect.construct(function Old(this: object) {}, []), /Old/),
    refused(
      "instances with a `toJSON`",
      () =>
        new (class Json {
          toJSON(): number {
            return 1;
          }
        })(),
      /Json/,
    ),
    refused("instances named like a built-in", () => new (class Map {})(), /Map/),
    refused(
      "subclasses of Array",
      () => Object.setPrototypeOf([1], class List extends Array {}.prototype),
      /List/,
    ),
    refused("subclasses of Map", () => new (class Registry extends Map {})(), /Registry/),
    refused("subclasses of Set", () => new (class Tags extends Set {})(), /Tags/),
    refused(
      "subclasses of Promise",
      () => new (class Job extends Promise<number> {})((resolve) => resolve(1)),
      /Job|Promise/,
    ),
    ...[{}, [1], new Map([[1, 2]]), new Date(0), new Error("x")].map((value) =>
      refused(
        `${value.constructor.name}: a prototype of your own that says it is that class's`,
        () =>
          dressed(
            structuredClone(value),
            Object.create(Object.getPrototypeOf(value) as object, {
              constructor: { value: value.constructor },
            }) as object,
          ),
        /class instance/,
      ),
    ),
    refused(
      "what only looks like a value of Python's",
      () => Object.assign(Object.create(Foreign.prototype) as object, { tag: "decimal", text: "much" }),
      /decimal/,
    ),
    refused("subclasses of Reference", () => Object.create(Object.create(Reference.prototype)), /./),
    refused("arrays without a prototype", () => dressed([1], null), /./),
    refused("arrays whose prototype is `Object.prototype`", () => dressed([1], Object.prototype), /./),
    refused("Dates whose prototype is `Object.prototype`", () => dressed(new Date(0), Object.prototype), /./),
    refused("Dates without a prototype", () => dressed(new Date(0), null), /./),
    refused(
      "Errors whose prototype is `Object.prototype`",
      () => dressed(new Error("x"), Object.prototype),
      /./,
    ),
    refused(
      "Errors dressed as another class",
      () => dressed(Object.assign(Object.create(null) as object), TypeError.prototype),
      /./,
    ),
    refused("expressions whose prototype is `Object.prototype`", () => dressed(/x/, Object.prototype), /./),
    refused(
      "boxed primitives whose prototype is `Object.prototype`",
      () => dressed(new Number(1), Object.prototype),
      /./,
    ),
    refused("objects whose prototype is `Map.prototype`", () => Object.create(Map.prototype), /./),
    refused("Sets whose prototype is `Map.prototype`", () => dressed(new Set(), Map.prototype), /./),
    refused("objects whose prototype is `Array.prototype`", () => Object.create(Array.prototype), /./),
    refused(
      "Uint8Arrays whose prototype is another's",
      () => dressed(new Uint8Array(2), Int8Array.prototype),
      /./,
    ),
    refused(
      "objects whose prototype is `Uint8Array.prototype`",
      () => Object.create(Uint8Array.prototype),
      /./,
    ),
    refused("prototypes themselves", () => Map.prototype, /./),
    refused("a class's prototype", () => Money.prototype, /./, { path: "…" }),
  ],
};
