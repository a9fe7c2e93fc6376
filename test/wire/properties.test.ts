/** What holds for every value: round trips of random graphs, in both dialects. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EncodeError, createWire, type Wire } from "../../src/wire/index.ts";
import { graphs, keys, plainScalars } from "./arbitrary.ts";
import { Box, values } from "./classes.ts";
import { wire } from "./places.ts";
import { difference } from "./same.ts";

const runs = { numRuns: process.env["CI"] ? 2_000 : 400 };

function isExact(value: unknown, by: Wire): void {
  const text = by.encode(value);
  const arrived = by.decode(text);
  expect(difference(value, arrived)).toBeUndefined();
  expect(by.encode(arrived), "encoded again").toBe(text);
  expect(by.encode(value), "encoded twice").toBe(text);
  expect(() => JSON.parse(text) as unknown).not.toThrow();
}

describe("the exact dialect", () => {
  test("a graph of anything comes back the same, and is written the same again", () => {
    fc.assert(
      fc.property(graphs(), (value) => isExact(value, wire)),
      runs,
    );
  });

  test("written as a graph, too", () => {
    // Shallower than everything here, so that there is no other way.
    const shallow = createWire({ values, limits: { depth: 25 } });
    const deep = (value: unknown): unknown => {
      let around: unknown = [value];
      for (let level = 0; level < 30; level++) around = { around };
      return around;
    };
    fc.assert(
      fc.property(graphs(), (value) => isExact(deep(value), shallow)),
      runs,
    );
  });

  test("in many instances of one class", () => {
    const boxes = fc.array(graphs(), { minLength: 4, maxLength: 6 });
    fc.assert(
      fc.property(boxes, (inside) =>
        isExact(
          inside.map((held) => new Box({ held })),
          wire,
        ),
      ),
      runs,
    );
  });

  test("a cycle through a value class is refused, however long", () => {
    const ways = fc.array(
      fc.constantFrom<(inner: unknown) => unknown>(
        (i) => [i],
        (i) => ({ i }),
        (i) => new Map([[i, 1]]),
        (i) => new Set([i]),
        (i) => new Error("x", { cause: i }),
        (i) => new Box({ held: i }),
      ),
    );
    fc.assert(
      fc.property(ways, (around) => {
        const root: { inside?: unknown } = {};
        let inner: unknown = new Box({ held: root });
        for (const wrap of around) inner = wrap(inner);
        root.inside = inner;
        expect(() => wire.encode(root)).toThrow(EncodeError);
      }),
      runs,
    );
  });
});

/** Plain data: a tree of what JSON has, and nothing that looks like a tag. */
const { plain } = fc.letrec<{ plain: unknown }>((tie) => ({
  plain: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    plainScalars,
    fc.array(tie("plain"), { maxLength: 4 }),
    fc.dictionary(
      keys.filter((key) => key !== "__type__"),
      tie("plain"),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
}));

describe("plain data", () => {
  test("is JSON.stringify's text, byte for byte", () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(wire.encode(value)).toBe(JSON.stringify(value));
        expect(difference(value, wire.decode(JSON.stringify(value)))).toBeUndefined();
      }),
      runs,
    );
  });

  test("stays so beside what is not plain", () => {
    fc.assert(
      fc.property(plain, (value) => {
        const big = '{"__type__":"bigint","__value__":"1"}';
        expect(wire.encode({ value, big: 1n })).toBe(`{"value":${JSON.stringify(value)},"big":${big}}`);
      }),
      runs,
    );
  });
});

describe("the portable dialect", () => {
  const portable = createWire({ values, dialect: "portable", understands: ["geo.Point"] });
  const allowed = new Set(["datetime", "date", "time", "decimal", "uuid", "base64", "geo.Point"]);

  function tagsIn(text: string): string[] {
    const found: string[] = [];
    JSON.parse(text, (_key, value: unknown) => {
      const isTag =
        typeof value === "object" &&
        value !== null &&
        Object.keys(value).toSorted().join() === "__type__,__value__";
      if (isTag) found.push(String((value as { __type__: unknown }).__type__));
      return value;
    });
    return found;
  }

  test("writes its own tags alone, or refuses", () => {
    fc.assert(
      fc.property(graphs(), (value) => {
        let text: string;
        try {
          text = portable.encode(value);
        } catch (error) {
          expect(error).toBeInstanceOf(EncodeError);
          return;
        }
        expect(tagsIn(text).filter((name) => !allowed.has(name))).toStrictEqual([]);
        // It is a subset of the format: both dialects read it, and to the same.
        expect(difference(wire.decode(text), portable.decode(text))).toBeUndefined();
      }),
      runs,
    );
  });

  /** Data with sharing, and what is to arrive of it: no `undefined` in objects, everything shared written out. */
  const dates = fc
    .integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 })
    .map((time) => new Date(time));
  const { shared } = fc.letrec<{ shared: unknown }>((tie) => ({
    shared: fc.oneof(
      { depthSize: "small" },
      plainScalars,
      dates,
      fc.uint8Array({ maxLength: 9 }),
      fc.array(tie("shared"), { maxLength: 3 }).map((items) => [...items, ...items.slice(0, 1)]),
      fc.dictionary(
        keys.filter((key) => key !== "__type__"),
        fc.oneof(tie("shared"), fc.constant(undefined)),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  }));

  function arriving(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(arriving);
    if (value instanceof Date) return new Date(value);
    if (value instanceof Uint8Array) return value.slice();
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([, inside]) => inside !== undefined);
    return Object.fromEntries(entries.map(([key, inside]) => [key, arriving(inside)]));
  }

  test("what it writes arrives as equal data", () => {
    fc.assert(
      fc.property(shared, (value) => {
        expect(difference(arriving(value), wire.decode(portable.encode(value)))).toBeUndefined();
      }),
      runs,
    );
  });
});
