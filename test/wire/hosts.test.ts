/** Where others have changed what all objects have, or have frozen it, nothing changes for what travels. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import type { Snapshot } from "../../src/model/index.ts";
import { createWire } from "../../src/wire/index.ts";
import { Money, Point, values } from "./classes.ts";
import { difference } from "./same.ts";

const wire = createWire({ values });
const tag = (name: string, content: unknown): string =>
  JSON.stringify({ __type__: name, __value__: content });

/** What a text gives, or the code with which it is refused. */
function outcome(text: string): unknown {
  try {
    return wire.decode(text);
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

const added: string[] = [];
/** Gives all objects something more. */
function pollute(key: string, descriptor: PropertyDescriptor, of: object = Object.prototype): void {
  added.push(key);
  Object.defineProperty(of, key, { configurable: true, ...descriptor });
}
afterEach(() => {
  for (const key of added.splice(0)) {
    Reflect.deleteProperty(Object.prototype, key);
    Reflect.deleteProperty(Array.prototype, key);
  }
});

const money = { amount: { __type__: "bigint", __value__: "5" }, currency: "EUR" };
const texts = [
  `[{"a":{"b":[]}},${tag("bigint", "5")}]`,
  tag("map", [[{ a: 1 }, { b: {} }]]),
  tag("array", [
    ["length", 3],
    [1, { a: 1 }],
  ]),
  tag("error", { name: "Error" }),
  tag("error", { message: "x" }),
  tag("error", { name: "DOMException", message: "x" }),
  tag("ref", { model: "a.B", pk: 1 }),
  tag("refs", { model: "a.B", keys: [1, 2] }),
  tag("refs", { keys: [1, 2] }),
  tag("snapshot", { model: "a.B", pk: 1, fields: { a: {} } }),
  tag("snapshot", { model: "a.B", pk: 1 }),
  tag("snapshots", { model: "a.B", columns: ["a"], rows: [[1, { b: 1 }]] }),
  tag("snapshots", { model: "a.B", rows: [] }),
  tag("shop.Money", money),
  tag("shop.Money", { currency: "EUR" }),
  tag("geo.Point", { x: 1, y: 2 }),
  tag("geo.Point", { x: 1 }),
  tag("table", { type: "geo.Point", columns: ["x", "y"], rows: [[1, 2]] }),
  tag("table", { type: "geo.Point", columns: ["y"], rows: [[1]] }),
  tag("graph", {
    shapes: [["{}", "a", "lazy"], ["[]"]],
    nodes: [
      [0, 1, 2],
      [1, [0]],
    ],
  }),
  tag("graph", { nodes: [[0]] }),
];

describe("Object.prototype, polluted before", () => {
  const names = ["polluted", "lazy", "was", "version", "name", "message", "stack", "cause", "errors"];
  names.push(
    "properties",
    "domName",
    "model",
    "pk",
    "fields",
    "key",
    "keys",
    "columns",
    "rows",
    "shapes",
    "x",
    "y",
  );
  names.push("amount", "currency");
  const things = ["a text", true, 7, { a: {} }, [1], { __type__: "bigint", __value__: "7" }];

  test.each(names)("with %s: no text gives anything else", (name) => {
    const clean = texts.map(outcome);
    for (const value of things) {
      for (const enumerable of [true, false]) {
        pollute(name, { value, enumerable, writable: true });
        const found = texts.map(outcome);
        Reflect.deleteProperty(Object.prototype, name);
        expect(found.map((one, index) => difference(clean[index], one) && texts[index])).toStrictEqual(
          texts.map(() => undefined),
        );
      }
    }
  });

  test("with a setter: what is received is set beside it", () => {
    let calls = 0;
    const text = [
      tag("graph", { shapes: [["{}", "watched"]], nodes: [[0, 1]] }),
      tag("snapshots", { model: "a.B", columns: ["watched"], rows: [[1, 1]] }),
    ];
    pollute("watched", { set: () => calls++ });
    const [object, [snapshot]] = text.map((one) => wire.decode(one)) as [object, [Snapshot]];
    expect(Object.keys(object)).toStrictEqual(["watched"]);
    expect(Object.keys(snapshot.fields)).toStrictEqual(["watched"]);
    expect(calls).toBe(0);
  });
});

test.each([
  ["Array.prototype", Array.prototype],
  ["Object.prototype", Object.prototype],
])("a toJSON of %s is not called", (_name, of) => {
  const values = [{ a: [1, { b: 2 }] }, [1, 5n], { a: [Symbol.for("k")], b: new Error("x") }];
  const before = values.map((value) => wire.encode(value));
  pollute("toJSON", { value: () => "changed", enumerable: false }, of);
  const after = values.map((value) => wire.encode(value));
  added.forEach((key) => Reflect.deleteProperty(of, key));
  expect(after).toStrictEqual(before);
});

test("where the platform's prototypes are frozen, all names of keys travel, and errors are ours", () => {
  const source = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const code = `
    for (const of of [Object, Array, Error, Map, Set]) Object.freeze(of.prototype);
    const { createWire } = await import(${source("../../src/wire/index.ts")});
    const { Snapshot, storedRows } = await import(${source("../../src/model/index.ts")});
    const { Value } = await import(${source("../../src/value/index.ts")});
    class Odd extends Value("a.Odd", { toString: String, valueOf: Number }) {}
    const wire = createWire({ values: [storedRows(), Odd] });
    const odd = () => JSON.parse('{"toString":"a","constructor":1,"hasOwnProperty":[1],"name":2}');
    const ring = Array.from({ length: 3000 }, odd);
    ring.forEach((one, index) => Object.defineProperty(one, "constructor", { value: ring.at(index - 1) }));
    const sent = [
      odd(), [odd(), 1n], ring, new Map([[odd(), 1]]), new Snapshot("a.B", 1, odd()),
      [1, 2, 3, 4].map((pk) => new Snapshot("a.B", pk, odd())),
      [1, 2, 3, 4].map((valueOf) => new Odd({ toString: "x", valueOf })),
      Object.defineProperty(new Error("x"), "toString", { value: "own", enumerable: true }),
    ];
    const came = sent.map((value) => { const text = wire.encode(value); return wire.encode(wire.decode(text)) === text; });
    const code = (run) => { try { run(); } catch (error) { return [error.name, error.code]; } };
    console.log(JSON.stringify([came, code(() => wire.encode(() => 1)), code(() => wire.decode("["))]));
  `;
  const parameters = ["--input-type=module", "--eval", code];
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const said = execFileSync(process.execPath, parameters, { encoding: "utf8", timeout: 60_000, cwd });
  expect(JSON.parse(said)).toStrictEqual([
    Array.from({ length: 8 }, () => true),
    ["EncodeError", "ERR_PAYLOAD_REFUSED"],
    ["DecodeError", "ERR_TEXT_UNDECODABLE"],
  ]);
});

describe("data without an end", () => {
  const deep = (): object => ({
    get next() {
      return deep();
    },
  });
  const wide = (): object => ({
    get one() {
      return wide();
    },
    get other() {
      return wide();
    },
  });

  test.each([
    ["deep", deep],
    ["wide", wide],
    ["and rich", () => ({ rich: 1n, deep: deep() })],
  ])("%s: a limit, and not all memory", (_name, make) => {
    const small = createWire({ limits: { nodes: 20_000 } });
    expect(() => small.encode(make())).toThrow(
      expect.objectContaining({ code: "ERR_PAYLOAD_LIMIT", limit: "nodes" }),
    );
  });
});

describe("options that are none", () => {
  test.each([
    ["limits", null],
    ["limits", 5],
    ["limits", [5]],
    ["values", null],
    ["values", Money],
    ["values", { Money, Point }],
    ["understands", "shop.Money"],
  ])("%s, in a way that is none: %#", (name, given) => {
    expect(() => createWire({ [name]: given })).toThrow(
      expect.objectContaining({
        code: "ERR_OPTION_INVALID",
        message: expect.stringContaining(name) as string,
      }),
    );
  });
});
