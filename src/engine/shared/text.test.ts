import { describe, expect, test } from "vitest";
import { fromColumn, readableColumn, toColumn } from "./text.ts";

describe("text in a column", () => {
  test.each(["", "plain", "葉柄 🌿", '{"a":"\\u0000"}', "\u0002"])("stores %j as it is", (text) => {
    expect(toColumn(text)).toBe(text);
  });

  test.each(["\u0000", "a\u0000b", "\ud800", "x\udfffy", "\u0001", '\u0001"a"'])(
    "stores %j so that it comes back",
    (text) => {
      const column = toColumn(text);
      expect(column).not.toMatch(/\0/);
      expect(column.isWellFormed()).toBe(true);
      expect(fromColumn(column)).toBe(text);
    },
  );

  test("gives different columns for different texts", () => {
    const texts = ["\u0000", '\u0001"\\u0000"', '"\\u0000"', "\u0001", '\u0001"\\u0001"'];
    expect(new Set(texts.map(toColumn)).size).toBe(texts.length);
    expect(texts.map(toColumn).map(fromColumn)).toEqual(texts);
  });

  test("refuses a mark with no text behind it", () => {
    expect(() => fromColumn("\u0001{")).toThrow(SyntaxError);
    expect(() => fromColumn("\u00011")).toThrow(TypeError);
  });

  test.each(["\u0001", "\u0001[1]", "\u0001{"])("shows %j, which is damaged, as it is", (column) => {
    expect(readableColumn(column)).toBe(column);
  });
});
