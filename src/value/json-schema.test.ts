import { Ajv2020 } from "ajv/dist/2020.js";
import * as valibot from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createWire, type ValueEntry } from "../wire/index.ts";
import { anything, optional, schemaOf, value, Value } from "./index.ts";

class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {}

class Order extends Value("shop.Order", {
  id: Number,
  total: Money,
  lines: [Money],
  grid: [[Boolean]],
  placed: Date,
  receipt: Uint8Array,
  note: optional(String),
  fallback: optional(Money),
}) {}

class Temperature {
  readonly kelvin: number;
  constructor(kelvin: number) {
    this.kelvin = kelvin;
  }
}
const temperature = value(Temperature, {
  name: "physics.Temperature",
  fields: { kelvin: Number },
  create: ({ kelvin }) => new Temperature(kelvin),
});

class Fraction {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
const fraction = value(Fraction, {
  name: "math.Fraction",
  encode: ({ text }) => text,
  decode: (text: string) => new Fraction(text),
});

class Reading extends Value("physics.Reading", { at: Date, warm: temperature, parts: [fraction] }) {}

const values: ValueEntry[] = [Money, Order, temperature, fraction, Reading];
const wire = createWire({ values });

function validator(of: ValueEntry): (text: string) => boolean {
  const validate = new Ajv2020({ strict: true, strictTypes: false, validateFormats: false }).compile(
    schemaOf(of),
  );
  return (text) => validate(JSON.parse(text));
}

function decodes(text: string, of = wire): unknown {
  try {
    return of.decode(text);
  } catch {
    return undefined;
  }
}

const five = { amount: 5n, currency: "EUR" };
const order = new Order({
  id: 1,
  total: new Money(five),
  lines: [new Money(five), new Money({ amount: -(10n ** 30n), currency: "" })],
  grid: [[true], []],
  placed: new Date(1763800620123),
  receipt: new Uint8Array([1, 2, 3, 4]),
  note: "a \ud800 note",
});

describe("a field table", () => {
  test("is told as data", () => {
    expect(schemaOf(Money)).toStrictEqual({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $ref: "#/$defs/shop.Money",
      $defs: {
        "shop.Money": {
          type: "object",
          properties: {
            __type__: { const: "shop.Money" },
            __value__: {
              type: "object",
              properties: { amount: { $ref: "#/$defs/bigint" }, currency: { type: "string" } },
              required: ["amount", "currency"],
              additionalProperties: false,
            },
          },
          required: ["__type__", "__value__"],
          additionalProperties: false,
        },
        bigint: {
          type: "object",
          properties: {
            __type__: { const: "bigint" },
            __value__: { type: "string", pattern: "^(?:0|-?[1-9][0-9]*)$" },
          },
          required: ["__type__", "__value__"],
          additionalProperties: false,
        },
      },
    });
    expect(JSON.parse(JSON.stringify(schemaOf(Order)))).toStrictEqual(schemaOf(Order));
  });

  test("what is written is valid", () => {
    const validate = validator(Order);
    const numbers = [0, -0, NaN, Infinity, -Infinity, 1e300, 0.1];
    for (const id of numbers) expect(validate(wire.encode(order.with({ id })))).toBe(true);
    for (const time of [0, NaN, 8.64e15, -8.64e15, -62198755200000, 253402300800000]) {
      expect(validate(wire.encode(order.with({ placed: new Date(time) })))).toBe(true);
    }
    for (const length of [0, 1, 2, 3, 5_000_000]) {
      expect(validate(wire.encode(order.with({ receipt: new Uint8Array(length).fill(251) })))).toBe(true);
    }
    for (const amount of [0n, -1n, 10n, 10n ** 400n]) {
      expect(validate(wire.encode(order.with({ fallback: new Money({ ...five, amount }) })))).toBe(true);
    }
    const { note: _, ...rest } = { ...order };
    expect(validate(wire.encode(new Order(rest)))).toBe(true);
  });

  test("what would be refused is not valid; what is valid is read", () => {
    const validate = validator(Order);
    const text = wire.encode(order);
    let refused = 0;
    for (const changed of changes<Partial<Tagged>>(JSON.parse(text))) {
      const changedText = JSON.stringify(changed);
      const back = decodes(changedText);
      const { __value__: bytes } = changed.__value__?.receipt ?? {};
      // See below: lengths of bytes are not told.
      if (typeof bytes === "string" && bytes.length % 4 !== 0) continue;
      if (validate(changedText)) expect(back, changedText).toBeInstanceOf(Order);
      // Read and not valid: another form of what would be written in this one.
      else if (back instanceof Order) expect(wire.encode(back), changedText).not.toBe(changedText);
      else refused++;
    }
    expect(refused).toBeGreaterThan(500);
  });

  test("what it cannot tell", () => {
    const validate = validator(Order);
    const text = wire.encode(order);
    // A date that does not exist, bytes of a length that is none.
    for (const changed of [
      text.replace("2025-11-22", "2025-02-30"),
      text.replace('"AQIDBA=="', '"AQIDBA="'),
    ]) {
      expect(validate(changed)).toBe(true);
      expect(decodes(changed)).toBeUndefined();
    }
    // Forms of the wire's own: one instance in two places.
    const shared = wire.encode(order.with({ lines: [order.total] }));
    expect(validate(shared)).toBe(false);
    expect(decodes(shared)).toBeInstanceOf(Order);
  });

  test("of adopted classes, and those among its fields; of a pair of functions the name alone", () => {
    const validate = validator(temperature);
    expect(validate(wire.encode(new Temperature(-0)))).toBe(true);
    expect(validate('{"__type__":"physics.Temperature","__value__":{"kelvin":"1"}}')).toBe(false);
    const reading = new Reading({
      at: new Date(0),
      warm: new Temperature(280),
      parts: [new Fraction("1/2")],
    });
    const text = wire.encode(reading);
    expect(validator(Reading)(text)).toBe(true);
    expect(validator(Reading)(text.replace('"1/2"', "[true]"))).toBe(true);
    expect(validator(Reading)(text.replace('"math.Fraction"', '"shop.Money"'))).toBe(false);
    expect(validator(fraction)(wire.encode(new Fraction("1/2")))).toBe(true);
  });

  test("anything may be anything, and be missing", () => {
    class Box extends Value("shop.Box", { inside: anything }) {}
    const boxes = createWire({ values: [Box] });
    const validate = validator(Box);
    for (const inside of [1n, undefined, null, [new Map()]]) {
      expect(validate(boxes.encode(new Box({ inside })))).toBe(true);
    }
    const without = '{"__type__":"shop.Box","__value__":{}}';
    expect([validate(without), decodes(without, boxes) instanceof Box]).toEqual([true, true]);
  });
});

describe("a Standard Schema", () => {
  const tree = z.object({
    name: z.string().min(1),
    size: z.int().default(0),
    get children() {
      return z.array(tree);
    },
  });
  class Tree extends Value("garden.Tree", tree) {}
  class Garden extends Value("garden.Garden", { trees: [Tree], owner: optional(Money) }) {}
  const gardens = createWire({ values: [Tree, Garden, Money] });
  const leaf = () => ({ name: "leaf", size: 1, children: [] });
  const garden = new Garden({ trees: [new Tree({ name: "oak", children: [leaf(), leaf()] })] });

  test("is told by the library that it is of, its own references included", () => {
    const validate = validator(Garden);
    const text = gardens.encode(garden);
    expect(validate(text)).toBe(true);
    let refused = 0;
    for (const changed of changes(JSON.parse(text))) {
      const changedText = JSON.stringify(changed);
      const back = decodes(changedText, gardens);
      if (validate(changedText)) expect(back, changedText).toBeInstanceOf(Garden);
      else if (!(back instanceof Garden)) refused++;
    }
    expect(refused).toBeGreaterThan(100);
  });

  test("that cannot be told is refused, with what the library says", () => {
    class Dated extends Value("shop.Dated", z.object({ at: z.date() })) {}
    class Bare extends Value("shop.Bare", valibot.object({ a: valibot.string() })) {}
    class Outer extends Value("shop.Outer", { dated: optional(Dated) }) {}
    for (const [of, message] of [
      [Dated, /^The schema of shop\.Dated \(zod\) cannot be said as JSON Schema: Date cannot be/],
      [Outer, /shop\.Dated/],
      [
        Bare,
        /^The schema of shop\.Bare \(valibot\) has no ~standard\.jsonSchema, .* or declare a field table\.$/,
      ],
    ] as const) {
      expect(() => schemaOf(of)).toThrow(expect.objectContaining({ code: "ERR_VALUE_DEFINITION" }));
      expect(() => schemaOf(of)).toThrow(message);
    }
  });
});

test("what is no value class is refused", () => {
  for (const wrong of [null, {}, Date, "shop.Money"]) {
    expect(() => schemaOf(wrong as never)).toThrow(
      expect.objectContaining({
        code: "ERR_VALUE_DEFINITION",
        message: expect.stringMatching(/^schemaOf\(\) needs a value class/),
      }),
    );
  }
});

interface Tagged {
  readonly __value__: { readonly receipt?: { readonly __value__?: unknown } | null } | null;
}

/** Each change of one place in a JSON value: another value there, a key less, a key more. */
function* changes<Json>(whole: Json): Generator<Json> {
  const others = [null, true, 0, 1.5, -1, "", "5", "05", "-0", "NaN", "2026-01-01", [], [1], {}, { a: 1 }];
  const tags = ["number", "bigint", "datetime", "base64", "undefined", "set", "shop.Money", "shop.Nothing"];
  const inTags = tags.map((__type__) => ({ __type__, __value__: null }));
  const value = structuredClone(whole);
  // One place after another is changed, given out, and put back.
  const places: object[] = [value as object];
  for (let place = places.pop(); place; place = places.pop()) {
    const entries = place as Record<string, unknown>;
    for (const key of Object.keys(entries)) {
      const kept = entries[key];
      if (typeof kept === "object" && kept !== null) places.push(kept);
      for (const other of [...others, ...inTags, [kept], `${String(kept)}x`]) {
        entries[key] = other;
        yield value;
      }
      if (Array.isArray(place)) entries[key] = kept;
      else {
        const order = Object.entries({ ...entries, [key]: kept });
        delete entries[key];
        yield value;
        for (const [name] of order) delete entries[name];
        Object.assign(entries, Object.fromEntries(order));
      }
    }
    if (Array.isArray(place)) continue;
    entries["more"] = 1;
    yield value;
    delete entries["more"];
  }
}
