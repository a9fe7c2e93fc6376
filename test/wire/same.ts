/**
 * Whether what arrived is what was sent: the judge of the tests in this folder, which trusts nothing of the codec's.
 *
 * Two values are the same when one cannot be told from the other by any means of the language: prototypes, own
 * properties with their attributes and order, what built-ins keep inside, and which places hold one object. Dates,
 * bytes and the like are values: they may become several objects, but bytes that shared memory share it still.
 *
 * @module
 */
import { types } from "node:util";
import { Lazy, Reference, Snapshot, type Key } from "../../src/model/index.ts";
import { Foreign } from "../../src/wire/index.ts";
import { Memory } from "./memory.ts";

/** A pair to be compared, and the way to it. */
interface Pair {
  readonly sent: unknown;
  readonly arrived: unknown;
  readonly at: Way | undefined;
}

/** The way to a value, last step first. */
interface Way {
  readonly step: string;
  readonly above: Way | undefined;
}

/** Where two values differ, in words; undefined when they are the same. Never recurses, so depth is no matter. */
export function difference(sent: unknown, arrived: unknown): string | undefined {
  return new Comparison().run(sent, arrived);
}

class Comparison {
  readonly #pairs: Pair[] = [];
  readonly #arrivedFor = new Map<object, object>();
  readonly #sentFor = new Map<object, object>();
  readonly #seenValues = new Map<object, Set<object>>();
  readonly #memory = new Memory();

  run(sent: unknown, arrived: unknown): string | undefined {
    this.#pairs.push({ sent, arrived, at: undefined });
    for (let pair = this.#pairs.pop(); pair; pair = this.#pairs.pop()) {
      const found = this.#compare(pair.sent, pair.arrived, pair.at);
      if (found !== undefined) return `${wayTo(pair.at)}: ${found}`;
    }
    return this.#memory.difference();
  }

  #compare(sent: unknown, arrived: unknown, at: Way | undefined): string | undefined {
    if (typeof sent !== "object" || sent === null || typeof arrived !== "object" || arrived === null) {
      return Object.is(sent, arrived) ? undefined : `${show(sent)} became ${show(arrived)}`;
    }
    if (isValue(sent)) {
      const seen = this.#seenValues.get(sent) ?? new Set();
      if (seen.has(arrived)) return undefined;
      this.#seenValues.set(sent, seen.add(arrived));
    } else {
      const [known, from] = [this.#arrivedFor.get(sent), this.#sentFor.get(arrived)];
      if (known === arrived && from === sent) return undefined;
      if (known) return "one object became two";
      if (from) return "two objects became one";
      this.#arrivedFor.set(sent, arrived);
      this.#sentFor.set(arrived, sent);
    }
    if (Object.getPrototypeOf(sent) !== Object.getPrototypeOf(arrived)) {
      return `the prototype of ${show(sent)} became that of ${show(arrived)}`;
    }
    const [kind, arrivedKind] = [kindOf(sent), kindOf(arrived)];
    if (kind !== arrivedKind) return `${kind} became ${arrivedKind}`;
    if (Object.isExtensible(sent) !== Object.isExtensible(arrived)) return "whether it is frozen";
    return this.#inside(kind, sent, arrived, at) ?? this.#properties(kind, sent, arrived, at);
  }

  /** What a built-in keeps where properties do not show it. */
  #inside(kind: string, sent: object, arrived: object, at: Way | undefined): string | undefined {
    if (kind === "Map" || kind === "Set") {
      const [from, to] = [[...(sent as Map<unknown, unknown>)], [...(arrived as Map<unknown, unknown>)]];
      if (from.length !== to.length) return `a size of ${from.length} became ${to.length}`;
      for (const [index, item] of from.entries()) {
        if (kind === "Set") this.#later(item, to[index], `.values()[${index}]`, at);
        else {
          this.#later(item[0], to[index]![0], `.keys()[${index}]`, at);
          this.#later(item[1], to[index]![1], `.values()[${index}]`, at);
        }
      }
      return undefined;
    }
    if (sent instanceof Reference) {
      const found = partsDifference(sent, arrived as Reference);
      if (found !== undefined) return found;
    }
    const [from, to] = [hiddenOf(kind, sent), hiddenOf(kind, arrived)];
    for (const [part, value] of Object.entries(from)) {
      if (!Object.is(value, to[part])) return `its ${part}, ${show(value)}, became ${show(to[part])}`;
    }
    if (kind !== "ArrayBuffer" && !ArrayBuffer.isView(sent)) return undefined;
    return this.#memory.add(sent as ArrayBuffer, arrived as ArrayBuffer);
  }

  #properties(kind: string, sent: object, arrived: object, at: Way | undefined): string | undefined {
    const [from, to] = [keysOf(kind, sent), keysOf(kind, arrived)];
    const [first, second] = [from.map(showKey).join(), to.map(showKey).join()];
    if (first !== second) return `its keys, ${first.slice(0, 200)}, became ${second.slice(0, 200)}`;
    for (const [index, key] of from.entries()) {
      if (to[index] !== key) return `its key ${showKey(key)} is another symbol`;
      const [was, is] = [descriptorOf(kind, sent, key), descriptorOf(kind, arrived, key)];
      for (const attribute of ["enumerable", "writable", "configurable", "get", "set"] as const) {
        if (was[attribute] !== is[attribute]) return `${attribute} of its property ${showKey(key)}`;
      }
      this.#later(was.value, is.value, typeof key === "symbol" ? `[${showKey(key)}]` : `.${key}`, at);
    }
    return undefined;
  }

  #later(sent: unknown, arrived: unknown, step: string, above: Way | undefined): void {
    this.#pairs.push({ sent, arrived, at: { step, above } });
  }
}

/** What an object is inside, whatever its prototype says. */
function kindOf(value: object): string {
  if (Array.isArray(value)) return "Array";
  if (types.isMap(value)) return "Map";
  if (types.isSet(value)) return "Set";
  if (types.isDate(value)) return "Date";
  if (types.isRegExp(value)) return "RegExp";
  if (types.isBoxedPrimitive(value)) return "boxed";
  if (types.isArrayBuffer(value)) return "ArrayBuffer";
  if (types.isSharedArrayBuffer(value)) return "SharedArrayBuffer";
  if (types.isTypedArray(value)) return value[Symbol.toStringTag];
  if (types.isDataView(value)) return "DataView";
  if (types.isNativeError(value)) return value instanceof DOMException ? "DOMException" : "Error";
  if (value instanceof DOMException) return "DOMException";
  if (value instanceof URL) return "URL";
  if (value instanceof URLSearchParams) return "URLSearchParams";
  if (value instanceof Headers) return "Headers";
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag.startsWith("Temporal.") ? tag : "object";
}

const values = new Set([
  "Date",
  "RegExp",
  "boxed",
  "ArrayBuffer",
  "DataView",
  "URL",
  "URLSearchParams",
  "Headers",
]);

/** Whether a value is one without identity. */
function isValue(value: object): boolean {
  if ([Reference, Lazy, Snapshot, Foreign].some((of) => value instanceof of)) return true;
  const kind = kindOf(value);
  return values.has(kind) || ArrayBuffer.isView(value) || kind.startsWith("Temporal.");
}

function hiddenOf(kind: string, value: object): Record<string, unknown> {
  switch (kind) {
    case "Date":
      return { time: Date.prototype.getTime.call(value) };
    case "RegExp":
      return { source: (value as RegExp).source, flags: (value as RegExp).flags };
    case "boxed":
      return { primitive: Object.prototype.valueOf.call(value) === value ? primitiveOf(value) : undefined };
    case "URL":
      return { href: (value as URL).href };
    case "URLSearchParams":
      return { text: String(value) };
    case "Headers":
      return { entries: JSON.stringify([...(value as Headers)]) };
    case "DOMException": {
      const { name, message, code } = value as DOMException;
      return { name, message, code };
    }
    default:
      if (value instanceof Reference || value instanceof Snapshot) return keyParts(value.pk);
      return kind.startsWith("Temporal.") ? temporalParts(value) : {};
  }
}

/** A row's key is a value: the object of several columns has no identity. */
function keyParts(pk: Key): Record<string, unknown> {
  return typeof pk === "object" ? { columns: Object.keys(pk).join(), ...pk } : { pk };
}

/** What a reference says is part of the value: it shares nothing with what is around it. */
function partsDifference(sent: Reference, arrived: Reference): string | undefined {
  for (const part of ["details", "was"] as const) {
    const found = difference(sent[part], arrived[part]);
    if (found !== undefined) return `its ${part}, ${found}`;
  }
  return undefined;
}

function primitiveOf(value: object): unknown {
  for (const { prototype } of [Number, String, Boolean, BigInt, Symbol]) {
    try {
      return (prototype.valueOf as () => unknown).call(value);
    } catch {
      // It is another one's.
    }
  }
  return undefined;
}

/** Every part that a Temporal object shows: its text alone rounds offsets and durations. */
function temporalParts(value: object): Record<string, unknown> {
  const parts: Record<string, unknown> = {};
  const { prototype } = value.constructor as { prototype: object };
  for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (get) parts[name] = get.call(value);
  }
  const text = (value as { toString(options?: object): string }).toString({ calendarName: "always" });
  return { ...parts, text };
}

/** In order; what a platform hides in errors, in any order, at the end. */
function keysOf(kind: string, value: object): (string | symbol)[] {
  let keys = Reflect.ownKeys(value);
  if (ArrayBuffer.isView(value)) keys = keys.filter((key) => typeof key === "symbol" || !/^\d+$/.test(key));
  if (value instanceof Reference || value instanceof Snapshot)
    return keys.filter((key) => key !== "pk" && !(value instanceof Reference && isPart(key)));
  if (kind !== "Error" && kind !== "DOMException") return keys;
  const isShown = (key: string | symbol): boolean => Object.prototype.propertyIsEnumerable.call(value, key);
  const hidden = keys.filter((key) => !isShown(key));
  return [...keys.filter(isShown), ...hidden.toSorted((a, b) => (showKey(a) < showKey(b) ? -1 : 1))];
}

function isPart(key: string | symbol): boolean {
  return key === "details" || key === "was";
}

function descriptorOf(kind: string, value: object, key: string | symbol): PropertyDescriptor {
  const descriptor = Object.getOwnPropertyDescriptor(value, key)!;
  if (key !== "stack" || (kind !== "Error" && kind !== "DOMException")) return descriptor;
  // Platforms differ in whether it is a getter, and one platform differs with how the error was made.
  const { enumerable = false } = descriptor;
  return { value: (value as Error).stack, enumerable, writable: true, configurable: true };
}

function showKey(key: string | symbol): string {
  return typeof key === "symbol" ? key.toString() : key;
}

function show(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  return `a ${prototype?.constructor?.name ?? "bare"} ${kindOf(value)}`;
}

function wayTo(way: Way | undefined): string {
  const steps: string[] = [];
  for (let at = way; at; at = at.above) steps.push(at.step);
  const text = steps.toReversed().join("");
  return `value${text.length > 200 ? `${text.slice(0, 100)}…${text.slice(-100)}` : text}`;
}
