import { describe, expect, test } from "vitest";
import { EncodeError } from "../../errors.ts";
import { prepare, type Format } from "./outgoing.ts";

const limits = { bytes: 10_000, depth: 20 };

function refusalsOf(message: unknown, format: Format = "msgpack"): string[] {
  try {
    prepare("channel jobs", message, format, limits);
  } catch (error) {
    if (error instanceof EncodeError) return error.refusals.map(({ path, kind }) => `${path}: ${kind}`);
    throw error;
  }
  return [];
}

class Point {
  readonly x = 1;
}

const cyclic: Record<string, unknown> = {};
cyclic["self"] = [cyclic];

describe("what would not arrive as it is, is refused with its path", () => {
  test.each([
    ["undefined", undefined, "undefined"],
    ["a function", () => 1, "function"],
    ["a symbol", Symbol("x"), "symbol"],
    ["-0", -0, "number -0"],
    ["2^64", 2n ** 64n, "bigint"],
    ["less than -2^63", -(2n ** 63n) - 1n, "bigint"],
    ["a Date", new Date(0), "Date"],
    ["a Map", new Map(), "Map"],
    ["a Set", new Set(), "Set"],
    ["an instance", new Point(), "Point"],
    ["an Error", new RangeError("x"), "RangeError"],
    ["a RegExp", /x/, "RegExp"],
    ["a boxed number", Object(1), "Number"],
    ["an ArrayBuffer", new ArrayBuffer(1), "ArrayBuffer"],
    ["another typed array", new Uint16Array(1), "Uint16Array"],
    ["a DataView", new DataView(new ArrayBuffer(1)), "DataView"],
    ["a clamped array", new Uint8ClampedArray(1), "Uint8ClampedArray"],
    ["half a character", "x\uD800", "lone surrogate"],
    ["a Promise", Promise.resolve(1), "Promise"],
  ])("%s", (_, value, kind) => {
    expect(refusalsOf({ type: "x", deep: [{ "a b": value }] })).toEqual([`message.deep[0]["a b"]: ${kind}`]);
  });

  test.each([
    ["a list with a hole", [1, , 2], "array"], // oxlint-disable-line no-sparse-arrays
    ["a list with a property", Object.assign([1], { x: 1 }), "array"],
    ["a list of a class", new (class Few extends Array {})(), "Few"],
    ["a symbol as a key", { [Symbol("x")]: 1 }, "symbol as a key"],
  ])("%s", (_, value, kind) => {
    expect(refusalsOf({ type: "x", value })).toEqual([`message.value: ${kind}`]);
  });

  test("keys that do not arrive", () => {
    expect(refusalsOf({ type: "x", a: { "\uDC00": 1 } })).toEqual(['message.a["\\udc00"]: lone surrogate']);
    expect(refusalsOf({ type: "x", a: JSON.parse('{"__proto__": 1}') })).toEqual([
      "message.a.__proto__: key",
    ]);
    expect(refusalsOf({ type: "x", __asgi_channel__: "a!b" })).toEqual([
      "message.__asgi_channel__: reserved key",
    ]);
    expect(refusalsOf({ type: "x", a: { __asgi_channel__: "a!b" } })).toEqual([]);
  });

  test("cycles; one object in two places is none", () => {
    expect(refusalsOf({ type: "x", cyclic })).toEqual(["message.cyclic.self[0]: cycle"]);
    const shared = { a: [1] };
    expect(refusalsOf({ type: "x", one: shared, other: shared })).toEqual([]);
  });

  test("all of them at once, of many the first hundred", () => {
    const error = (() => {
      try {
        return prepare("group g", { type: "x", list: Array(150).fill(undefined) }, "msgpack", limits);
      } catch (error) {
        return error as EncodeError;
      }
    })() as EncodeError;
    expect([error.refusals.length, error.count]).toEqual([100, 150]);
    expect(error.message).toContain("Cannot send this message to group g: 150 values cannot travel.");
  });
});

test.each([
  ["missing", {}, "undefined"],
  ["undefined", { type: undefined }, "undefined"],
  ["empty", { type: "" }, "empty string"],
  ["a number", { type: 5 }, "number"],
  ["null", { type: null }, "null"],
  ["of a private handler", { type: "_x" }, 'string "_x"'],
  ["of one that becomes private", { type: ".x" }, 'string ".x"'],
])("a type that is %s is refused", (_, message, kind) => {
  expect(refusalsOf(message)[0]).toBe(`message.type: ${kind}`);
});

test.each([null, undefined, 5, "x", [], new Map(), new Point(), () => 1])("%s is no message", (message) => {
  expect(refusalsOf(message)[0]).toMatch(/^message: /);
});

test("JSON has fewer kinds of values", () => {
  const message = {
    type: "x",
    bytes: new Uint8Array(1),
    nan: Number.NaN,
    far: Infinity,
  };
  expect(refusalsOf(message)).toEqual([]);
  expect(refusalsOf(message, "json")).toEqual([
    "message.bytes: bytes",
    "message.nan: number NaN",
    "message.far: number Infinity",
  ]);
});

describe.each(["msgpack", "json"] as const)("whole numbers in %s", (format) => {
  test.each([
    [2 ** 53, "number 9007199254740992", "send a bigint"],
    [-(2 ** 53), "number -9007199254740992", "send a bigint"],
    [2 ** 60, "number 1152921504606847000", "send a bigint"],
    [-(2 ** 63), "number -9223372036854776000", "send a bigint"],
    [2 ** 64, "number 18446744073709552000", "send a string"],
    [-(2 ** 63) - 2048, "number -9223372036854778000", "send a string"],
    [9.99e20, "number 999000000000000000000", "send a string"],
  ])("%s would be another type in Python, or another number", (value, kind, advice) => {
    expect(refusalsOf({ type: "x", value }, format)).toEqual([`message.value: ${kind}`]);
    expect(() => prepare("channel jobs", { type: "x", value }, format, limits)).toThrow(advice);
  });

  test.each([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2n ** 60n, 1, 1e21, -1e300, 0.1])(
    "%s is what it is",
    (value) => expect(refusalsOf({ type: "x", value }, format)).toEqual([]),
  );
});

test("what is sent is a copy", () => {
  const bytes = new Uint8Array([1]);
  const list = [bytes];
  const copy = prepare("channel jobs", { type: "x", list }, "msgpack", limits);
  bytes[0] = 2;
  list.length = 0;
  expect(copy).toEqual({ type: "x", list: [new Uint8Array([1])] });
});

test("limits hold before anything is written", () => {
  let deep: unknown = 1;
  for (let level = 0; level < 20; level++) deep = [deep];
  expect(() => prepare("channel jobs", { type: "x", deep }, "msgpack", limits)).toThrow(
    expect.objectContaining({ code: "ERR_PAYLOAD_LIMIT", limit: "depth" }),
  );
  let wide: unknown = "x";
  for (let level = 0; level < 18; level++) wide = [wide, wide];
  expect(() => prepare("channel jobs", { type: "x", wide }, "msgpack", limits)).toThrow(
    expect.objectContaining({ code: "ERR_PAYLOAD_LIMIT", limit: "bytes" }),
  );
});
