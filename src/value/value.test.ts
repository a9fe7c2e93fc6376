import * as valibot from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createWire } from "../wire/index.ts";
import { anything, optional, value, Value } from "./index.ts";

class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {
  plus(other: Money): this {
    return this.with({ amount: this.amount + other.amount });
  }
}

class Order extends Value("shop.Order", {
  id: Number,
  total: Money,
  lines: [Money],
  placed: Date,
  paid: Boolean,
  receipt: Uint8Array,
  note: optional(String),
  extra: anything,
}) {}

const five = new Money({ amount: 5n, currency: "EUR" });
const fields = {
  id: 1,
  total: five,
  lines: [five, five],
  placed: new Date(0),
  paid: true,
  receipt: new Uint8Array([1]),
  extra: new Map([[five, 1]]),
};
const wire = createWire({ values: [Money, Order] });

describe("Value()", () => {
  test("an instance arrives as an instance: nested, shared, with its methods", () => {
    const order = wire.decode(wire.encode(new Order(fields))) as Order;
    expect(order).toBeInstanceOf(Order);
    expect(order.equals(new Order(fields))).toBe(true);
    expect(order.lines[0]).toBe(order.total);
    expect(order.total.plus(five)).toStrictEqual(new Money({ amount: 10n, currency: "EUR" }));
    expect(order.placed).toStrictEqual(new Date(0));
    expect([...(order.extra as Map<Money, number>).keys()][0]).toBe(order.total);
    expect("note" in order).toBe(false);
  });

  test("readonly fields, with(), equals()", () => {
    expect(() => Object.assign(five, { amount: 6n })).toThrow(TypeError);
    expect(five.with({ currency: "USD" })).toStrictEqual(new Money({ amount: 5n, currency: "USD" }));
    expect(five.equals(five.with({}))).toBe(true);
    expect(five.equals(five.with({ amount: 6n }))).toBe(false);
    expect(five.equals({ amount: 5n, currency: "EUR" })).toBe(false);
    expect(() => five.with({ amount: 1 as never })).toThrow(
      expect.objectContaining({ code: "ERR_VALUE_INVALID" }),
    );
  });

  test("missing, extra and mistyped fields are refused, all at once, before the class's own code runs", () => {
    let ran = false;
    class Watched extends Value("x.Watched", { a: Number, b: [String], c: optional(Date) }) {
      constructor(given: { a: number; b: string[] }) {
        super(given);
        ran = true;
      }
    }
    expect(() => new Watched({ b: ["x", 5], c: 1, d: 1 } as never)).toThrowErrorMatchingInlineSnapshot(`
      [ValueError: Not a valid x.Watched: 4 issues.
        a   missing
        b.1   expected string, received number 5
        c   expected Date, received number 1
        d   not a field; there are a, b, c]
    `);
    expect(ran).toBe(false);
    const hostile = '{"__type__":"x.Watched","__value__":{"a":"5"}}';
    expect(() => createWire({ values: [Watched] }).decode(hostile)).toThrow(
      /a: expected number, received string "5"; b: missing\./,
    );
    expect(ran).toBe(false);
  });

  test("of many issues, the first hundred are told", () => {
    class Flags extends Value("x.Flags", { flags: [[Boolean]], name: String }) {}
    const many = Array.from({ length: 300 }, () => [true, 1]);
    const make = (): Flags => new Flags({ flags: many, name: "x", more: 1 } as never);
    expect(make).toThrow(/: 100 issues\.\n {2}flags\.0\.1 {3}expected boolean, received number 1\n/);
    // What was not looked at is not taken for right.
    const fields = `{"__type__":"x.Flags","__value__":{"flags":{"__type__":"same","__value__":"/0"},"name":"x"}}`;
    const wire = createWire({ values: [Flags] });
    expect(() => wire.decode(`[${JSON.stringify(many)},${fields}]`)).toThrow(/flags\.0\.1: expected boolean/);
    const extra = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`k${index}`, index]));
    expect(() => new Flags({ flags: [], name: "x", ...extra } as never)).toThrow(/: 100 issues/);
  });

  test("invariants in the constructor hold for what is received", () => {
    class Percent extends Value("x.Percent", { of: Number }) {
      constructor(given: { of: number }) {
        super(given);
        if (given.of > 100) throw new RangeError("over 100");
      }
    }
    const decode = () =>
      createWire({ values: [Percent] }).decode('[{"__type__":"x.Percent","__value__":{"of":101}}]');
    expect(decode).toThrow(
      /Cannot decode value\[0\]: expected a valid x\.Percent, found content that it refuses: over 100/,
    );
  });

  test("fields with other classes' instances, subclasses and properties beside the fields are refused at the send", () => {
    class Rich extends Money {}
    const labelled = Object.assign(new Money({ amount: 1n, currency: "EUR" }), { label: "x" });
    expect(() => wire.encode(new Rich({ amount: 1n, currency: "EUR" }))).toThrow(/Rich \(class instance\)/);
    expect(() => wire.encode([labelled])).toThrow(/value\[0\]\.label\s+field of shop\.Money\s+not a field/);
    expect(() => createWire({ values: [Order] }).encode(new Order(fields))).toThrow(
      /value\.total\s+Money \(class instance\)/,
    );
  });

  test("a field named like an own property of the received object's prototype is no field", () => {
    expect(() =>
      wire.decode(
        '{"__type__":"shop.Money","__value__":{"amount":{"__type__":"bigint","__value__":"1"},"__proto__":{"currency":"EUR"}}}',
      ),
    ).toThrow(/__proto__/);
    expect(() => Value("x.Bad", { with: String })).toThrow(
      expect.objectContaining({ code: "ERR_VALUE_DEFINITION" }),
    );
    expect(() => Value("x.Bad", { a: "text" as never })).toThrow(/x\.Bad\.a is declared as string "text"/);
  });

  test("a cycle through its create is refused", () => {
    const around: unknown[] = [];
    around.push(new Order({ ...fields, extra: { around } }));
    expect(() => wire.encode(around)).toThrow(/value\[0\]\.extra\.around\s+cycle through shop\.Order/);
  });

  test("a class that checks what it holds is never given something that is filled afterwards", () => {
    class Tags extends Value("x.Tags", { set: anything }) {
      constructor(given: { set: unknown }) {
        super(given);
        if (![...(given.set as Set<unknown>)].every((tag) => typeof tag === "string"))
          throw new Error("only strings");
      }
    }
    const text =
      '{"__type__":"set","__value__":[{"__type__":"x.Tags","__value__":{"set":{"__type__":"same","__value__":""}}},5]}';
    expect(() => createWire({ values: [Tags] }).decode(text)).toThrow(/around no class that it is in/);
  });

  test("a constructor that changes what it is given is refused at the send, and when received", () => {
    class Price extends Value("x.Price", { cents: Number }) {
      constructor({ cents }: { cents: number }) {
        super({ cents: cents * 100 });
      }
    }
    class Point extends Value("x.Point", { x: Number, y: Number }) {
      constructor(x: number, y: number) {
        super({ x, y });
      }
    }
    const both = createWire({ values: [Price, Point as never] });
    expect(() => both.encode(new Price({ cents: 3 }))).toThrow(
      /value\.cents\s+field of x\.Price\s+the class's own constructor/,
    );
    expect(() => both.decode('{"__type__":"x.Price","__value__":{"cents":3}}')).toThrow(
      /the class's own constructor/,
    );
    expect(() => both.encode(new Point(1, 2))).toThrow(/x\.Point/);
  });

  test("equals() sees what it can, and takes nothing for equal that it cannot see", () => {
    class Hidden {
      #n: number;
      constructor(n: number) {
        this.#n = n;
      }
      equals(other: Hidden): boolean {
        return this.#n === other.#n;
      }
    }
    class Any extends Value("x.Any", { it: anything }) {}
    const same = (one: unknown, other: unknown) => new Any({ it: one }).equals(new Any({ it: other }));
    expect(same(new URL("http://a"), new URL("http://b"))).toBe(false);
    expect(same(/a/, /b/)).toBe(false);
    expect([same(new Hidden(1), new Hidden(1)), same(new Hidden(1), new Hidden(2))]).toStrictEqual([
      true,
      false,
    ]);
    expect(
      same([new Set([1, [2]]), NaN, new Uint8Array([1])], [new Set([1, [2]]), NaN, new Uint8Array([1])]),
    ).toBe(true);
    expect(same({ a: undefined }, {})).toBe(false);
    // oxlint-disable-next-line no-sparse-arrays
    expect([same([1, , 3], [9, , 3]), same([1, , 3], [1, , 3])]).toStrictEqual([false, true]);
    const [cyclic, alike]: unknown[][] = [[], []];
    cyclic!.push(cyclic);
    alike!.push(alike);
    expect(same(cyclic, alike)).toBe(true);
    let [left, right]: unknown[][] = [[1], [1]];
    for (let depth = 0; depth < 10_000; depth++)
      [left, right] = [
        [left, left],
        [right, right],
      ];
    expect(same(left, right)).toBe(true);
  });

  test("a class may have fields of its own making beside the declared ones, when they are private", () => {
    class Cached extends Value("x.Cached", { a: Number }) {
      #doubled = 0;
      get doubled(): number {
        return (this.#doubled ||= this.a * 2);
      }
    }
    const back = createWire({ values: [Cached] });
    expect((back.decode(back.encode(new Cached({ a: 2 }))) as Cached).doubled).toBe(4);
  });
});

describe("Value() with a Standard Schema", () => {
  class Point extends Value("geo.Point", z.object({ x: z.number(), y: z.number().default(0) })) {
    get length(): number {
      return Math.hypot(this.x, this.y);
    }
  }
  class Name extends Value(
    "x.Name",
    valibot.object({ name: valibot.pipe(valibot.string(), valibot.minLength(1)) }),
  ) {}
  const both = createWire({ values: [Point, Name] });

  test("zod and valibot", () => {
    expect((both.decode(both.encode(new Point({ x: 3 }))) as Point).length).toBe(3);
    expect(both.decode(both.encode(new Name({ name: "a" })))).toStrictEqual(new Name({ name: "a" }));
    expect(() => new Name({ name: "" })).toThrow(
      /Not a valid x\.Name: 1 issue\.\n {2}name {3}Invalid length/,
    );
    expect(() => both.decode('{"__type__":"geo.Point","__value__":{"x":"3"}}')).toThrow(
      /expected a valid geo\.Point, found x: /,
    );
  });

  test("a schema that changes its own output is refused at the send", () => {
    class Shifty extends Value("x.Shifty", z.object({ n: z.number().transform((n) => n + 1) })) {}
    expect(() => createWire({ values: [Shifty] }).encode(new Shifty({ n: 1 }))).toThrow(
      /the schema changes its own output/,
    );
  });

  test("what a schema would drop or change is refused when received, and that says who would", () => {
    for (const content of ['{"x":3,"y":0,"z":1}', '{"y":0,"x":3,"":1}']) {
      expect(() => both.decode(`{"__type__":"geo.Point","__value__":${content}}`)).toThrow(
        /the schema, or the class's own constructor, changes it/,
      );
    }
  });

  test("a schema's fields cannot hide an instance's methods", () => {
    class Hiding extends Value("x.Hiding", z.object({ with: z.string() })) {}
    expect(() => new Hiding({ with: "x" })).toThrow(/a field cannot have this name/);
  });

  test("an asynchronous schema is refused", () => {
    class Slow extends Value("x.Slow", valibot.objectAsync({ a: valibot.string() })) {}
    expect(() => new Slow({ a: "x" })).toThrow(expect.objectContaining({ code: "ERR_VALUE_DEFINITION" }));
  });
});

describe("value()", () => {
  class Address extends URL {}
  class Temperature {
    readonly #kelvin: number;
    constructor(kelvin: number) {
      if (!(kelvin >= 0)) throw new RangeError("below zero");
      this.#kelvin = kelvin;
    }
    get kelvin(): number {
      return this.#kelvin;
    }
  }

  test("by fields and create", () => {
    const adopted = createWire({
      values: [
        value(Temperature, {
          name: "x.T",
          fields: { kelvin: Number },
          create: ({ kelvin }) => new Temperature(kelvin),
        }),
      ],
    });
    expect((adopted.decode(adopted.encode(new Temperature(5))) as Temperature).kelvin).toBe(5);
    expect(() => adopted.decode('{"__type__":"x.T","__value__":{"kelvin":"5"}}')).toThrow(
      /kelvin: expected number/,
    );
    expect(() => adopted.decode('{"__type__":"x.T","__value__":{"kelvin":-5}}')).toThrow(/below zero/);
    expect(() => adopted.decode('{"__type__":"x.T","__value__":"text"}')).toThrow(
      /x\.T: an object of fields/,
    );
  });

  test("by encode and decode, with any value between them", () => {
    const adopted = createWire({
      values: [
        value(Address, { name: "x.Url", encode: String, decode: (text: string) => new Address(text) }),
        value(Temperature, {
          name: "x.T",
          encode: (t) => [t.kelvin, new Date(0)] as const,
          decode: ([kelvin]) => new Temperature(kelvin),
        }),
      ],
    });
    const text = adopted.encode({ url: new Address("http://a.b/c"), t: new Temperature(1) });
    expect(text).toContain('{"__type__":"x.Url","__value__":"http://a.b/c"}');
    const back = adopted.decode(text) as { url: URL; t: Temperature };
    expect([back.url.pathname, back.t.kelvin]).toStrictEqual(["/c", 1]);
    expect(() => adopted.decode('[{"__type__":"x.Url","__value__":"no url"}]')).toThrow(
      /value\[0\]: expected a valid x\.Url/,
    );
  });

  test("what decode makes must be what was sent", () => {
    const wrong = createWire({
      values: [value(Address, { name: "x.Url", encode: String, decode: () => ({}) as Address })],
    });
    expect(() => wrong.decode('{"__type__":"x.Url","__value__":"x"}')).toThrow(
      /decode\(\) returned object, not an instance of Address itself/,
    );
  });
});

describe("names", () => {
  test.each(["Money", "", "shop.", "shop Money", 5, "map"])("%o is refused", (name) => {
    expect(() => Value(name as string, {})).toThrow(expect.objectContaining({ code: "ERR_TYPE_NAME" }));
  });

  test("a name or a class twice is refused, and what is no value class", () => {
    class Other extends Value("shop.Money", {}) {}
    expect(() => createWire({ values: [Money, Other] })).toThrow(/Two value classes are named shop\.Money/);
    expect(() => createWire({ values: [Money, Money] })).toThrow(
      expect.objectContaining({ code: "ERR_TYPE_NAME" }),
    );
    expect(() => createWire({ values: [null as never] })).toThrow(/values holds null/);
    const dates = value(Date, { name: "x.Date", encode: Number, decode: (time: number) => new Date(time) });
    expect(() => createWire({ values: [dates] })).toThrow(/x\.Date stands for Date, which travels as itself/);
    expect(() => createWire({ values: [URL as never] })).toThrow(
      /values holds function, which is no value class/,
    );
  });
});
