import { expect, test } from "vitest";
import { anyOf, chunked, distinctKeys, keysInStatement, partOf } from "./key-chunks.ts";
import { asNumber, impossible, integerIn, isNumeric, isPostgresText, isUuid } from "./key-part.ts";

test("keys fit into statements, whole", () => {
  expect([1, 2, 40].map(keysInStatement)).toEqual([10_000, 1_000, 250]);
  expect(chunked([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(chunked([], 2)).toEqual([]);
});

test("a key is there once, however it is written", () => {
  expect(distinctKeys("x.Y", [7, "7", 7n, 8])).toEqual([7n, 8]);
  expect(
    distinctKeys("x.Y", [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ]),
  ).toHaveLength(1);
  expect([partOf(7, "a"), partOf({ a: 1 }, "a"), partOf({ a: 1 }, "b")]).toEqual([7, 1, undefined]);
});

test("a thousand conditions are a tree of ten levels, in their order", () => {
  const texts = Array.from({ length: 1_000 }, (_, index) => `${index}`);
  const text = anyOf(texts, (some) => `(${some.join()})`);
  expect(text.replaceAll(/[()]/g, "").split(",")).toEqual(texts);
  expect(/^\(+/.exec(text)?.[0]).toHaveLength(10);
  expect(anyOf(["only"], (some) => some.join())).toBe("only");
});

test("what a column can hold", () => {
  expect([integerIn(16, 32_767), integerIn(64, "-9223372036854775808")]).toEqual([32_767n, -(2n ** 63n)]);
  for (const part of [32_768, "1.5", "", "0x1", "1e3", " 1", "9".repeat(41)])
    expect(integerIn(16, part)).toBe(impossible);
  expect([asNumber(7n), asNumber(2n ** 60n)]).toEqual([7, 2n ** 60n]);
  expect(isUuid("123e4567-e89b-12d3-a456-426614174000")).toBe(true);
  expect(isUuid("123e4567")).toBe(false);
  expect(["a", "\0", "\ud800", "😀"].map(isPostgresText)).toEqual([true, false, false, true]);
  expect(["1.5", "-2e3", "", " ", "x"].map(isNumeric)).toEqual([true, true, false, false, false]);
});
