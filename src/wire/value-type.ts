/**
 * What the wire knows of a value class. `Value()` and `value()` in `value/` make these.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import type { Column, Tag } from "./tag.ts";
import { tagsByPrototype } from "./tags/index.ts";

/** The names under which a type is read. */
interface Names {
  /** The name on the wire, chosen for good: `shop.Money`. */
  readonly name: string;
  /**
   * The version of what is written, from 1 on. From 2 on it stands behind the name: `shop.Money@2`. All versions
   * up to it are read. 1 unless told.
   */
  readonly version?: number;
  /** Names that it had before, in all versions: they are read, and never written. */
  readonly aliases?: readonly string[];
  /** `fields`: an object of the instance's fields. `value`: any one value that stands for it. */
  readonly layout: "fields" | "value";
}

/** How instances of one class travel. */
export interface ValueType<Instance extends object = object> extends Names {
  readonly class: abstract new (...args: never) => Instance;
  /** Of `fields`: what they hold, in order, where it is known; arrays of instances then travel as tables. */
  readonly columns?: readonly Column[];
  /** With `exact`: `decode` without its checks, for fields that are known to be as the columns say. */
  make?(fields: object): unknown;
  /** What `make` has made, if it is an instance, and of no subclass. Throws otherwise. */
  exact?(made: unknown): Instance;
  /** Whether an instance has nothing beside its fields; left out where that is nobody's business. */
  holdsOnly?(instance: object): boolean;
  /** What travels, new each time. Throws when the instance is not as its class declares. */
  encode(instance: Instance): unknown;
  /** The instance for what travelled, checked first. Throws when it is not as the class declares. */
  decode(content: unknown): Instance;
  /** The content in its present version, from that of an older one. Throws when there is no way. */
  upgrade?(content: unknown, version: number): unknown;
}

/** A type that is gone on purpose. Made by `retired()`. */
export interface RetiredType extends Names {
  /** Whether something takes the place of an instance. If not, a task that holds one cannot run. */
  readonly isReplaced: boolean;
  /** What does. Throws when nothing does. */
  replace(content: unknown, version: number): unknown;
}

/** Where a class that `Value()` made keeps its {@link ValueType}. */
export const valueType: unique symbol = Symbol("petiole.valueType");

/** A class made by extending `Value(…)`. */
export interface ValueClassLike<Instance extends object = object> {
  new (...args: never): Instance;
  readonly [valueType]: ValueType<Instance>;
}

/** What `values` takes. */
export type ValueEntry<Instance extends object = object> =
  | ValueType<Instance>
  | ValueClassLike<Instance>
  | RetiredType;

function wrong(message: string): PetioleError {
  return new PetioleError("ERR_TYPE_NAME", message);
}

const reservedName = /^[A-Za-z_][\w-]*$/;
const name = /^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)+$/;

/** Whether a text is a value class's name, with its version perhaps, and no longer than names are. */
export function isTypeName(given: string): boolean {
  return given.length <= 200 && name.test(given.replace(/@[1-9]\d*$/, ""));
}

/** Checks the name of a value class or a model: a namespace, a dot, a name. */
export function checkName(given: unknown, of: string): string {
  if (typeof given === "string" && name.test(given)) return given;
  const why =
    typeof given === "string" && reservedName.test(given)
      ? "names without a dot are reserved for the wire format itself"
      : "it is letters, digits, _ and -, in two parts or more with dots between";
  throw wrong(
    `${describe(given)} is not a name for ${of}: ${why}. Give it a namespace, "shop.Money" for example.`,
  );
}

/** The tags of an app's value classes, found by prototype and by name. */
export interface ValueTags {
  readonly byPrototype: ReadonlyMap<object, Tag>;
  /** Each version and former name of a type is a tag of its own. */
  readonly byName: ReadonlyMap<string, Tag>;
  /** Those of the names that stand for nothing any more. */
  readonly retired: ReadonlySet<string>;
}

/**
 * Makes the tags of `values`.
 *
 * @throws PetioleError `ERR_TYPE_NAME` when two have one name, or one class is there twice
 */
export function valueTags(values: readonly ValueEntry[]): ValueTags {
  const byPrototype = new Map<object, Tag>();
  const byName = new Map<string, Tag>();
  const retired = new Set<string>();
  for (const entry of values) {
    const type = typeOf(entry);
    const { name, version = 1, aliases = [], layout } = type;
    const isRetired = "replace" in type;
    for (const known of [name, ...aliases]) {
      checkName(known, "a value class");
      if (byName.has(known)) {
        const message = `Two value classes are named ${known}: each needs its own name.`;
        throw wrong(message);
      }
      for (let at = 1; at <= version; at++) {
        const written = at === 1 ? known : `${known}@${at}`;
        const read = isRetired ? (content: unknown) => type.replace(content, at) : reader(type, at, version);
        const write = isRetired ? read : (instance: unknown) => type.encode(instance as object);
        const tag: Tag = { name: written, layout, identity: true, keepsProperties: true, write, read };
        // What was written by an older version goes through its upgrades, and is no table of today's.
        byName.set(written, isRetired || at < version ? tag : { ...tag, ...tablePartsOf(type) });
        if (isRetired && !type.isReplaced) retired.add(written);
      }
    }
    if (isRetired) continue;
    const prototype = type.class.prototype as object;
    if (tagsByPrototype.has(prototype) || prototype === Object.prototype || prototype === Array.prototype) {
      const message = `${name} stands for ${type.class.name}, which travels as itself; it cannot be a value class.`;
      throw wrong(message);
    }
    if (byPrototype.has(prototype)) {
      throw wrong(
        `${type.class.name} is registered twice, as ${byPrototype.get(prototype)!.name} and ${name}.`,
      );
    }
    byPrototype.set(prototype, byName.get(version === 1 ? name : `${name}@${version}`)!);
  }
  return { byPrototype, byName, retired };
}

function typeOf(entry: ValueEntry): ValueType | RetiredType {
  const isThing = (typeof entry === "object" && entry !== null) || typeof entry === "function";
  const type = isThing && valueType in entry ? entry[valueType] : entry;
  const isType = typeof type === "object" && type !== null;
  if (isType && ("replace" in type || typeof type.encode === "function")) return type;
  throw wrong(
    `values holds ${describe(entry)}, which is no value class: give it what Value(…) or value(…) returned.`,
  );
}

/** What tables of its instances need to know. */
function tablePartsOf(type: ValueType): Pick<Tag, "columns" | "prototype" | "holdsOnly" | "make" | "exact"> {
  return {
    columns: type.columns,
    prototype: type.class.prototype as object,
    ...(type.holdsOnly && { holdsOnly: (instance: object) => type.holdsOnly!(instance) }),
    ...(type.make && {
      make: (fields: object) => type.make!(fields),
      exact: (made: unknown) => type.exact!(made),
    }),
  };
}

function reader(type: ValueType, from: number, version: number): (content: unknown) => object {
  if (from === version) return (content) => type.decode(content);
  return (content) => type.decode(type.upgrade ? type.upgrade(content, from) : content);
}
