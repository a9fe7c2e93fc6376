/**
 * What one wire knows: the platform's kinds of value, and what its `values` brought along. A wire without classes, or
 * without rows, carries none of their code.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { graphForm } from "./graph.ts";
import type { Reference } from "./reference.ts";
import { fewest, type Form, type Tag, type WriteList } from "./tag.ts";
import { tagsByName, tagsByPrototype } from "./tags/index.ts";
import { register, valueType, type Registered, type ValueEntry } from "./value-type.ts";

/** What one wire knows. */
export interface Registry {
  /** Which tag writes the objects with a prototype. */
  readonly byPrototype: Map<object, Tag>;
  /** Which tag reads a name. Each version and former name of a type is a tag of its own. */
  readonly byName: Map<string, Tag>;
  readonly forms: Map<string, Form>;
  /** The names of value classes. */
  readonly types: Set<string>;
  /** Those of the names that stand for nothing any more. */
  readonly retired: Set<string>;
  /** Where rows may be referred to. */
  rows?: RowKinds;
}

/** What the encoder asks about rows. */
export interface RowKinds {
  /** Whether a plain object is a row that knows its model; undefined where no adapter can tell. */
  readonly isRow: ((value: object) => boolean) | undefined;
  isReference(value: object): value is Reference;
  /** The model that something refers to, where there are models and none has its name. */
  unknownModel(value: object): string | undefined;
  /** The reference to a row that knows its model, or why there is none; undefined for what is no row. */
  referenceTo(row: object): Reference | readonly [kind: string, advice: string] | undefined;
}

/**
 * Registers `values`.
 *
 * @throws PetioleError `ERR_TYPE_NAME` when two have one name, or one class is there twice
 */
export function registryOf(values: readonly (ValueEntry | Registered)[]): Registry {
  const registry: Registry = {
    byPrototype: new Map(tagsByPrototype),
    byName: new Map(tagsByName),
    forms: new Map([["graph", graphForm]]),
    types: new Set(),
    retired: new Set(),
  };
  for (const entry of values) registered(entry)[register](registry);
  return registry;
}

/** What writes an array as one list, where it is long enough and begins with something that has such a form. */
export function listWriterOf(items: readonly unknown[], { byPrototype }: Registry): WriteList | undefined {
  const [first] = items;
  if (items.length < fewest || typeof first !== "object" || first === null) return undefined;
  return byPrototype.get(Object.getPrototypeOf(first) as object)?.writeList;
}

function registered(entry: unknown): Registered {
  const isThing = (typeof entry === "object" && entry !== null) || typeof entry === "function";
  const type: unknown = isThing && valueType in entry ? entry[valueType] : entry;
  if (typeof type === "object" && type !== null && register in type) return type as Registered;
  throw new PetioleError(
    "ERR_TYPE_NAME",
    `values holds ${describe(entry)}, which is no value class: give it what Value(…) or value(…) returned.`,
  );
}
