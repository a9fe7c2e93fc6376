/** The short way to read gives what the general way gives, for every text: the same value, or the same error. */
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createWire } from "../../src/wire/index.ts";
import { defaultLimits } from "../../src/wire/limits.ts";
import { quickReader } from "../../src/wire/quick-reader.ts";
import { registryOf } from "../../src/wire/registry.ts";
import { value } from "../../src/value/index.ts";
import { graphs } from "./arbitrary.ts";
import { Box, Money, values } from "./classes.ts";
import { corpus } from "./corpus.ts";
import { mutate } from "./mutate.ts";
import { wire } from "./places.ts";
import { Random } from "./random.ts";
import { difference } from "./same.ts";

/** A text for which the short way is not taken: it is too long. */
function lengthened(text: string): string {
  return text + " ".repeat(10_000);
}

interface Outcome {
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
}

function outcomeOf(decode: () => unknown): Outcome {
  try {
    return { value: decode() };
  } catch (error) {
    const { name, message, stack: _, cause: __, ...rest } = error as Error;
    return { error: { name, message, ...rest } };
  }
}

/** Where the two ways differ; undefined when they do not. */
function disagreement(text: string): string | undefined {
  // What is no JSON is not read in any way, and the error tells how long it is.
  if (outcomeOf(() => JSON.parse(text) as unknown).error) return undefined;
  const [short, long] = [outcomeOf(() => wire.decode(text)), outcomeOf(() => wire.decode(lengthened(text)))];
  if (long.error || short.error) {
    expect(short.error, text).toStrictEqual(long.error);
    return undefined;
  }
  return difference(long.value, short.value);
}

/** Whether the short way is taken, all the way. */
function isShort(text: string): boolean {
  const context = { registry: registryOf(values), limits: defaultLimits, dates: "exact" } as const;
  const build = quickReader({ tree: JSON.parse(text), isWhole: true }, text, context);
  return build !== undefined && outcomeOf(build).error === undefined;
}

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), "utf8"));
const { vectors } = read("v1-values") as { vectors: readonly { readonly text: string }[] };
const { refused } = read("v1-refused") as { refused: readonly { readonly text: string }[] };

describe("the two ways agree", () => {
  test("on the vectors, and those that are refused", () => {
    for (const { text } of [...vectors, ...refused]) expect(disagreement(text), text).toBeUndefined();
  });

  test("on texts of every kind in every place, of which they share the work", () => {
    for (const text of corpus) expect(disagreement(text), text).toBeUndefined();
    const short = corpus.filter(isShort).length;
    expect(short).toBeGreaterThan(corpus.length / 8);
    expect(short).toBeLessThan(corpus.length);
  });

  test("on texts that were changed", () => {
    const random = new Random(7);
    for (let count = 0; count < (process.env["CI"] ? 6_000 : 3_000); count++) {
      const text = mutate(random.pick(corpus), random);
      expect(disagreement(text), text).toBeUndefined();
    }
  });

  test("on what is written of anything", () => {
    fc.assert(
      fc.property(graphs(), (value) => {
        expect(disagreement(wire.encode(value))).toBeUndefined();
      }),
      { numRuns: 400 },
    );
  });
});

describe("what is in doubt", () => {
  const tag = (name: string, content: unknown): object => ({ __type__: name, __value__: content });
  const money = tag("shop.Money", { amount: tag("bigint", "5"), currency: "EUR" });

  test.each([
    ["a tag with its keys the other way round", { __value__: [money], __type__: "set" }],
    ["a class inside a Map's key", tag("map", [[money, tag("set", [money, tag("datetime", null)])]])],
    ["an object with a third key", { __type__: "set", __value__: [money], more: 1 }],
    ["a tag without content", { __type__: "undefined" }],
    ["a name that is none", { a: money, b: tag("shop.Mony", 1) }],
    ["a name that is an object", { a: money, __type__: {}, __value__: 1 }],
    [
      "a key twice",
      tag("map", [
        [1, money],
        [1, 2],
      ]),
    ],
    ["an item twice, made of a class before it", tag("set", [1, money, 1])],
    ["entries of three", tag("map", [[1, 2, money]])],
    ["fields that are none", tag("test.Box", [money])],
    ["fields that look like a tag", tag("test.Box", tag("bigint", "5"))],
    ["fields that are refused, after a Date", [tag("datetime", null), tag("shop.Money", { amount: 5 })]],
    ["a pointer after what was read", [tag("datetime", null), { a: money }, tag("same", "/1")]],
    ["a row after what was read", [tag("datetime", null), tag("ref", { model: "a.B", pk: 1 })]],
    ["a codec's form that is refused", tag("test.Wrapped", tag("map", []))],
  ])("%s", (_name, tree) => {
    expect(disagreement(JSON.stringify(tree))).toBeUndefined();
  });

  test("a key __proto__, in any place", () => {
    for (const text of [
      '[{"__type__":"datetime","__value__":null},{"__proto__":1}]',
      '{"__proto__":{"__type__":"datetime","__value__":null}}',
      '{"__type__":"test.Box","__value__":{"held":1,"__proto__":{}}}',
      '{"__type__":"datetime","__value__":null,"__proto__":{}}',
    ])
      expect(disagreement(text), text).toBeUndefined();
  });

  test("depth, to either side of where the short way ends", () => {
    for (let depth = 20; depth < 110; depth++) {
      for (const [before, after] of [
        ["[", "]"],
        ['{"__type__":"map","__value__":[[1,', "]]}"],
        ['{"__type__":"test.Box","__value__":{"held":', "}}"],
      ]) {
        const text =
          before!.repeat(depth) + '{"__type__":"datetime","__value__":null}' + after!.repeat(depth);
        expect(isShort(text)).toBe(depth < 100);
        expect(difference(wire.decode(wire.encode(wire.decode(text))), wire.decode(text))).toBeUndefined();
      }
    }
  });

  test("what all objects were given is no part of a text", () => {
    const text = JSON.stringify([{ a: 1 }, money]);
    const prototype = Object.prototype as { given?: unknown; __value__?: unknown };
    for (const enumerable of [true, false]) {
      Object.defineProperty(prototype, "given", { value: money, configurable: true, enumerable });
      Object.defineProperty(prototype, "__value__", { value: null, configurable: true });
      const [plain, made] = wire.decode(text) as [object, Money];
      const without = wire.decode('[{"__type__":"datetime"}]');
      delete prototype.given;
      delete prototype.__value__;
      expect(Object.getOwnPropertyNames(plain)).toStrictEqual(["a"]);
      expect(made).toStrictEqual(new Money({ amount: 5n, currency: "EUR" }));
      expect(without).toStrictEqual([{ __type__: "datetime" }]);
    }
  });
});

describe("code of the user's", () => {
  class Seen {
    readonly number: number;
    constructor(number: number) {
      this.number = number;
    }
  }
  const calls: number[] = [];
  const seen = value(Seen, {
    name: "test.Seen",
    fields: { number: Number },
    create({ number }) {
      calls.push(number);
      if (number < 0) throw new RangeError("below 0");
      return new Seen(number);
    },
  });
  const seeing = createWire({ values: [seen, Box] });
  const instance = (number: number): string => `{"__type__":"test.Seen","__value__":{"number":${number}}}`;

  test("is run once for each instance, in the order of the text", () => {
    calls.length = 0;
    const nested = `{"__type__":"test.Box","__value__":{"held":${instance(2)}}}`;
    seeing.decode(
      `[${instance(1)},{"__type__":"map","__value__":[[${nested},${instance(3)}]]},${instance(4)}]`,
    );
    expect(calls).toStrictEqual([1, 2, 3, 4]);
  });

  test("says what it refuses, and where", () => {
    expect(() => seeing.decode(`[${instance(1)},{"a":${instance(-1)}}]`)).toThrow(
      expect.objectContaining({ path: "value[1].a" }) as Error,
    );
  });
});
