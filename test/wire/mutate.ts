/** Changes to valid texts: to their structure, and to their characters. @module */
import { corpus } from "./corpus.ts";
import { canary, code } from "./guard.ts";
import type { Random } from "./random.ts";

type Container = unknown[] | Record<string, unknown>;

/** A place in a tree: what holds it, and under which key. */
interface Spot {
  readonly holder: Container;
  readonly key: string;
}

const names = ["number", "bigint", "undefined", "symbol", "datetime", "base64", "bytes", "map", "set", "object", "bare",
  "array", "boxed", "error", "regexp", "url", "urlsearchparams", "headers", "date", "time", "instant", "zoned", "local",
  "month", "day", "duration", "decimal", "uuid", "ref", "refs", "snapshot", "snapshots", "table", "same", "graph", "Buffer",
  "ArrayBuffer", "SharedArrayBuffer", "DataView", "Uint8Array", "Int8Array", "Float64Array", "BigInt64Array", "Float16Array",
  "shop.Money", "shop.Order", "geo.Point", "test.Box", "test.Wrapped", "test.Numbers", "test.Tally", "shop.Money@2",
  "{}", "[]", canary, `x.${canary}`, "constructor", "__proto__", "Function", "eval", "", "shop.Money@", "a.b.c"]; // prettier-ignore
const keys = ["__proto__", "constructor", "prototype", "__type__", "__value__", "then", "toJSON", "toString", "length", "name",
  "message", "stack", "cause", "errors", "properties", "domName", "model", "pk", "lazy", "was", "with", "connection",
  "scope", "from", "ifMissing", "ifChanged", "version", "digest", "sha256", "fields", "keys", "type", "columns",
  "rows", "shapes", "nodes", "amount", "held", "list", "x", "0", "-1", "", "hasOwnProperty"]; // prettier-ignore
const scalars = [null, true, false, 0, -0, -1, 1, 1.5, 255, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -1e308, "", "0", "-0",
  "NaN", "Infinity", "1", "-", "00", "=", "A", "AA==", "/", "/0", "/__proto__", "/0/__value__", "~", "/~2", "\ud800", "\u0000",
  "2026-02-30T00:00:00.000+00:00", "9".repeat(400), "a".repeat(300), canary, code, "(a+)+$", "Error", "AbortError", "http://",
  "all", "primary", "replica", "fail", "skip", "wait", "null", "run"]; // prettier-ignore
const pieces = ['{"__type__":', '"__value__":', "[", "]", "{", "}", ",", ":", '"', "\\u005f", "\\ud800", "1e400", "-0", "null",
  '"__proto__":{"polluted":1},', '"__type__":"same",', "[[", "]]", "\\", "\u0000", "0", "\ufeff", " "]; // prettier-ignore

/** A text made of another by some changes. */
export function mutate(text: string, random: Random): string {
  const changes = 1 + random.below(4);
  if (random.next() < 0.25) return mutateText(text, changes, random);
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    return mutateText(text, changes, random);
  }
  const root = { root: tree };
  for (let change = 0; change < changes; change++) mutateTree(root, random);
  const changed = JSON.stringify(root.root) ?? "null";
  return random.next() < 0.1 ? mutateText(changed, 1, random) : changed;
}

/** Sets an own property, `__proto__` too. */
function put(holder: Container, key: string, value: unknown): void {
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else Object.defineProperty(holder, key, { value, enumerable: true, writable: true, configurable: true });
}

function get({ holder, key }: Spot): unknown {
  return Object.getOwnPropertyDescriptor(holder, key)?.value;
}

/** Some places of a tree, the deeper ones as likely as the others. */
function spotsOf(root: Container): Spot[] {
  const spots: Spot[] = [];
  const open: Container[] = [root];
  while (open.length > 0 && spots.length < 2_000) {
    const holder = open.pop()!;
    for (const key of Object.keys(holder)) {
      const spot = { holder, key };
      spots.push(spot);
      const value = get(spot);
      if (typeof value === "object" && value !== null) open.push(value as Container);
    }
  }
  return spots;
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function copy(value: unknown): unknown {
  return isContainer(value) ? (JSON.parse(JSON.stringify(value)) as unknown) : value;
}

function mutateTree(root: Record<string, unknown>, random: Random): void {
  const spots = spotsOf(root);
  const spot = random.pick(spots);
  const value = get(spot);
  const { holder, key } = spot;
  const other = get(random.pick(spots));
  switch (random.below(14)) {
    case 0: // A tag of another name around or in place of what is there.
      if (isContainer(value) && "__type__" in value) put(value, "__type__", random.pick(names));
      else put(holder, key, { __type__: random.pick(names), __value__: value });
      return;
    case 1: // Another scalar.
      put(holder, key, random.pick(scalars));
      return;
    case 2: // A neighbour's value: contents change places.
      put(holder, key, copy(other));
      return;
    case 3: // Gone.
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else if (holder !== root) Reflect.deleteProperty(holder, key);
      return;
    case 4: // Twice.
      if (Array.isArray(holder)) holder.splice(Number(key), 0, copy(value));
      else if (holder !== root) put(holder, random.pick(keys), copy(value));
      return;
    case 5: // A key more.
      if (isContainer(value) && !Array.isArray(value)) put(value, random.pick(keys), copy(other));
      else if (Array.isArray(value)) value.push(random.pick(scalars));
      return;
    case 6: // A pointer, to somewhere that is or is not.
      put(holder, key, { __type__: "same", __value__: pointer(random, spots) });
      return;
    case 7: // A number of a node, in a graph or not.
      put(holder, key, [random.pick([random.below(6), -1, 0.5, 1e9, "0", "__proto__"])]);
      return;
    case 8: // Deeper.
      put(holder, key, nested(value, 1 + random.below(random.next() < 0.02 ? 1_000 : 12), random));
      return;
    case 9: // A piece of another text.
      put(holder, key, JSON.parse(random.pick(corpus)));
      return;
    case 10: // Another number near by.
      put(
        holder,
        key,
        typeof value === "number" ? value + random.pick([1, -1, 0.5, 2 ** 31, -value]) : random.below(10),
      );
      return;
    case 11: // Texts with something else in them.
      put(holder, key, typeof value === "string" ? mutateText(value, 1, random) : JSON.stringify(value));
      return;
    case 12: // The other kind of container.
      if (Array.isArray(value)) put(holder, key, { ...value });
      else if (isContainer(value))
        put(holder, key, random.next() < 0.5 ? Object.entries(value) : Object.values(value));
      return;
    default: // In another order.
      if (Array.isArray(value)) value.reverse();
      else if (isContainer(value)) put(holder, key, Object.fromEntries(Object.entries(value).toReversed()));
  }
}

function pointer(random: Random, spots: readonly Spot[]): string {
  const steps = Array.from({ length: random.below(5) }, () =>
    random.pick([random.pick(spots).key, random.pick(keys), "__value__", "0", "1"]),
  );
  return steps.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function nested(value: unknown, levels: number, random: Random): unknown {
  let inner = value;
  const how = random.below(5);
  for (let level = 0; level < levels; level++) {
    if (how === 0) inner = [inner];
    else if (how === 1) inner = { a: inner };
    else if (how === 2) inner = { __type__: "set", __value__: [inner] };
    else if (how === 3) inner = { __type__: "map", __value__: [[inner, level]] };
    else inner = { __type__: "test.Box", __value__: { held: inner } };
  }
  return inner;
}

function mutateText(text: string, changes: number, random: Random): string {
  let changed = text;
  for (let change = 0; change < changes; change++) {
    const at = random.below(changed.length + 1);
    const end = Math.min(changed.length, at + 1 + random.below(8));
    switch (random.below(6)) {
      case 0:
        changed = changed.slice(0, at) + changed.slice(end);
        break;
      case 1:
        changed = changed.slice(0, at) + random.pick(pieces) + changed.slice(at);
        break;
      case 2:
        changed =
          changed.slice(0, at) +
          String.fromCharCode(random.below(random.next() < 0.9 ? 128 : 65_536)) +
          changed.slice(at + 1);
        break;
      case 3:
        changed =
          changed.slice(0, at) + changed.slice(at, end).repeat(1 + random.below(20)) + changed.slice(end);
        break;
      case 4: {
        const other = random.pick(corpus);
        const from = random.below(other.length);
        changed = changed.slice(0, at) + other.slice(from, from + random.below(60)) + changed.slice(end);
        break;
      }
      default:
        changed = changed.slice(0, at);
    }
  }
  return changed;
}
