import { describe, expect, test } from "vitest";
import { createWire } from "./index.ts";

const wire = createWire();

type Item = { id: number; first?: Item; extra?: unknown };

/** Items of which all but the first know the first: a second place each. */
function star(size: number): Item[] {
  const items: Item[] = Array.from({ length: size }, (_, id) => ({ id }));
  for (const item of items.slice(1)) item.first = items[0]!;
  return items;
}

function expectSame(items: readonly Item[]): void {
  const back = wire.decode(wire.encode(items)) as Item[];
  expect(back).toStrictEqual(items);
  for (const item of back.slice(1)) if (item.first !== back[0]) throw new Error(`${item.id} knows another`);
}

describe("plain data with second places", () => {
  test.each([1, 2, 12, 13, 14, 101, 102, 103, 2001])("%i items are written with pointers", (size) => {
    const items = star(size);
    const text = wire.encode(items);
    expect(text).not.toContain('"graph"');
    expect(text.match(/"same"/g)?.length ?? 0).toBe(size - 1);
    expectSame(items);
  });

  test("from 2,001 second places on, it is a graph", () => {
    const items = star(2002);
    const start =
      '{"__type__":"graph","__value__":{"shapes":[["{}","id",["first"]],["{}","id"],["[]",[""]]],"nodes":[[0,2001,';
    expect(wire.encode(items).slice(0, start.length)).toBe(start);
    expectSame(items);
  });

  test.each<[string, () => unknown]>([
    ["a symbol as a key", () => ({ [Symbol.for("k")]: 1 })],
    ["a symbol as a key of an array", () => Object.assign([1], { [Symbol.for("k")]: 1 })],
    ["a property beside items", () => Object.assign([1], { more: 1 })],
    ["a hole and a property", () => Object.assign([] as number[], { length: 1, more: 1 })],
    ["a key __proto__", () => JSON.parse('{"__proto__":{"a":1}}') as object],
    ["data like a tag", () => ({ __type__: "set", __value__: [] })],
    ["-0, NaN, undefined", () => [-0, NaN, undefined]],
    ["a Date", () => ({ at: new Date(5) })],
    ["keys that are numbers", () => ({ 0: {}, 1: [null, [], {}, "x", true, 1.5] })],
    ["an array of arrays and scalars", () => [[], 1, [[]], null]],
  ])("at any place among many: %s", (_name, make) => {
    for (const at of [0, 50, 4999]) {
      const items = star(5000);
      items[at]!.extra = make();
      expectSame(items);
      expect(Reflect.ownKeys((wire.decode(wire.encode(items)) as Item[])[at]!.extra as object)).toStrictEqual(
        Reflect.ownKeys(make() as object),
      );
    }
  });

  test("a `toJSON` that is not seen is not called, and a seen one is told", () => {
    const hidden = star(5000);
    Object.defineProperty(hidden[4999]!, "toJSON", { value: () => "other" });
    expect((wire.decode(wire.encode(hidden)) as Item[])[4999]!.id).toBe(4999);
    const seen = star(5000);
    Object.assign(seen[4999]!, { toJSON: () => "other" });
    expect(() => wire.encode(seen)).toThrow(/value\[4999\]\.toJSON +function/);
  });

  test("limits hold", () => {
    expect(() => createWire({ limits: { nodes: 9000 } }).encode(star(3000))).toThrow(
      /over the limit `nodes`/,
    );
    const texts = star(3000).map((item) => ({ ...item, text: "x".repeat(100) }));
    expect(() => createWire({ limits: { bytes: 200_000 } }).encode([texts, texts, star(3000)])).toThrow(
      /over the limit `bytes`/,
    );
  });

  test("getters that give new objects for ever are over the limit", () => {
    const endless = (): object => ({
      items: star(3000),
      get next() {
        return endless();
      },
    });
    expect(() => createWire({ limits: { nodes: 100_000 } }).encode(endless())).toThrow(/over the limit/);
  });

  test("without pointers, it is written out each time, however much there is", () => {
    const portable = createWire({ dialect: "portable" });
    const items = star(5000);
    expect(portable.encode(items)).toBe(JSON.stringify(items));
    items[0]!.first = items[1]!;
    expect(() => portable.encode(items)).toThrow(/cycle/);
  });
});
