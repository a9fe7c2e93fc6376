/**
 * What the wire knows of a value class. `Value()` and `value()` in `value/` make these.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import type { Column, Tag } from "./tag.ts";
import { tagsByPrototype } from "./tags/index.ts";

/** How instances of one class travel. */
export interface ValueType<Instance extends object = object> {
  /** The name on the wire, chosen for good: `shop.Money`. */
  readonly name: string;
  readonly class: abstract new (...args: never) => Instance;
  /** `fields`: an object of the instance's fields. `value`: any one value that stands for it. */
  readonly layout: "fields" | "value";
  /** Of `fields`: what they hold, in order, where it is known; arrays of instances then travel as tables. */
  readonly columns?: readonly Column[];
  /** Whether an instance has nothing beside its fields; left out where that is nobody's business. */
  holdsOnly?(instance: object): boolean;
  /** What travels, new each time. Throws when the instance is not as its class declares. */
  encode(instance: Instance): unknown;
  /** The instance for what travelled, checked first. Throws when it is not as the class declares. */
  decode(content: unknown): Instance;
}

/** Where a class that `Value()` made keeps its {@link ValueType}. */
export const valueType: unique symbol = Symbol("petiole.valueType");

/** A class made by extending `Value(…)`. */
export interface ValueClassLike<Instance extends object = object> {
  new (...args: never): Instance;
  readonly [valueType]: ValueType<Instance>;
}

/** What `values` takes. */
export type ValueEntry<Instance extends object = object> = ValueType<Instance> | ValueClassLike<Instance>;

const reservedName = /^[A-Za-z_][\w-]*$/;
const name = /^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)+$/;

/** Checks the name of a value class or a model: a namespace, a dot, a name. */
export function checkName(given: unknown, of: string): string {
  if (typeof given === "string" && name.test(given)) return given;
  const why =
    typeof given === "string" && reservedName.test(given)
      ? "names without a dot are reserved for the wire format itself"
      : "it is letters, digits, _ and -, in two parts or more with dots between";
  throw new PetioleError(
    "ERR_TYPE_NAME",
    `${describe(given)} is not a name for ${of}: ${why}. Give it a namespace, "shop.Money" for example.`,
  );
}

/** The tags of an app's value classes, found by prototype and by name. */
export interface ValueTags {
  readonly byPrototype: ReadonlyMap<object, Tag>;
  readonly byName: ReadonlyMap<string, Tag>;
}

/**
 * Makes the tags of `values`.
 *
 * @throws PetioleError `ERR_TYPE_NAME` when two have one name, or one class is there twice
 */
export function valueTags(values: readonly ValueEntry[]): ValueTags {
  const byPrototype = new Map<object, Tag>();
  const byName = new Map<string, Tag>();
  for (const entry of values) {
    const isThing = (typeof entry === "object" && entry !== null) || typeof entry === "function";
    const type = isThing && valueType in entry ? entry[valueType] : entry;
    if (typeof type !== "object" || type === null || typeof type.encode !== "function") {
      throw new PetioleError(
        "ERR_TYPE_NAME",
        `values holds ${describe(entry)}, which is no value class: give it what Value(…) or value(…) returned.`,
      );
    }
    checkName(type.name, "a value class");
    const prototype = type.class.prototype as object;
    if (tagsByPrototype.has(prototype) || prototype === Object.prototype || prototype === Array.prototype) {
      const message = `${type.name} stands for ${type.class.name}, which travels as itself; it cannot be a value class.`;
      throw new PetioleError("ERR_TYPE_NAME", message);
    }
    if (byName.has(type.name)) {
      throw new PetioleError(
        "ERR_TYPE_NAME",
        `Two value classes are named ${type.name}: each needs its own name.`,
      );
    }
    if (byPrototype.has(prototype)) {
      throw new PetioleError(
        "ERR_TYPE_NAME",
        `${type.class.name} is registered twice, as ${byPrototype.get(prototype)!.name} and ${type.name}.`,
      );
    }
    const tag = tagOf(type);
    byPrototype.set(prototype, tag);
    byName.set(type.name, tag);
  }
  return { byPrototype, byName };
}

function tagOf(type: ValueType): Tag {
  return {
    name: type.name,
    layout: type.layout,
    identity: true,
    keepsProperties: true,
    columns: type.columns,
    prototype: type.class.prototype as object,
    ...(type.holdsOnly && { holdsOnly: type.holdsOnly.bind(type) }),
    write: (instance) => type.encode(instance as object),
    read: (content) => type.decode(content),
  };
}
