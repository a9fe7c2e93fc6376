import { describe, expect, test } from "vitest";
import { DecodeError, EncodeError, LimitError, attempt } from "../errors.ts";
import { Reference } from "../model/index.ts";
import { createWire } from "./index.ts";
import { storedRows } from "./stored-rows.ts";
import { stringifyDeep } from "./stringify.ts";

const wire = createWire({ values: [storedRows()] });
const tag = (name: string, value: unknown) => JSON.stringify({ __type__: name, __value__: value });

/** One table drives both directions: a value and its text. */
const fixtures: { name: string; value: unknown; text: string }[] = [
  { name: "null", value: null, text: "null" },
  {
    name: "text",
    value: 'a "quoted" \u0000 \ud800 text',
    text: JSON.stringify('a "quoted" \u0000 \ud800 text'),
  },
  {
    name: "a plain object",
    value: { b: 1, a: [true, null, { 10: "x", 2: "y" }] },
    text: '{"b":1,"a":[true,null,{"2":"y","10":"x"}]}',
  },
  { name: "undefined", value: undefined, text: tag("undefined", null) },
  { name: "undefined in an object", value: { a: undefined }, text: `{"a":${tag("undefined", null)}}` },
  { name: "NaN", value: NaN, text: tag("number", "NaN") },
  {
    name: "Infinity",
    value: [Infinity, -Infinity],
    text: `[${tag("number", "Infinity")},${tag("number", "-Infinity")}]`,
  },
  { name: "-0", value: -0, text: tag("number", "-0") },
  { name: "0", value: 0, text: "0" },
  { name: "a bigint", value: -9007199254740993n, text: tag("bigint", "-9007199254740993") },
  { name: "a Date", value: new Date(1763800620123), text: tag("datetime", "2025-11-22T08:37:00.123+00:00") },
  { name: "an invalid Date", value: new Date(NaN), text: tag("datetime", null) },
  {
    name: "the first Date",
    value: new Date(-8.64e15),
    text: tag("datetime", "-271821-04-20T00:00:00.000+00:00"),
  },
  {
    name: "a Map",
    value: new Map<unknown, unknown>([
      ["a", 1],
      [new Date(0), 2n],
    ]),
    text: tag("map", [
      ["a", 1],
      [JSON.parse(tag("datetime", "1970-01-01T00:00:00.000+00:00")), JSON.parse(tag("bigint", "2"))],
    ]),
  },
  { name: "a Set", value: new Set([3, 1, 2]), text: tag("set", [3, 1, 2]) },
  { name: "bytes", value: new Uint8Array([0, 1, 254, 255]), text: tag("base64", "AAH+/w==") },
  { name: "no bytes", value: new Uint8Array(), text: tag("base64", "") },
  {
    name: "data that looks like a tag",
    value: { __type__: "datetime", __value__: "2020" },
    text: tag("object", [
      ["__type__", "datetime"],
      ["__value__", "2020"],
    ]),
  },
  {
    name: "data that almost looks like a tag",
    value: { __type__: 1, __value__: 2 },
    text: '{"__type__":1,"__value__":2}',
  },
  {
    name: "a reference",
    value: new Reference("qa.Comment", 7),
    text: tag("ref", { model: "qa.Comment", pk: 7 }),
  },
  {
    name: "a reference by two columns",
    value: new Reference("a.B", { x: "1", y: 2 }),
    text: tag("ref", { model: "a.B", pk: { x: "1", y: 2 } }),
  },
];

describe("both ways", () => {
  test.each(fixtures)("$name", ({ value, text }) => {
    expect(wire.encode(value)).toBe(text);
    expect(wire.decode(text)).toStrictEqual(value);
  });

  test("plain data is JSON.stringify's text, byte for byte", () => {
    const plain = { z: [1, 2.5, 1e21, "é\u2028"], a: { nested: [[], {}, ""] }, 7: null };
    expect(wire.encode(plain)).toBe(JSON.stringify(plain));
    // The same data beside something that is not plain takes the other way through the encoder.
    expect(wire.encode([plain, 1n])).toBe(`[${JSON.stringify(plain)},${tag("bigint", "1")}]`);
  });

  test("a Date of any time, and no text of a time that does not exist", () => {
    const times = [
      0, -1, 999, 951_782_400_000, 4_107_542_399_999, -62_135_596_800_000, -59_011_459_200_000,
      253_402_300_799_999, 8.64e15,
    ];
    for (let day = 0; day < 800; day++) times.push(Date.UTC(1999, 0, day, 23, 59, 59, 999));
    for (const time of times) expect((wire.decode(wire.encode(new Date(time))) as Date).getTime()).toBe(time);
    const wrong = [
      "2026-02-29",
      "1900-02-29",
      "2026-04-31",
      "2026-00-10",
      "2026-13-10",
      "2026-01-00",
      "2O26-01-01",
    ];
    for (const date of wrong) {
      expect(() => wire.decode(tag("datetime", `${date}T00:00:00.000+00:00`))).toThrow(DecodeError);
    }
    for (const time of ["24:00:00", "00:60:00", "00:00:60", "0a:00:00"]) {
      expect(() => wire.decode(tag("datetime", `2026-01-01T${time}.000+00:00`))).toThrow(DecodeError);
    }
    expect(wire.decode(tag("datetime", "2024-02-29T00:00:00.000+00:00"))).toStrictEqual(
      new Date(Date.UTC(2024, 1, 29)),
    );
  });

  test("an Error, with all that it has", () => {
    const cause = new RangeError("inner");
    const error = Object.assign(new TypeError("outer", { cause }), { status: 503, at: new Date(1) });
    const back = wire.decode(wire.encode(error)) as TypeError & { status: number; at: Date };
    expect(back).toBeInstanceOf(TypeError);
    expect(Object.getPrototypeOf(back)).toBe(TypeError.prototype);
    expect([back.message, back.stack, back.status, back.at]).toStrictEqual([
      "outer",
      error.stack,
      503,
      new Date(1),
    ]);
    expect(back.cause).toBeInstanceOf(RangeError);
    expect(Object.keys(back)).toStrictEqual(["status", "at"]);
    expect(Object.hasOwn(wire.decode(wire.encode(new Error())) as object, "message")).toBe(false);
  });

  test("what a getter keeps in its object when it is read for the first time", () => {
    const make = (): object => ({
      items: [1, 2],
      get sorted(): unknown {
        const held = this as { kept?: unknown; dated?: unknown };
        held.dated ??= new Map([[1, new Date(0)]]);
        return (held.kept ??= [2, 1]);
      },
    });
    for (const value of [make(), [make()], { a: { b: make() } }]) {
      const text = wire.encode(value);
      expect(text).toBe(wire.encode(value));
      expect(text).toContain('{"__type__":"map"');
      expect(text).toContain('{"__type__":"same"');
    }
  });

  test("megabytes", () => {
    const bytes = new Uint8Array(8_000_000).fill(7);
    expect(wire.decode(wire.encode({ bytes }))).toStrictEqual({ bytes });
    expect(() => wire.decode(`[${tag("same", `/${"a~1".repeat(3_000_000)}`)}]`)).toThrow(DecodeError);
  });

  test("Kombu's bytes are read", () => {
    expect(wire.decode(tag("bytes", "hé"))).toStrictEqual(new TextEncoder().encode("hé"));
  });
});

describe("identity", () => {
  test("two places of one object hold one object again", () => {
    const shared = { a: 1 };
    const text = wire.encode({ first: shared, "se/co~nd": [shared] });
    expect(text).toBe('{"first":{"a":1},"se/co~nd":[{"__type__":"same","__value__":"/first"}]}');
    const back = wire.decode(text) as { first: object; "se/co~nd": object[] };
    expect(back["se/co~nd"][0]).toBe(back.first);
    const other = wire.decode(wire.encode({ "se/co~nd": shared, b: shared })) as Record<string, object>;
    expect(other["b"]).toBe(other["se/co~nd"]);
  });

  test("cycles through objects, arrays, Maps, Sets and Errors", () => {
    const root: Record<string, unknown> = {};
    const map = new Map<unknown, unknown>([["root", root]]);
    map.set(map, new Set([root, map]));
    Object.assign(root, { list: [root], map, error: new Error("x", { cause: root }) });
    const back = wire.decode(wire.encode(root)) as typeof root & {
      list: unknown[];
      map: Map<unknown, unknown>;
      error: Error;
    };
    expect(back.list[0]).toBe(back);
    expect(back.map.get("root")).toBe(back);
    expect([...(back.map.get(back.map) as Set<unknown>)]).toStrictEqual([back, back.map]);
    expect(back.error.cause).toBe(back);
    expect(wire.encode(back)).toBe(wire.encode(root));
  });

  test("an object inside a tag-like object and inside a Map's key can be pointed at", () => {
    const inner = { x: 1 };
    const value = [{ __type__: "t", __value__: inner }, new Map([[{ key: inner }, inner]]), inner];
    const back = wire.decode(wire.encode(value)) as [
      { __value__: object },
      Map<{ key: object }, object>,
      object,
    ];
    const [[key, item]] = [...back[1]] as [[{ key: object }, object]];
    expect([key.key, item, back[2]].every((place) => place === back[0].__value__)).toBe(true);
  });

  test("output is linear in the graph", () => {
    let level: unknown[] = ["leaf"];
    for (let depth = 0; depth < 30; depth++) level = [level, level];
    const text = wire.encode(level);
    expect(text.length).toBeLessThan(5000);
    expect(wire.encode(wire.decode(text))).toBe(text);
  });

  test("10,000 levels", () => {
    let plain: unknown = 1;
    let rich: unknown = 1n;
    for (let depth = 0; depth < 10_000; depth++) {
      plain = depth % 2 ? [plain] : { a: plain };
      rich = depth % 2 ? new Set([rich]) : { a: rich, b: [1, "x"] };
    }
    for (const value of [plain, rich]) {
      const text = wire.encode(value);
      expect(wire.encode(wire.decode(text))).toBe(text);
    }
  });

  test("the writer for deep data gives JSON.stringify's text", () => {
    const value = { a: [1, { "b\n": [] }, "x"], c: null, d: {}, e: [[[true]]] };
    expect(stringifyDeep(value)).toBe(JSON.stringify(value));
    expect(stringifyDeep("x")).toBe('"x"');
  });
});

function refusals(value: unknown): Record<string, string> {
  try {
    wire.encode(value);
  } catch (error) {
    expect(error).toBeInstanceOf(EncodeError);
    return Object.fromEntries((error as EncodeError).refusals.map(({ path, kind }) => [path, kind]));
  }
  throw new Error("nothing was refused");
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe("refused", () => {
  class Socket {
    port = 1;
  }

  test("every place at once, with its path, its kind and what to do", () => {
    const payload = { post: { author: { socket: new Socket() } }, onDone() {}, ok: 1 };
    expect(() => wire.encode(payload)).toThrowErrorMatchingInlineSnapshot(`
      [EncodeError: Cannot send this value: 2 values cannot travel.
        value.post.author.socket   Socket (class instance)   register it as a value class, or send a reference to its row: ref(table, row)
        value.onDone               function                  functions never travel; send the data it needs]
    `);
  });

  test("each kind, named", () => {
    class Sub extends Map {}
    class Oops extends Error {}
    class List extends Array {}
    expect(
      refusals({
        f: () => {},
        s: Symbol("s"),
        p: Promise.resolve(1),
        w: new WeakMap(),
        g: (function* () {})(),
        sub: new Sub(),
        oops: new Oops(),
        list: new List(),
        symbols: { [Symbol("k")]: 1 },
        fake: Object.create(Date.prototype) as object,
        dressed: Object.assign(new Date(), { label: "x" }),
        map: new Map<unknown, unknown>([
          ["key", Symbol("v")],
          [Symbol("k"), 1],
        ]),
        set: new Set([1, Symbol("i")]),
        "odd key": [Symbol("x")],
        labelled: Object.assign(new Uint8Array(2), { label: "x" }),
        symbolic: Object.assign(new Error("x"), { [Symbol("k")]: 1 }),
        renamed: Object.defineProperty(new Error("x"), "name", { value: "Custom" }),
        given: (function (..._: unknown[]) {
          return arguments; // oxlint-disable-line prefer-rest-params
        })(1),
        math: Math,
        thrower: {
          get oops(): never {
            throw new Error("not now");
          },
        },
        revoked: revokedProxy(),
      }),
    ).toStrictEqual({
      "value.f": "function",
      "value.s": "symbol",
      "value.p": "Promise",
      "value.w": "WeakMap",
      "value.g": "Generator",
      "value.sub": "Sub (class instance)",
      "value.oops": "Oops (class instance)",
      "value.list": "List (class instance)",
      "value.symbols.keys()[0]": "symbol",
      "value.fake": "datetime",
      "value.dressed": "datetime with properties of its own",
      'value.map.get("key")': "symbol",
      "value.map.keys()[1]": "symbol",
      "value.set.values()[1]": "symbol",
      'value["odd key"][0]': "symbol",
      "value.labelled": "base64",
      "value.symbolic.keys()[0]": "symbol",
      "value.renamed": "error",
      "value.given": "Arguments",
      "value.math": "Math",
      "value.thrower": "object",
      "value.revoked": "object",
    });
  });

  test("what is not looked for: properties beside the items of a long view", () => {
    const long = Object.assign(new Uint8Array(65_537), { label: "x" });
    expect(wire.decode(wire.encode(long))).toStrictEqual(new Uint8Array(65_537));
    expect(refusals([Object.assign(new Uint8Array(65_536), { label: "x" })])).toStrictEqual({
      "value[0]": "base64",
    });
  });

  test("many places: the first hundred, and how many more", () => {
    const rows = Array.from({ length: 130_000 }, () => ({ url: new Socket() }));
    expect(() => wire.encode(rows)).toThrow(
      /130000 values cannot travel\.[^]*value\[99\]\.url .*\n {2}… and 129900 more$/,
    );
  });

  test("a hidden toJSON is not called", () => {
    const order = Object.defineProperty({ total: 5 }, "toJSON", { value: () => "summary" });
    expect(wire.encode({ order })).toBe('{"order":{"total":5}}');
  });

  test("a reference whose key is none", () => {
    for (const key of [NaN, -0, true, null, {}, { a: {} }, { a: 1, b: -0 }, [1]]) {
      expect(() => new Reference("a.B", key as never)).toThrow(
        expect.objectContaining({ code: "ERR_REFERENCE_KEY" }),
      );
    }
  });

  test("a reference to a model that is not there", () => {
    const models = [{ models: [{ name: "qa.Comment" }] }];
    const strict = createWire({ values: [storedRows(models)] });
    expect(strict.encode(new Reference("qa.Comment", 1))).toContain("qa.Comment");
    expect(() => strict.encode({ post: new Reference("qa.Coment", 1) })).toThrow(
      /value\.post\s+ref of qa\.Coment/,
    );
  });

  test("a row that knows its model travels as a reference", () => {
    class Row {
      id = 5;
    }
    const models = [
      {
        models: [{ name: "qa.Row" }],
        modelOf: (row: object) => (row instanceof Row ? "qa.Row" : undefined),
        keyOf: () => 5,
      },
    ];
    expect(createWire({ values: [storedRows(models)] }).encode({ row: new Row() })).toBe(
      `{"row":${tag("ref", { model: "qa.Row", pk: 5 })}}`,
    );
  });
});

describe("limits", () => {
  const limited = createWire({ limits: { bytes: 100, depth: 4, nodes: 20, bigintDigits: 10 } });
  const cases: [string, unknown][] = [
    ["bytes", "é".repeat(60)],
    ["depth", [[[[1n]]]]],
    ["nodes", Array.from({ length: 30 }, () => 1)],
    ["bigintDigits", 10n ** 10n],
    ["bigintDigits", -(10n ** 100_000n)],
  ];

  test.each(cases)("%s, written", (limit, value) => {
    expect(() => limited.encode(value)).toThrow(
      expect.objectContaining({ code: "ERR_PAYLOAD_LIMIT", limit }),
    );
  });

  test.each(cases.slice(0, 4))("%s, read", (limit, value) => {
    const text = wire.encode(value);
    expect(() => limited.decode(text)).toThrow(expect.objectContaining({ code: "ERR_PAYLOAD_LIMIT", limit }));
  });

  test.each([
    ["a".repeat(96) + "é", 98],
    ["é".repeat(50), 100],
    ["語".repeat(40), 120],
    ["😀".repeat(30), 120],
  ])("bytes are those of UTF-8: %s", (text, bytes) => {
    for (const run of [() => limited.encode(text), () => limited.decode(JSON.stringify(text))]) {
      // And the quotes.
      if (bytes + 2 <= 100) expect(run).not.toThrow();
      else expect(run).toThrow(expect.objectContaining({ limit: "bytes", received: bytes + 2 }) as Error);
    }
  });

  test("hold for what is written as for what is read", () => {
    const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown =>
      depth === 0 ? 1n : wrap(nested(depth - 1, wrap));
    const values = [
      [[[[[[1]]]]]],
      nested(4, (inner) => new Map([[1, inner]])),
      nested(6, (inner) => new Set([inner])),
      Array.from({ length: 12 }, () => new Date(0)),
      new Map(Array.from({ length: 9 }, (_, n) => [n, n])),
    ];
    for (let depth = 1; depth < 20; depth++) {
      for (let nodes = 1; nodes < 60; nodes += 3) {
        const bounded = createWire({ limits: { depth, nodes } });
        for (const value of values) {
          const fits = (run: () => unknown): boolean => attempt(run) !== undefined;
          const text = attempt(() => bounded.encode(value));
          if (text === undefined) expect(fits(() => bounded.decode(wire.encode(value)))).toBe(false);
          else expect(bounded.decode(text)).toStrictEqual(value);
        }
      }
    }
  });

  test("stop what would be far too long before it is put together", () => {
    const list: { next?: object; previous?: object }[] = [{}];
    for (let n = 1; n < 20_000; n++) list.push({ previous: (list[n - 1]!.next = {}) });
    for (let n = 1; n < 20_000; n++) list[n] = Object.assign(list[n - 1]!.next!, list[n]);
    for (let n = 1; n < 20_000; n++) list[n]!.previous = list[n - 1]!;
    expect(() => createWire({ limits: { bytes: 1e5 } }).encode(list[0])).toThrow(
      expect.objectContaining({ limit: "bytes" }),
    );
    const long = "x".repeat(2 ** 28);
    expect(() => wire.encode([long, long, 1n])).toThrow(expect.objectContaining({ limit: "bytes" }));
  });

  test("name themselves, their setting and its value", () => {
    expect(() => limited.encode("x".repeat(200))).toThrow(
      /limit `bytes`: 200, where 100 is allowed.*limits\.bytes/,
    );
  });

  test("where no graph has room, depth is told as it is, and pointers are as many as they are", () => {
    const shallow = createWire({ limits: { depth: 5 } });
    const deep = (levels: number): unknown => (levels === 0 ? 1n : [deep(levels - 1)]);
    expect(shallow.decode(shallow.encode(deep(4)))).toStrictEqual(deep(4));
    for (const levels of [5, 6, 8]) {
      expect(() => shallow.encode(deep(levels))).toThrow(
        expect.objectContaining({ limit: "depth", allowed: 5, received: 6 }),
      );
    }
    const known = Array.from({ length: 1000 }, (_, n) => ({ [`${"key".repeat(20)}${n}`]: { n } }));
    const often = [known, known.map((each) => Object.values(each)[0])];
    const back = shallow.decode(shallow.encode(often)) as [Record<string, object>[], object[]];
    expect(back).toStrictEqual(often);
    expect(back[1][7]).toBe(Object.values(back[0][7]!)[0]);
  });

  test("what fits, fits", () => {
    expect(limited.decode(limited.encode([[[1n]]]))).toStrictEqual([[[1n]]]);
    expect(limited.encode("é".repeat(49))).toHaveLength(51);
  });

  test.each([{ bites: 1 }, { bytes: 0 }, { depth: "5" }])("a wrong setting is refused: %o", (limits) => {
    expect(() => createWire({ limits: limits as object })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });
});

describe("undecodable", () => {
  const cases: [string, string, string][] = [
    ["no JSON", "{", "value"],
    ["an unknown type", `{"a":${tag("shop.Money", {})}}`, "value.a"],
    ["a global's name", `[${tag("Function", "x")}]`, "value[0]"],
    ["a property of Object.prototype", tag("constructor", "x"), "value"],
    ["a date that does not exist", `{"a":[${tag("datetime", "2026-02-30T00:00:00+00:00")}]}`, "value.a[0]"],
    ["a date that is a number", tag("datetime", 5), "value"],
    ["a number that is none", tag("number", "1"), "value"],
    ["a bigint with junk", tag("bigint", "0x10"), "value"],
    ["base64 with junk", tag("base64", "a?=="), "value"],
    ["a Map of no entries", tag("map", { a: 1 }), "value"],
    ["a Map with half an entry", tag("map", [["a"]]), "value"],
    [
      "a Map with a key twice",
      tag("map", [
        ["a", 1],
        ["a", 2],
      ]),
      "value",
    ],
    ["a Set that is an object", tag("set", { length: 3 }), "value"],
    ["an error named like a global", tag("error", { name: "Function", message: "x" }), "value"],
    ["an error whose message is an object", tag("error", { name: "Error", message: {} }), "value"],
    ["an error with another part", tag("error", { name: "Error", prototype: {} }), "value"],
    ["a reference with no key", tag("ref", { model: "a.B" }), "value"],
    ["a reference with an object in its key", tag("ref", { model: "a.B", pk: { a: {} } }), "value"],
    [
      "an escape with a key twice",
      tag("object", [
        ["a", 1],
        ["a", 2],
      ]),
      "value",
    ],
    ["an own __proto__", '{"a":{"__proto__":{"polluted":1}}}', "value.a"],
    ["a pointer to nowhere", `{"a":${tag("same", "/b")}}`, "value.a"],
    ["a pointer forward", `{"a":${tag("same", "/b")},"b":[]}`, "value.a"],
    ["a pointer forward, to bytes", `{"a":${tag("same", "/b")},"b":${tag("base64", "AA==")}}`, "value.a"],
    [
      "a view of memory that comes later",
      `[${tag("Uint8Array", [{ __type__: "same", __value__: "/1" }, 0, 1])},${tag("ArrayBuffer", "AA==")}]`,
      "value[0][0]",
    ],
    ["a pointer to itself", `[${tag("same", "/0")}]`, "value[0]"],
    [
      "a pointer into a Map's entries",
      `[${tag("map", [["a", 1]])},${tag("same", "/0/__value__/0")}]`,
      "value[1]",
    ],
    ["a pointer to a Date", `[${tag("datetime", null)},${tag("same", "/0")}]`, "value[1]"],
    ["a pointer through a prototype", `[${tag("same", "/__proto__")}]`, "value[0]"],
    ["a pointer that is no text", `[${tag("same", 5)}]`, "value[0]"],
    ["a malformed reference, in its place", `{"a":{"b":${tag("ref", { model: "a.B" })}}}`, "value.a.b"],
  ];

  test.each(cases)("%s", (_name, text, path) => {
    expect(() => wire.decode(text)).toThrow(DecodeError);
    expect(() => wire.decode(text)).toThrow(expect.objectContaining({ path }));
  });

  test("says the path, what was expected and found, and the types it knows", () => {
    expect(() => wire.decode(`{"fee":${tag("shop.Money", {})}}`)).toThrow(
      'Cannot decode value.fee: expected a type that is registered here, found string "shop.Money". This process knows none.',
    );
  });

  test("no text", () => {
    expect(() => wire.decode(5 as never)).toThrow(DecodeError);
  });

  test("no prototype was changed by any of it", () => {
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(Object.prototype)).toStrictEqual([]);
  });

  test("deep hostile text is an error of ours, never a RangeError", () => {
    const deep = "[".repeat(200_000) + "]".repeat(200_000);
    expect(() => wire.decode(deep)).toThrow(LimitError);
    expect(() =>
      wire.decode(
        tag("ref", { model: "a.B", pk: 1 }).replace('"pk":1', `"pk":${"[".repeat(9000)}${"]".repeat(9000)}`),
      ),
    ).toThrow(DecodeError);
  });
});
