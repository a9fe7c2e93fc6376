/** From the descriptions in vectors/ to values; vectors/README.md tells the notation. @module */
import { Lazy, Reference, Snapshot, type Key } from "../../src/model/index.ts";
import { Foreign } from "../../src/wire/index.ts";
import { Box, Money, Order, Point, Wrapped } from "./classes.ts";
import { make, platform } from "./kinds/kind.ts";

type Entry = [unknown, unknown];
type Making = (rest: readonly never[], build: Build) => unknown;

/** Builds what is inside. */
interface Build {
  (description: unknown): unknown;
  /** Called as soon as an object is there that its own insides may name. */
  readonly made: <Value>(value: Value) => Value;
}

/** The value that a description stands for. */
export function valueOf(description: unknown): unknown {
  const named = new Map<unknown, unknown>();
  const build = (inner: unknown, name?: unknown): unknown => {
    if (!Array.isArray(inner)) return inner;
    const [kind, ...rest] = inner as [string, ...never[]];
    if (kind === "at") return named.get(rest[0]);
    if (kind === "as") {
      const value = build(rest[1], rest[0]);
      named.set(rest[0], value);
      return value;
    }
    const made = <Value>(value: Value): Value => {
      if (name !== undefined) named.set(name, value);
      return value;
    };
    const making = makings[kind];
    if (!making) throw new Error(`no such description: ${kind}`);
    return making(
      rest,
      Object.assign((part: unknown) => build(part), { made }),
    );
  };
  return build(description);
}

function set(of: object, entries: readonly Entry[], build: Build, enumerable = true): object {
  for (const [key, value] of entries) {
    const property = { value: build(value), enumerable, writable: true, configurable: true };
    Object.defineProperty(of, build(key) as PropertyKey, property);
  }
  return of;
}

function bytesOf(hex: string): ArrayBuffer {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)).buffer;
}

function viewOf(name: string, buffer: ArrayBuffer, offset = 0, length = buffer.byteLength): object {
  if (name === "Buffer") return Buffer.from(buffer, offset, length);
  const { BYTES_PER_ELEMENT: size = 1 } = platform(name) as { BYTES_PER_ELEMENT?: number };
  return make(name, buffer, offset, length / size);
}

function fieldsOf(entries: readonly Entry[], build: Build): never {
  return Object.fromEntries(entries.map(([key, value]) => [key, build(value)])) as never;
}

const classes: Readonly<Record<string, (fields: never) => object>> = {
  "shop.Money": (fields) => new Money(fields),
  "shop.Order": (fields) => new Order(fields),
  "geo.Point": ({ x, y }) => new Point(x, y),
  "test.Box": (fields) => new Box(fields),
};

const makings: Readonly<Record<string, Making>> = {
  array: (items: readonly unknown[], build) => {
    const array = build.made<unknown[]>([]);
    for (const item of items) array.push(build(item));
    return array;
  },
  object: (entries: readonly Entry[], build) => set(build.made({}), entries, build),
  bare: (entries: readonly Entry[], build) => set(build.made(Object.create(null) as object), entries, build),
  sparse: ([length, ...entries]: readonly unknown[], build) => {
    const array = build.made<unknown[]>([]);
    array.length = length as number;
    return set(array, entries as Entry[], build);
  },
  number: ([text]) => Number(text),
  bigint: ([digits]) => BigInt(digits!),
  undefined: () => undefined,
  symbol: ([key]) => Symbol.for(key!),
  date: ([ms]) => new Date(ms ?? NaN),
  foreign: ([name, text]) => new Foreign(name!, text!),
  temporal: ([name, text]) => (platform(`Temporal.${name}`) as { from(text: unknown): unknown }).from(text),
  bytes: ([name, hex]) => viewOf(name!, bytesOf(hex!)),
  buffer: ([hex, most]) => {
    if (most === undefined) return bytesOf(hex!);
    const bytes = new Uint8Array(bytesOf(hex!));
    const buffer = new ArrayBuffer(bytes.length, { maxByteLength: most });
    new Uint8Array(buffer).set(bytes);
    return buffer;
  },
  view: ([name, buffer, offset, length], build) => viewOf(name!, build(buffer) as never, offset!, length!),
  map: (entries: readonly Entry[], build) => {
    const map = build.made(new Map());
    for (const [key, value] of entries) {
      const built = build(key);
      map.set(built, build(value));
    }
    return map;
  },
  set: (items: readonly unknown[], build) => {
    const made = build.made(new Set());
    for (const item of items) made.add(build(item));
    return made;
  },
  boxed: ([primitive], build) => Object(build(primitive)),
  regexp: ([source, flags, lastIndex]) => Object.assign(new RegExp(source!, flags), { lastIndex }),
  url: ([text]) => new URL(text!),
  urlsearchparams: ([text]) => new URLSearchParams(text),
  headers: (entries) => new Headers([...entries]),
  error: ([name, ...parts]: readonly unknown[], build) => errorOf(name as string, parts as Entry[], build),
  reference: (parts: readonly unknown[], build) => referenceOf(parts, build),
  lazy: (parts: readonly unknown[], build) => new Lazy(referenceOf(parts, build)),
  snapshot: ([model, key, ...columns]: readonly unknown[], build) =>
    new Snapshot(model as string, build(key) as Key, fieldsOf(columns as Entry[], build)),
  instance: ([name, ...fields]: readonly unknown[], build) =>
    classes[name as string]!(fieldsOf(fields as Entry[], build)),
  coded: ([_name, value], build) => new Wrapped(build(value)),
};

function referenceOf([model, key, ...parts]: readonly unknown[], build: Build): Reference {
  const { was, ...details } = fieldsOf(parts as Entry[], build) as { readonly was?: object };
  return new Reference(model as string, build(key) as Key, details, was);
}

function errorOf(name: string, parts: readonly Entry[], build: Build): object {
  const given = Object.fromEntries(parts) as Record<string, unknown>;
  const { domName, message } = given;
  const properties = parts.find(([part]) => part === "properties") as unknown[] | undefined;
  const error = build.made(
    name === "DOMException"
      ? new DOMException(message as string, domName as string)
      : name === "AggregateError"
        ? new AggregateError([])
        : (make(name) as Error),
  );
  Reflect.deleteProperty(error, "stack");
  const hidden = parts.filter(([part]) => !["properties", "domName"].includes(part as string));
  const own = hidden.filter(([part]) => part !== "message" || name !== "DOMException");
  set(error, own, build, false);
  return set(error, (properties?.slice(1) ?? []) as Entry[], build);
}
