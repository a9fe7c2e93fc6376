import { describe, expect, test } from "vitest";
import { Value } from "../value/index.ts";
import { createWire } from "./index.ts";

class Money extends Value("shop.Money", { amount: Number, currency: String }) {}
class Coin extends Value("shop.Coin", { cents: Number }) {}

const wire = createWire({ dialect: "portable", values: [Money, Coin], understands: ["shop.Money"] });

function refused(value: unknown): RegExp | string {
  try {
    return wire.encode(value);
  } catch (error) {
    return (error as Error).message;
  }
}

describe("the portable dialect", () => {
  test("is plain JSON, Kombu's tags, and the types that the reader was taught", () => {
    const text = wire.encode({
      at: new Date(0),
      bytes: new Uint8Array([1]),
      fee: new Money({ amount: 5, currency: "EUR" }),
      note: undefined,
    });
    expect(JSON.parse(text)).toStrictEqual({
      at: { __type__: "datetime", __value__: "1970-01-01T00:00:00.000+00:00" },
      bytes: { __type__: "base64", __value__: "AQ==" },
      fee: { __type__: "shop.Money", __value__: { amount: 5, currency: "EUR" } },
    });
    expect((wire.decode(text) as { fee: Money }).fee).toBeInstanceOf(Money);
  });

  test("shared data is written out each time, within the limits", () => {
    const shared = { a: 1 };
    expect(wire.encode([shared, { shared }])).toBe('[{"a":1},{"shared":{"a":1}}]');
    let level: unknown[] = [1];
    for (let depth = 0; depth < 30; depth++) level = [level, level];
    expect(() => wire.encode(level)).toThrow(expect.objectContaining({ code: "ERR_PAYLOAD_LIMIT" }));
  });

  test.each([
    ["a bigint", 5n, "value   bigint   Python does not know the tag"],
    ["NaN", NaN, "JSON has no such number"],
    ["undefined in an array", [undefined], "value[0]   undefined   send null"],
    ["a Map", new Map(), "send a plain object"],
    ["a Set", new Set(), "send an array"],
    ["an Error", new Error("x"), "the other side does not know this type"],
    [
      "a class that it was not taught",
      new Coin({ cents: 1 }),
      "shop.Coin   the other side does not know this type",
    ],
    ["an invalid Date", new Date(NaN), "Python has no invalid date"],
    ["the year 10000", new Date(Date.UTC(10_000, 0)), "Python's years are 1 to 9999"],
    ["the year 0", new Date(-62_198_755_200_000), "Python's years are 1 to 9999"],
    ["data that looks like a tag", { __type__: "a", __value__: 1 }, "Python would take it for a tag"],
    ["a tag whose type is no string", { __value__: 1, __type__: 5 }, "Python would take it for a tag"],
    [
      "a cycle",
      (() => {
        const a: unknown[] = [];
        a.push([a]);
        return a;
      })(),
      "value[0][0]   cycle   send a tree",
    ],
  ])("refuses %s", (_name, value, message) => {
    expect(refused(value)).toContain(message);
  });

  test("refuses what is deeper than Python reads", () => {
    const nested = (depth: number): unknown => (depth === 0 ? new Date(0) : [nested(depth - 1)]);
    expect(() => wire.encode(nested(499))).not.toThrow();
    expect(() => wire.encode(nested(500))).toThrow(expect.objectContaining({ limit: "depth", allowed: 500 }));
  });

  test("a dialect that is none", () => {
    expect(() => createWire({ dialect: "python" as never })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });
});
