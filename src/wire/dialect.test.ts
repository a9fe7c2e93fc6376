import { describe, expect, test } from "vitest";
import { refusals } from "../../test/wire/refusals.ts";
import { optional, Value } from "../value/index.ts";
import { Lazy, Reference, Snapshot, type ReferenceDetails } from "../model/index.ts";
import { Foreign, createWire } from "./index.ts";
import { storedRows } from "./stored-rows.ts";

class Money extends Value("shop.Money", { amount: Number, currency: String }) {}
class Cost extends Value("shop.Cost", { amount: BigInt, currency: String }) {}
class Tagged extends Value("qa.Tagged", { id: Number, tags: optional([String]) }) {}
class Coin extends Value("shop.Coin", { cents: Number }) {}

const wire = createWire({
  dialect: "portable",
  values: [storedRows(), Money, Coin],
  understands: ["shop.Money"],
});

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

  test("what Kombu knows of Python's own goes back as it came", () => {
    const values = {
      price: new Foreign("decimal", "19.90"),
      huge: new Foreign("decimal", "1.5E+999999999999999999"),
      key: new Foreign("uuid", "0".repeat(32)),
      at: new Foreign("datetime", "2026-01-02T03:04:05.678901+05:30"),
      naive: new Foreign("datetime", "2026-01-02T03:04:05"),
      day: new Foreign("date", "2026-01-02"),
      time: new Foreign("time", "01:02:03+00:00"),
    };
    const text = wire.encode(values);
    expect(JSON.parse(text)).toMatchObject({
      price: { __type__: "decimal", __value__: "19.90" },
      huge: { __type__: "decimal", __value__: "1.5E+999999999999999999" },
      key: { __type__: "uuid", __value__: { hex: "0".repeat(32) } },
    });
    // Some of it is Temporal's in between, where there is Temporal.
    expect(wire.encode(wire.decode(text))).toBe(text);
    const half = '{"__type__":"time","__value__":"01:02:03.500"}';
    expect(wire.encode(wire.decode(half.replace("500", "500000")))).toMatch(/03\.500(000)?"/);
  });

  test.each([
    ["decimal", "1e9999999999999999999"],
    ["decimal", "10e999999999999999999"],
    ["datetime", "2026-01-02T03:04:05+24:00"],
    ["time", "01:02:03-99:00"],
  ])("what Python has no %s for is none: %s", (tag, text) => {
    expect(() => new Foreign(tag, text)).toThrow(expect.objectContaining({ code: "ERR_VALUE_INVALID" }));
  });

  test("nothing is null", () => {
    expect(wire.encode(undefined)).toBe("null");
  });

  test.each([
    ["a time that ends in Z", new Foreign("datetime", "2026-01-02T03:04:05Z"), "no calendar or Z"],
    ["nanoseconds", new Foreign("time", "01:02:03.123456789"), "3 or 6 digits"],
    ["a calendar", new Foreign("date", "2026-01-02[u-ca=hebrew]"), "no calendar"],
    ["a day of the year 0", new Foreign("date", "0000-01-02"), "Python's years are 1 to 9999"],
    ["an instant of Temporal's", new Foreign("instant", "2026-01-02T03:04:05Z"), "does not know this type"],
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
      "what looks like a tag once undefined is left out",
      { __type__: "datetime", __value__: "2026-01-01T00:00:00", note: undefined },
      "Python would take it for a tag",
    ],
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

describe("references in the portable dialect", () => {
  const was = (fields: object, pk = 1, details?: ReferenceDetails): Reference =>
    new Reference("a.B", pk, details, fields);

  const portable = (...understands: string[]) =>
    createWire({ dialect: "portable", understands, values: [storedRows(), Cost] });
  const exact = createWire({ values: [storedRows(), Cost] });
  const saying = was({ id: 7, at: new Date(0), note: undefined }, 7, { ifMissing: "skip", with: ["author"] });

  test("a reference is refused, whatever it says", () => {
    for (const reference of [new Reference("a.B", 1), saying, new Lazy(saying)])
      expect(refusals(() => portable().encode({ reference }))).toStrictEqual([
        "value.reference | ref | the other side does not know this type; teach it, and say so in `understands`",
      ]);
  });

  test("taught, it has all of its content, its fields in the same dialect", () => {
    const taught = portable("ref");
    expect(JSON.parse(taught.encode(saying))).toStrictEqual({
      __type__: "ref",
      __value__: {
        model: "a.B",
        pk: 7,
        ifMissing: "skip",
        with: ["author"],
        was: { id: 7, at: { __type__: "datetime", __value__: "1970-01-01T00:00:00.000+00:00" } },
      },
    });
    const bad = was({ n: 5n, map: new Map(), fee: new Cost({ amount: 1n, currency: "EUR" }) });
    expect(refusals(() => taught.encode({ bad })).map((line) => line.split(" | ").slice(0, 2))).toStrictEqual(
      [
        ["value.bad.was.n", "bigint"],
        ["value.bad.was.map", "map"],
        ["value.bad.was.fee", "shop.Cost"],
      ],
    );
    const shared = [1];
    expect(taught.encode(was({ a: shared, b: shared }))).toContain('"was":{"a":[1],"b":[1]}');
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(refusals(() => taught.encode(was({ cycle })))[0]).toMatch(/^value\.was\.cycle\[0\] \| cycle/);
  });

  test("a bigint in its key is a tag of its own", () => {
    for (const pk of [5n, { a: 1, b: 5n }]) {
      expect(refusals(() => portable("ref").encode({ post: new Reference("a.B", pk) }))[0]).toMatch(
        /^value\.post \| ref \| its key is a bigint: Python does not know the tag; send a string/,
      );
      expect(portable("ref", "bigint").encode(new Reference("a.B", pk))).toContain('"bigint"');
    }
    expect(portable("ref").encode(new Reference("a.B", { a: 1, b: "x" }))).toContain('"pk":{"a":1,"b":"x"}');
  });

  test("lists are for those who were taught them, by name", () => {
    const list = [1, 2, 3, 4].map((pk) => new Reference("a.B", pk));
    const moneys = [1n, 2n, 3n, 4n].map((amount) => new Cost({ amount, currency: "EUR" }));
    for (const understands of [["ref"], ["ref", "table"], ["ref", "snapshots"]])
      expect(portable(...understands).encode(list)).toBe(`[${list.map((one) => exact.encode(one)).join()}]`);
    expect(portable("refs").encode(list)).toBe(exact.encode(list));
    expect(
      refusals(() => portable("ref", "refs").encode(list.map(() => new Reference("a.B", 5n)))),
    ).toHaveLength(4);
    const snapshots = [1, 2, 3, 4].map((pk) => new Snapshot("a.B", pk, { id: pk }));
    expect(portable("snapshots").encode(snapshots)).toBe(exact.encode(snapshots));
    expect(portable("snapshot").encode(snapshots)).not.toContain('"snapshots"');
    const some = [1, 2, 3, 4].map((pk) => new Snapshot("a.B", pk, { id: pk, note: undefined }));
    expect(portable("snapshot", "snapshots").encode(some)).toBe(portable("snapshot").encode(snapshots));
    expect(portable("undefined", "ref").encode([undefined])).toBe(exact.encode([undefined]));
    expect(portable("table", "shop.Cost").encode(moneys)).toBe(exact.encode(moneys));
    expect(refusals(() => portable("table", "bigint").encode(moneys))).toHaveLength(4);
    const posts = [1, 2, 3, 4].map((id) => new Tagged({ id }));
    const tagged = createWire({ dialect: "portable", values: [Tagged], understands: ["qa.Tagged", "table"] });
    expect(tagged.encode(posts)).toBe(`[${posts.map((post) => tagged.encode(post)).join()}]`);
    expect(portable("shop.Cost", "bigint").encode(moneys)).not.toContain('"table"');
    const most = 10n ** 4299n;
    expect(portable("bigint").encode(most)).toBe(exact.encode(most));
    expect(refusals(() => portable("bigint").encode({ more: [most * 10n] }))).toStrictEqual([
      "value.more[0] | bigint | Python reads no more than 4,300 digits; send a string",
    ]);
  });
});
