import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { itemsOf, membersOf } from "./pieces.ts";
import { scanText } from "./scanner.ts";

/** Whether the scanner takes it, as it would take Python's. */
function isTaken(text: string): boolean {
  try {
    scanText(text, "text");
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_TEXT_UNDECODABLE", path: "text" });
    return false;
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("the scanner takes what JSON.parse takes", () => {
  test("of valid JSON", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 1, "\t", "\r\n"), (text, space) => {
        expect(isTaken(JSON.stringify(JSON.parse(text), null, space))).toBe(true);
      }),
    );
  });

  test("of texts that are nearly JSON", () => {
    const pieces = fc.constantFrom(
      ..."[]{},:\"\\'- 0123.eE+\n\tau/".split(""),
      "true",
      "false",
      "null",
      '"a"',
      "\\u00e9",
      "\\ud800",
      "\u0001",
      "1.5",
      "-0",
      "01",
      "1e5",
      "é",
      "\ufeff",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        expect(isTaken(text)).toBe(isJson(text));
      }),
      { numRuns: 5000 },
    );
  });

  test("of JSON with one character changed", () => {
    const damaged = fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.constantFrom(...'[]{},:"\\-0.eE\u0000 '));
    fc.assert(
      fc.property(damaged, ([text, at, character]) => {
        const place = at % text.length;
        const changed = text.slice(0, place) + character + text.slice(place + 1);
        expect(isTaken(changed)).toBe(isJson(changed));
      }),
      { numRuns: 5000 },
    );
  });

  test.each(["NaN", "-Infinity", "[Infinity,NaN]", '{"a": -Infinity}'])("and Python's %s", (text) => {
    expect(isTaken(text)).toBe(true);
  });

  test.each([
    "-NaN",
    "nan",
    "+1",
    "Infinit",
    "-",
    "[1,]",
    '{"a":1,}',
    "{a:1}",
    "'a'",
    "",
    " ",
    "[",
    '"',
    '"\\',
  ])("and not %j", (text) => {
    expect(isTaken(text)).toBe(false);
  });
});

test("says where it fails", () => {
  expect(() => scanText('{"a": tru}', "body")).toThrow(
    'Cannot decode body: expected JSON, and a value at its character 6, found "tru}".',
  );
  expect(() => scanText('[1, "a', "body")).toThrow(/a character of a string.*found the end of the text/);
});

test.each([
  ["arrays", "[".repeat(100_000) + "]".repeat(100_000), true],
  ["objects", '{"a":'.repeat(100_000) + "1" + "}".repeat(100_000), true],
  ["arrays without an end", "[".repeat(100_000), false],
  ["more levels than are looked at", "[".repeat(1_000_001) + "]".repeat(1_000_001), false],
])("reads 100,000 levels of %s", (_, text, isRight) => {
  expect(isTaken(text)).toBe(isRight);
});

test("tells its visitor of all that there is", () => {
  const told: unknown[] = [];
  const text = ' {"a\\"":[1, -2.5e1],"b":"x", "c":NaN,"d":true,"e":{}} ';
  const piece =
    (kind: string) =>
    (start: number, end: number, isInteger?: boolean): void => {
      told.push([kind, text.slice(start, end), ...(isInteger === undefined ? [] : [isInteger])]);
    };
  scanText(text, "text", {
    open: (start, isObject) => told.push(["open", text[start], isObject]),
    close: (end) => told.push(["close", text[end - 1]]),
    key: piece("key"),
    string: piece("string"),
    number: piece("number"),
    special: piece("special"),
    literal: piece("literal"),
  });
  expect(told).toStrictEqual([
    ["open", "{", true],
    ["key", '"a\\""'],
    ["open", "[", false],
    ["number", "1", true],
    ["number", "-2.5e1", false],
    ["close", "]"],
    ["key", '"b"'],
    ["string", '"x"'],
    ["key", '"c"'],
    ["special", "NaN"],
    ["key", '"d"'],
    ["literal", "true"],
    ["key", '"e"'],
    ["open", "{", true],
    ["close", "}"],
    ["close", "}"],
  ]);
});

describe("pieces", () => {
  test("are the text that they came as", () => {
    expect(itemsOf(' [ 1.0 ,"a, b" , [1 , 2] ] ', "body")).toStrictEqual(["1.0", '"a, b"', "[1 , 2]"]);
    expect(itemsOf("[ ]", "body")).toStrictEqual([]);
    expect(membersOf('{ "a" : 1.0, "\\u005f" : {"b":[ ]} , "a":2}', "body")).toStrictEqual([
      { name: "a", key: '"a"', value: "1.0" },
      { name: "_", key: '"\\u005f"', value: '{"b":[ ]}' },
      { name: "a", key: '"a"', value: "2" },
    ]);
  });

  test("of any JSON are its values", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (values) => {
        const items = itemsOf(JSON.stringify(values, null, 1), "text").map(
          (item) => JSON.parse(item) as unknown,
        );
        expect(items).toStrictEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), (object) => {
        const members = membersOf(JSON.stringify(object), "text");
        const entries = members.map(({ name, value }) => [name, JSON.parse(value) as unknown]);
        expect(Object.fromEntries(entries)).toEqual(JSON.parse(JSON.stringify(object)));
      }),
    );
  });

  test.each(["{}", "null", '"[]"', "1", "", "[1", "[1,]", "[1]]", "[1 2]"])("of %j, no items", (text) => {
    expect(() => itemsOf(text, "body[0]")).toThrow(/^Cannot decode body\[0\]: expected/);
  });

  test.each(["[]", "null", "", "{", '{"a"}', '{"a":1,}', '{"a":1}}', "{1:1}", '{"a":1 "b":2}'])(
    "of %j, no members",
    (text) => {
      expect(() => membersOf(text, "body[1]")).toThrow(/^Cannot decode body\[1\]: expected/);
    },
  );
});
