/** Random values of all kinds that travel, with sharing and cycles. @module */
import * as fc from "fast-check";
import { Lazy, Reference } from "../../src/model/index.ts";
import { Box, Money, Numbers, Point, Wrapped } from "./classes.ts";
import { make, platform } from "./kinds/kind.ts";

/** Keys of objects. */
export const keys: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 5, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 4 }) },
    fc.string({ unit: "binary", maxLength: 3 }),
    fc.constantFrom(
      "a",
      "b",
      "",
      "0",
      "10",
      "-1",
      "constructor",
      "toString",
      "then",
      "length",
      "__type__",
      "__value__",
      "a/b",
      "~",
    ),
  )
  .filter((key) => key !== "__proto__");

const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 8 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom("", "same", "/0", "2026-11-22T00:00:00.000+00:00", "__type__", "\ud800"),
);

const times = fc.oneof(
  fc.integer({ min: -8.64e15, max: 8.64e15 }),
  fc.constantFrom(NaN, 0, -1, 8.64e15, -8.64e15),
);

/** What JSON has a form for. */
export const plainScalars: fc.Arbitrary<unknown> = fc.oneof(
  texts,
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
  fc.integer(),
);

const bytes = fc.uint8Array({ maxLength: 24 });
const symbolKeys = fc.constantFrom("k", "", "other").map((key) => Symbol.for(key));
const temporal = (type: string, ...from: unknown[]): fc.Arbitrary<unknown> =>
  fc
    .constantFrom(...from)
    .map((given) => (platform(`Temporal.${type}`) as { from(of: unknown): unknown }).from(given));

/** What the fields of a row hold. */
function fields(): fc.Arbitrary<unknown> {
  return fc.oneof(
    plainScalars,
    fc.bigInt(),
    times.map((time) => new Date(time)),
    bytes,
    fc.constant(undefined),
    fc.array(fc.tuple(texts, fc.bigInt()), { maxLength: 2 }).map((entries) => new Map(entries)),
    fc.bigInt().map((amount) => new Money({ amount, currency: "EUR" })),
    plainScalars.map((given) => ({ __type__: "same", __value__: given })),
  );
}

/** Scalars and values without identity, by their kind. */
const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  plain: plainScalars,
  number: fc.constantFrom(-0, NaN, Infinity, -Infinity),
  bigint: fc.bigInt(),
  undefined: fc.constant(undefined),
  date: times.map((time) => new Date(time)),
  bytes,
  symbol: symbolKeys,
  boxed: fc
    .oneof(fc.double(), texts, fc.boolean(), fc.bigInt())
    .map((primitive) => Object(primitive) as object),
  regexp: fc
    .tuple(
      fc.constantFrom("a", "a\\/b", "(?<n>.)", "\\u0041"),
      fc.constantFrom("", "g", "dgimsuy", "v"),
      fc.nat(),
    )
    .map(([source, flags, lastIndex]) => Object.assign(new RegExp(source, flags), { lastIndex })),
  url: fc.webUrl().map((url) => new URL(url)),
  urlsearchparams: fc
    .array(fc.tuple(fc.string(), fc.string()), { maxLength: 3 })
    .map((pairs) => new URLSearchParams(pairs)),
  headers: fc
    .array(
      fc.tuple(
        fc.constantFrom("a", "x-b", "set-cookie"),
        fc.string({ unit: fc.constantFrom("a", "1", ";") }),
      ),
      { maxLength: 3 },
    )
    .map((pairs) => new Headers(pairs)),
  views: fc
    .tuple(
      fc.constantFrom(
        "Int8Array",
        "Uint16Array",
        "Float32Array",
        "Float64Array",
        "BigInt64Array",
        "DataView",
        "Uint8ClampedArray",
      ),
      bytes,
    )
    .map(([name, given]) =>
      make(name, Uint8Array.from({ length: given.length & ~7 }, (_, at) => given[at]!).buffer),
    ),
  // Not from a pool: a part of one, in two places, overlaps with itself.
  buffer: bytes.map((given) => Buffer.from(Uint8Array.from(given).buffer)),
  arraybuffer: fc
    .tuple(bytes, fc.nat({ max: 64 }), fc.boolean())
    .map(([{ length }, more, grows]) =>
      grows ? new ArrayBuffer(length, { maxByteLength: length + more }) : new ArrayBuffer(length),
    ),
  reference: fc
    .record({
      pk: fc.oneof(fc.integer(), texts, fc.bigInt()),
      details: fc.record(
        {
          connection: fc.constantFrom("main", "__proto__"),
          with: fc.array(fc.constantFrom("author", "author.company"), { maxLength: 3 }),
          scope: fc.constant("all" as const),
          from: fc.constantFrom("primary", "replica"),
          ifMissing: fc.constantFrom("fail", "skip", "wait", "null"),
          version: texts,
          digest: fc.record(
            { fields: fc.array(keys.filter(Boolean)), sha256: fc.constant("x") },
            { noNullPrototype: true },
          ),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
      was: fc.option(
        fc.dictionary(keys, fc.oneof(fields(), fc.array(fields(), { maxLength: 3 })), { maxKeys: 4 }),
        { nil: undefined },
      ),
      isLazy: fc.boolean(),
    })
    .map(({ pk, details, was, isLazy }) => {
      const [shared] = Object.values(was ?? {});
      const fields = was && { ...was, again: [shared, { shared }] };
      const reference = new Reference("a.B", pk, details, fields);
      return isLazy ? new Lazy(reference) : reference;
    }),
  ...("Temporal" in globalThis
    ? {
        temporal: fc.oneof(
          temporal("PlainDate", "2026-11-22", "-000001-06-15", "2026-11-22[u-ca=hebrew]"),
          temporal("PlainTime", "08:37:00.5", "00:00"),
          temporal("Instant", "2026-11-22T08:37:00.123456789Z"),
          temporal(
            "ZonedDateTime",
            "2026-10-25T02:30+01:00[Europe/Berlin]",
            "2026-10-25T02:30+02:00[Europe/Berlin]",
          ),
          temporal("PlainDateTime", "2026-11-22T08:37"),
          temporal("PlainYearMonth", "2026-11"),
          temporal("PlainMonthDay", "02-29"),
          temporal("Duration", "P1Y2DT3.5S", "-PT90M"),
        ),
      }
    : {}),
};

/** An object that is there before what it holds. */
interface Node {
  readonly value: object;
  fill(inside: readonly unknown[]): void;
}

type MakeNode = (keys: readonly string[]) => Node;

const own = (of: object, keys: readonly PropertyKey[], inside: readonly unknown[]): void => {
  for (const [at, key] of keys.entries()) {
    if (at >= inside.length || Object.hasOwn(of, key)) continue;
    Object.defineProperty(of, key, {
      value: inside[at],
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
};

const errors = [Error, TypeError, RangeError, SyntaxError];

/** Objects with identity, which may be in cycles. */
const nodes: Readonly<Record<string, MakeNode>> = {
  object: (keys) => {
    const value = {};
    return { value, fill: (inside) => own(value, keys, inside) };
  },
  array: () => {
    const value: unknown[] = [];
    return { value, fill: (inside) => void value.push(...inside) };
  },
  map: () => {
    const value = new Map();
    return {
      value,
      fill: (inside) => {
        for (let at = 0; at < inside.length; at++) value.set(inside[at], inside[inside.length - 1 - at]);
      },
    };
  },
  set: () => {
    const value = new Set();
    return { value, fill: (inside) => void inside.forEach((item) => value.add(item)) };
  },
  error: (keys) => {
    const value = new errors[keys.length % errors.length]!(keys[0]);
    return {
      value,
      fill: ([cause, ...inside]) => {
        Object.defineProperty(value, "cause", { value: cause, writable: true, configurable: true });
        own(
          value,
          keys.filter((key) => !["message", "stack", "cause", "errors"].includes(key)),
          inside,
        );
      },
    };
  },
  escape: () => {
    const value = { __type__: "set", __value__: undefined as unknown };
    return { value, fill: ([inside]) => void (value.__value__ = inside) };
  },
  aggregate: () => {
    const value = new AggregateError([], "all");
    return { value, fill: (inside) => void value.errors.push(...inside) };
  },
  bare: (keys) => {
    const value = Object.create(null) as object;
    return { value, fill: (inside) => own(value, [...keys, "__proto__", Symbol.for("k")], inside) };
  },
  symbols: (keys) => {
    const value = {};
    return { value, fill: (inside) => own(value, [Symbol.for("k"), ...keys, Symbol.for("")], inside) };
  },
  proto: (keys) => {
    const value = {};
    return { value, fill: (inside) => own(value, ["__proto__", ...keys], inside) };
  },
  sparse: (keys) => {
    const value: unknown[] = [];
    return {
      value,
      fill: (inside) => {
        for (const [at, item] of inside.entries()) value[at * 3 + 1] = item;
        own(
          value,
          keys.filter((key) => key !== "length" && !/^\d+$/.test(key)),
          inside,
        );
      },
    };
  },
};

/** Instances, made of what is finished. */
const classes: Readonly<Record<string, (inside: readonly unknown[], number: number) => unknown>> = {
  box: ([held]) => new Box({ held }),
  wrapped: (inside) => new Wrapped(inside),
  money: (_inside, number) => new Money({ amount: BigInt(number), currency: "EUR" }),
  point: (_inside, number) => new Point(number, -0),
  numbers: (_inside, number) => new Numbers({ list: [number, NaN] }),
  boxes: (inside) => [...inside, 1, 2, 3, 4].map((held) => new Box({ held })),
  moneys: (_inside, number) =>
    Array.from({ length: (number % 4) + 3 }, (_, at) => new Money({ amount: BigInt(at), currency: "EUR" })),
};

/** What kinds may be in a graph: all of them unless told. */
export interface GraphKinds {
  readonly scalars?: readonly string[];
  readonly nodes?: readonly string[];
  readonly classes?: readonly string[];
}

/** Graphs: nodes that hold each other in any way, instances that hold nodes and instances before them, and all of it in one. */
export function graphs(only: GraphKinds = {}): fc.Arbitrary<unknown> {
  const { scalars: scalarKinds = Object.keys(scalars), nodes: nodeKinds = Object.keys(nodes) } = only;
  const { classes: classKinds = Object.keys(classes) } = only;
  const scalar = fc.oneof(...scalarKinds.map((kind) => scalars[kind]!));
  /** A scalar, or the number of something that is made elsewhere. */
  const slots = fc.array(
    fc.oneof(
      scalar.map((value) => ({ value })),
      fc.nat({ max: 1_000 }).map((at) => ({ at })),
    ),
    { maxLength: 4 },
  );
  const node = fc.record({
    kind: fc.constantFrom(...nodeKinds),
    keys: fc.uniqueArray(keys, { maxLength: 4 }),
    slots,
  });
  const instance = fc.record({
    kind: fc.constantFrom("", ...classKinds),
    slots,
    number: fc.nat({ max: 99 }),
  });
  const parts = {
    scalar,
    nodes: fc.array(node, { maxLength: 8 }),
    instances: fc.array(instance, { maxLength: 6 }),
  };
  return fc.record(parts).map(({ scalar, nodes: given, instances }) => {
    const made = given.map(({ kind, keys }) => nodes[kind]!(keys));
    const all: unknown[] = made.map(({ value }) => value);
    const inside = (slots: readonly ({ value: unknown } | { at: number })[]): unknown[] =>
      slots.map((slot) =>
        "value" in slot ? slot.value : all.length > 0 ? all[slot.at % all.length] : slot.at,
      );
    // Nodes first, all of them whole, before any instance is made of them.
    for (const [at, { fill }] of made.entries()) fill(inside(given[at]!.slots));
    for (const { kind, slots, number } of instances) {
      all.push(kind === "" ? inside(slots) : classes[kind]!(inside(slots), number));
    }
    return all.length === 0 ? scalar : all.length % 2 ? all.at(-1) : all.toReversed();
  });
}
