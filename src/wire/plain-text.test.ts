import { describe, expect, test } from "vitest";
import { createWire } from "./index.ts";
import { defaultLimits } from "./limits.ts";
import { isPlainText } from "./plain-text.ts";

describe("isPlainText", () => {
  test("plain JSON is", () => {
    const plain = [
      "1",
      '"x_y"',
      '{"a":["\\u0000\\u001f\\n"]}',
      JSON.stringify({ type: "__type", é: "\ud800" }),
    ];
    for (const text of plain) expect(isPlainText(text, defaultLimits)).toBe(true);
  });

  test("a tag, its key written as escapes, and a __proto__ are not", () => {
    const tag = '{"__type__":"bigint","__value__":"5"}';
    const escaped = tag.replace("__type__", "\\u005f\\u005ftype__");
    for (const text of [
      tag,
      escaped,
      tag.replace("type", "\\u0074ype"),
      '{"__proto__":1}',
      '{"\\u005f_proto__":1}',
    ]) {
      expect(isPlainText(text, defaultLimits)).toBe(false);
    }
    const wire = createWire();
    expect(wire.decode(escaped)).toBe(5n);
    expect(() => wire.decode('{"\\u005f_proto__":1}')).toThrow(
      expect.objectContaining({ code: "ERR_TEXT_UNDECODABLE" }),
    );
  });

  test("what may be over a limit is not", () => {
    const limits = { ...defaultLimits, depth: 3, nodes: 10 };
    expect(isPlainText("[[[1]]]", limits)).toBe(true);
    expect(isPlainText("[[[[1]]]]", limits)).toBe(false);
    expect(isPlainText("[1,2,3,4,5,6,7,8,9,10]", limits)).toBe(false);
    const flat = JSON.stringify(Array.from({ length: 30_000 }, (_, n) => ({ n })));
    expect(isPlainText(flat, { ...defaultLimits, depth: 20_000 })).toBe(false);
    expect(isPlainText(flat, { ...defaultLimits, depth: 40_000 })).toBe(true);
    expect(createWire().decode(flat)).toStrictEqual(JSON.parse(flat));
  });
});
