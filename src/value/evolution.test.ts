import { describe, expect, test, vi } from "vitest";
import { createWire, DecodeError, type ValueEntry } from "../wire/index.ts";
import { optional, retired, value, Value, type Upgrades } from "./index.ts";

/** The class over three releases, as one process each would have it. */
class First extends Value("shop.Money", { cents: Number }) {}
class Second extends Value(
  "shop.Money",
  { cents: Number, currency: String },
  { version: 2, upgrade: { 1: (data) => ({ ...data, currency: "EUR" }) } },
) {}
class Third extends Value(
  "pay.Amount",
  { amount: BigInt, currency: String, note: optional(String) },
  {
    version: 3,
    aliases: ["shop.Money"],
    upgrade: {
      1: (data: { cents: number; currency?: string }) => {
        data.currency = "EUR";
        return data;
      },
      2: ({ cents, currency }) => ({ amount: BigInt(cents as number), currency }),
    },
  },
) {}

const [first, second, third] = [First, Second, Third].map((type) => createWire({ values: [type] }));
const five = new Third({ amount: 5n, currency: "EUR" });

function thrown(run: () => unknown): DecodeError {
  try {
    run();
  } catch (error) {
    if (error instanceof DecodeError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("versions", () => {
  test("version 1 is written as the name alone, later ones with their number", () => {
    expect(first!.encode(new First({ cents: 5 }))).toBe('{"__type__":"shop.Money","__value__":{"cents":5}}');
    expect(third!.encode([new Third({ amount: 5n, currency: "EUR" })])).toMatch(/"__type__":"pay.Amount@3"/);
  });

  test("each older one is upgraded step by step, nested, shared and under its former name", () => {
    const money = new First({ cents: 5 });
    const text = first!.encode({ one: money, same: [money], map: new Map([["k", money]]) });
    const read = third!.decode(text) as { one: Third; same: [Third]; map: Map<string, Third> };
    expect(read.one).toStrictEqual(five);
    expect([read.same[0], read.map.get("k")]).toStrictEqual([five, five]);
    expect(read.same[0]).toBe(read.one);
    expect(third!.decode(second!.encode(new Second({ cents: 5, currency: "EUR" })))).toStrictEqual(five);
    expect(third!.decode(third!.encode(five))).toStrictEqual(five);
    expect(third!.decode('{"__type__":"pay.Amount","__value__":{"cents":5}}')).toStrictEqual(five);
  });

  test("in a graph as well", () => {
    let chain: unknown = new First({ cents: 5 });
    for (let depth = 0; depth < 200; depth++) chain = { chain };
    const wires = [First, Third].map((type) => createWire({ values: [type], limits: { depth: 50 } }));
    const text = wires[0]!.encode(chain);
    expect(text).toMatch(/^{"__type__":"graph".*\["shop.Money","cents"\]/);
    let read = wires[1]!.decode(text);
    while (!(read instanceof Third)) read = (read as { chain: unknown }).chain;
    expect(read).toStrictEqual(five);
  });

  test("what is newer, or was under another name, is unknown, and the error says what is known", () => {
    const error = thrown(() => second!.decode('[{"__type__":"shop.Money@3","__value__":{}}]'));
    expect(error).toMatchObject({ code: "ERR_TYPE_UNKNOWN", path: "value[0]" });
    expect(error.message).toMatch(
      /found string "shop.Money@3"\. This process knows shop\.Money, shop\.Money@2\.$/,
    );
    for (const name of ["shop.Money@1", "shop.Money@0", "shop.Money@02", "shop.Money@4", "shop.Money@"])
      expect(thrown(() => third!.decode(`{"__type__":"${name}","__value__":{"cents":5}}`)).code).toBe(
        "ERR_TYPE_UNKNOWN",
      );
  });

  test("the data of an older version are checked by the present field table, before the class has them", () => {
    const error = thrown(() => second!.decode('[{"__type__":"shop.Money","__value__":{"cents":"5","x":1}}]'));
    expect(error).toMatchObject({ code: "ERR_TEXT_UNDECODABLE", path: "value[0]" });
    expect(error.found).toMatch(/cents: expected number.*x: not a field/);
    for (const content of [
      "5",
      "null",
      "[]",
      '{"__proto__":{"cents":5}}',
      '{"cents":{"__type__":"no","__value__":1}}',
    ])
      thrown(() => second!.decode(`{"__type__":"shop.Money","__value__":${content}}`));
    expect(Object.prototype).not.toHaveProperty("cents");
  });

  test("a class with encode and decode: the step is given what encode returned", () => {
    class Decimal {
      readonly digits: string;
      constructor(digits: string) {
        this.digits = digits;
      }
    }
    const now = value(Decimal, {
      name: "shop.Decimal",
      version: 2,
      upgrade: { 1: (form: number) => form.toFixed(2) },
      encode: ({ digits }) => digits,
      decode: (digits: string) => new Decimal(digits),
    });
    const wire = createWire({ values: [now] });
    expect(wire.encode(new Decimal("1.5"))).toBe('{"__type__":"shop.Decimal@2","__value__":"1.5"}');
    expect(wire.decode('{"__type__":"shop.Decimal","__value__":1.5}')).toStrictEqual(new Decimal("1.50"));
    expect(thrown(() => wire.decode('[{"__type__":"shop.Decimal","__value__":"1"}]')).found).toMatch(
      /the upgrade of shop.Decimal from version 1 threw: /,
    );
  });

  test("a class with fields and create", () => {
    class Point {
      readonly x: number;
      constructor(x: number) {
        this.x = x;
      }
    }
    const point = value(Point, {
      name: "geo.Point",
      aliases: ["geo.Spot"],
      fields: { x: Number },
      create: ({ x }) => new Point(x),
    });
    const wire = createWire({ values: [point] });
    expect(wire.decode('{"__type__":"geo.Spot","__value__":{"x":3}}')).toStrictEqual(new Point(3));
    expect(wire.encode(new Point(3))).toBe('{"__type__":"geo.Point","__value__":{"x":3}}');
  });
});

describe("a step that goes wrong", () => {
  test.each<[string, () => unknown, RegExp]>([
    ["throws", () => [].at(0)!, /upgrade of x.A from version 1 returned undefined, not an object of fields/],
    ["returns a scalar", () => 5, /returned number 5/],
    ["returns an array", () => [], /returned Array/],
    ["is async", async () => ({ a: 1 }), /returned Promise/],
    ["returns other fields", () => ({ b: 1 }), /a: missing; b: not a field/],
    [
      "throws something strange",
      () => {
        throw Object.create(null);
      },
      /from version 1 threw: /,
    ],
    [
      "throws an error of the wire's",
      () => createWire().decode("{"),
      /from version 1 threw: Cannot decode value: expected JSON/,
    ],
  ])("and %s is a DecodeError with path and type", (_, step, found) => {
    class A extends Value("x.A", { a: Number }, { version: 2, upgrade: { 1: step } }) {}
    const wire = createWire({ values: [A] });
    const error = thrown(() => wire.decode('{"list":[1,{"__type__":"x.A","__value__":{}}]}'));
    expect(error).toMatchObject({
      code: "ERR_TEXT_UNDECODABLE",
      path: "value.list[1]",
      expected: "a valid x.A",
    });
    expect(error.found).toMatch(found);
    const graph = '{"__type__":"graph","__value__":{"shapes":[["x.A"]],"nodes":[[0]]}}';
    expect(thrown(() => wire.decode(graph)).code).toBe("ERR_TEXT_UNDECODABLE");
  });
});

describe("a declaration that cannot work", () => {
  const upgrade: Upgrades<Record<string, unknown>> = { 1: (data) => data };
  test.each<[string, () => unknown, string, RegExp]>([
    [
      "version 0",
      () => Value("x.A", {}, { version: 0 }),
      "ERR_VALUE_DEFINITION",
      /x\.A has version number 0/,
    ],
    [
      "version 1.5",
      () => Value("x.A", {}, { version: 1.5, upgrade }),
      "ERR_VALUE_DEFINITION",
      /version number 1.5/,
    ],
    [
      "version text",
      () => Value("x.A", {}, { version: "2" as never, upgrade }),
      "ERR_VALUE_DEFINITION",
      /string "2"/,
    ],
    [
      "no upgrade",
      () => Value("x.A", {}, { version: 2 }),
      "ERR_VALUE_DEFINITION",
      /no upgrade from version 1/,
    ],
    [
      "a missing step",
      () => Value("x.A", {}, { version: 3, upgrade }),
      "ERR_VALUE_DEFINITION",
      /from version 2/,
    ],
    [
      "a step from itself",
      () => Value("x.A", {}, { upgrade }),
      "ERR_VALUE_DEFINITION",
      /upgrade from 1, .* version 1/,
    ],
    [
      "a step from nowhere",
      () => Value("x.A", {}, { version: 2, upgrade: { ...upgrade, 0: (data) => data } }),
      "ERR_VALUE_DEFINITION",
      /upgrade from 0/,
    ],
    [
      "a step that is no function",
      () => Value("x.A", {}, { version: 2, upgrade: { 1: "x" as never } }),
      "ERR_VALUE_DEFINITION",
      /no upgrade from version 1/,
    ],
    ["an alias of its own name", () => Value("x.A", {}, { aliases: ["x.A"] }), "ERR_TYPE_NAME", /x\.A twice/],
    ["an alias twice", () => Value("x.A", {}, { aliases: ["x.B", "x.B"] }), "ERR_TYPE_NAME", /x\.B twice/],
    [
      "an alias that is no name",
      () => Value("x.A", {}, { aliases: ["x.B@2"] }),
      "ERR_TYPE_NAME",
      /an alias of x\.A/,
    ],
    ["a retired name that is none", () => retired("map"), "ERR_TYPE_NAME", /reserved/],
    [
      "a retired version that is none",
      () => retired("x.A", { version: 0 }),
      "ERR_VALUE_DEFINITION",
      /version/,
    ],
    ["a use that is none", () => retired("x.A", { use: 1 as never }), "ERR_VALUE_DEFINITION", /no function/],
  ])("%s is refused", (_, declare, code, message) => {
    expect(declare).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  test.each<[string, () => ValueEntry[]]>([
    ["two classes with one alias", () => [Second, Third]],
    ["an alias and a retired name", () => [Third, retired("shop.Money")]],
    ["a retired name and its alias", () => [retired("x.A"), retired("x.B", { aliases: ["x.A"] })]],
  ])("%s", (_, values) => {
    expect(() => createWire({ values: values() })).toThrow(
      expect.objectContaining({ code: "ERR_TYPE_NAME" }),
    );
  });
});

describe("retired()", () => {
  const written = first!.encode([new First({ cents: 5 })]);

  test("its instances cannot be read, and that says why", () => {
    const error = thrown(() => createWire({ values: [retired("shop.Money")] }).decode(written));
    expect(error).toMatchObject({ code: "ERR_TEXT_UNDECODABLE", path: "value[0]" });
    expect(error.message).toMatch(
      /expected a valid shop.Money, found the value: shop.Money is retired, and nothing takes its place/,
    );
  });

  test("`use` says what takes their place, in every version and under every name", () => {
    const use = ({ cents, currency }: Record<string, unknown>, version: number) => ({
      cents,
      currency,
      version,
    });
    const wire = createWire({ values: [retired("pay.Cents", { version: 2, aliases: ["shop.Money"], use })] });
    expect(wire.decode(written)).toStrictEqual([{ cents: 5, currency: undefined, version: 1 }]);
    expect(wire.decode(second!.encode(new Second({ cents: 5, currency: "USD" })))).toStrictEqual({
      cents: 5,
      currency: "USD",
      version: 2,
    });
    expect(thrown(() => wire.decode(third!.encode(five))).code).toBe("ERR_TYPE_UNKNOWN");
  });

  test("what takes the place is asked for once, also where that is nothing", () => {
    const use = vi.fn(() => null);
    const wire = createWire({ values: [retired("x.Gone", { use })] });
    expect(wire.decode('{"__type__":"x.Gone","__value__":{}}')).toBeNull();
    expect(use).toHaveBeenCalledTimes(1);
  });

  test("an instance of another class may; what stands for it may be any value", () => {
    const use = (cents: unknown) => new Third({ amount: BigInt(cents as number), currency: "EUR" });
    const wire = createWire({ values: [Third, retired("x.Cents", { layout: "value", use })] });
    expect(wire.decode('{"__type__":"x.Cents","__value__":5}')).toStrictEqual(five);
    expect(thrown(() => wire.decode('[{"__type__":"x.Cents","__value__":"five"}]'))).toMatchObject({
      path: "value[0]",
      expected: "a valid x.Cents",
    });
    const later = createWire({ values: [retired("x.Cents", { use: async () => 1 })] });
    expect(thrown(() => later.decode('{"__type__":"x.Cents","__value__":{}}')).found).toMatch(/is a Promise/);
  });
});
