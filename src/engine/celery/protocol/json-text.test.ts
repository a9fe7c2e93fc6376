import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { itemsAt, parseExactly, valueAt, withMember } from "./json-text.ts";

describe("withMember", () => {
  test.each([
    ['{"a":{"b":1}}', ["a", "b"], '{"a":{"b":true}}'],
    ['{"a":{}}', ["a", "b"], '{"a":{"b":true}}'],
    [
      '{ "a" : { "c" : 12345678901234567890 } }',
      ["a", "b"],
      '{ "a" : {"b":true, "c" : 12345678901234567890 } }',
    ],
    ['{"b":[{"b":1}],"b": "x" ,"c":NaN}', ["b"], '{"b":[{"b":1}],"b": true ,"c":NaN}'],
    [String.raw`{"\u0062":1,"x":"}\"]{\\"}`, ["b"], String.raw`{"\u0062":true,"x":"}\"]{\\"}`],
    ['{"a":1}', ["a", "b"], '{"a":1}'],
    ['{"c":1}', ["a", "b"], '{"c":1}'],
    ["[1]", ["a"], "[1]"],
    ["{}", ["a"], '{"a":true}'],
    [' {"a":""}', ["a"], ' {"a":true}'],
  ])("%s", (text, path, expected) => {
    expect(withMember(text, path, "true")).toBe(expected);
  });

  test("does to a text what setting a member does to a value", () => {
    const objects = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 4,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(objects, fc.string(), fc.jsonValue(), fc.nat(2), (object, name, value, indent) => {
        if (Object.hasOwn(object, "__proto__") || name === "__proto__") return;
        const changed = withMember(JSON.stringify(object, null, indent), [name], JSON.stringify(value));
        expect(JSON.parse(changed)).toEqual(JSON.parse(JSON.stringify({ ...object, [name]: value })));
      }),
    );
  });

  test("is quick on texts that are large", () => {
    const text = `{"body":"${"\\\\".repeat(2_000_000)}","headers":{"a":"${"x".repeat(2_000_000)}"}}`;
    expect(withMember(text, ["headers", "a"], "1").length).toBe(text.length - 2_000_001);
  });
});

describe("parseExactly", () => {
  test.each([
    '{"big":12345678901234567890,"small":-9007199254740993,"text":"12345678901234567890","ok":9007199254740991}',
    "[1234567890123456789,[12345678901234567890]]",
    "12345678901234567890",
    '{"a":[1,2.5,"x",null,true]}',
  ])("%s is written as it was", (text) => {
    expect(JSON.stringify(parseExactly(text))).toBe(text);
  });

  test("leaves numbers alone that are no whole ones", () => {
    expect(parseExactly("[0.1000000000000000000,1e300,1234567890123456]")).toEqual([
      0.1, 1e300, 1234567890123456,
    ]);
    expect(() => parseExactly("[NaN,12345678901234567890]")).toThrow(SyntaxError);
  });
});

describe("valueAt and itemsAt", () => {
  test("find the items of an array", () => {
    const text = '[ {"a":[1,"]"]} , "", "q\\"" ,-1.5e3, true,[] ]';
    expect(itemsAt(text, 0).map(({ start, end }) => text.slice(start, end))).toEqual([
      '{"a":[1,"]"]}',
      '""',
      '"q\\""',
      "-1.5e3",
      "true",
      "[]",
    ]);
    expect(itemsAt("[]", 0)).toEqual([]);
  });

  test("end with any text, and throw but SyntaxErrors", () => {
    const parts = fc.constantFrom("{", "}", "[", "]", '"', "\\", ",", ":", " ", "a", "1");
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (all) => {
        for (const run of [valueAt, itemsAt, (text: string) => withMember(text, ["a", "1"], "0")]) {
          try {
            run(all.join(""), 0);
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
