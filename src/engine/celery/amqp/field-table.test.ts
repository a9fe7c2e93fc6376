import { describe, expect, test } from "vitest";
import { readTable, toAmqplib } from "./field-table.ts";

/** A table of one field `k`, by its tag and the bytes of its value in hexadecimal digits. */
function one(tag: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([1]), Buffer.from(`k${tag}`), Buffer.from(value, "hex")]);
}

const values: readonly (readonly [
  name: string,
  tag: string,
  value: string,
  read: unknown,
  written: unknown,
])[] = [
  ["a text", "S", "00000002c3a9", "é", "é"],
  ["a text that is none", "S", "00000002ff00", { "!": "bytes", value: "/wA=" }, Buffer.from([255, 0])],
  ["bytes", "x", "000000016b", { "!": "bytes", value: "aw==" }, Buffer.from("k")],
  ["yes", "t", "01", true, true],
  ["no", "t", "00", false, false],
  ["nothing", "V", "", null, null],
  ["a byte", "b", "ff", -1, -1],
  ["an unsigned byte", "B", "ff", 255, 255],
  ["a short", "s", "fffe", -2, -2],
  ["an unsigned short", "u", "fffe", 65534, 65534],
  ["an int", "I", "fffffffe", -2, -2],
  ["an unsigned int", "i", "fffffffe", 4294967294, 4294967294],
  ["a long", "l", "0000010000000000", 2 ** 40, 2 ** 40],
  ["a long of Python's", "L", "0000010000000000", 2 ** 40, 2 ** 40],
  [
    "a big integer",
    "L",
    "0020000000000001",
    { "!": "int64", value: "9007199254740993" },
    { "!": "int64", value: 9007199254740993n },
  ],
  ["a double", "d", "3ff8000000000000", 1.5, { "!": "double", value: 1.5 }],
  ["a float", "f", "3fc00000", 1.5, { "!": "double", value: 1.5 }],
  [
    "infinity",
    "d",
    "fff0000000000000",
    { "!": "double", value: "-Infinity" },
    { "!": "double", value: -Infinity },
  ],
  ["minus zero", "d", "8000000000000000", { "!": "double", value: "-0" }, { "!": "double", value: -0 }],
  [
    "a big double",
    "d",
    "43e0000000000000",
    { "!": "double", value: 2 ** 63 },
    { "!": "double", value: 2 ** 63 },
  ],
  [
    "a timestamp",
    "T",
    "0000000069573645",
    { "!": "timestamp", value: 0x69573645 },
    { "!": "timestamp", value: BigInt(0x69573645) },
  ],
  [
    "a decimal",
    "D",
    "020000006e",
    { "!": "decimal", value: { places: 2, digits: 110 } },
    { "!": "decimal", value: { places: 2, digits: 110 } },
  ],
  ["an array", "A", "000000057401 62ff 56".replaceAll(" ", ""), [true, -1, null], [true, -1, null]],
];

describe("headers", () => {
  test.each(values)("%s", (_name, tag, value, read, written) => {
    const { headers } = readTable(one(tag, value));
    expect(headers).toEqual({ k: read });
    // What is read is JSON, and survives being kept as such.
    const kept = JSON.parse(JSON.stringify(headers)) as Record<string, unknown>;
    expect(toAmqplib(kept)).toEqual({ k: written });
  });

  test("a table in a table, whatever its keys are called", () => {
    const inner = Buffer.concat([Buffer.from("\u0001!S\0\0\0\u0004int6"), Buffer.from("\u0009__proto__V")]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(inner.length);
    const { headers } = readTable(Buffer.concat([Buffer.from("\u0001kF"), size, inner]));
    expect(JSON.stringify(headers)).toBe('{"k":{"!":"table","value":{"!":"int6","__proto__":null}}}');
    const written = (toAmqplib(headers) as { readonly k: object }).k;
    // As amqplib writes a table: all keys that it finds, but an own "!" would be its own mark.
    expect(Object.hasOwn(written, "!")).toBe(false);
    const keys: string[] = [];
    for (const key in written) keys.push(key);
    expect(keys).toEqual(["!", "__proto__"]);
  });

  test.each([
    ["a value that ends too early", "S", "00000009c3"],
    ["a value of no known type", "?", "00"],
    ["no value", "", ""],
  ])("refuses %s", (_name, tag, value) => {
    expect(() => readTable(one(tag, value))).toThrow(RangeError);
  });

  test("refuses what is no JSON, and takes a mark that is none of its own as a table", () => {
    expect(() => toAmqplib({ a: { b: [() => 1] } })).toThrow(TypeError);
    for (const mark of [
      { "!": "int64", value: "1e3" },
      { "!": "decimal", value: { places: -1, digits: 0 } },
      { "!": 1 },
    ])
      expect(Object.hasOwn((toAmqplib({ a: mark }) as { readonly a: object }).a, "!")).toBe(false);
    expect(toAmqplib({ a: undefined, b: 5n })).toEqual({ b: { "!": "int64", value: 5n } });
  });
});
