/**
 * What the wire knows of a value class. `Value()` and `value()` in `value/` make these.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import type { Registry } from "./registry.ts";
import type { Column } from "./tag.ts";

/** Where an entry of `values` keeps how it is made known to a wire. */
export const register: unique symbol = Symbol("petiole.register");

/** What a class says of its instances, in the words of an advice, where they are sent and nobody registered it. */
export const advice: unique symbol = Symbol("petiole.advice");

/** That of references, lazy ones and snapshots. */
export const rowsAdvice = "give the wire storedRows() among its values";

/** What can be made known to a wire. */
export interface Registered {
  /** Puts its tags among those of a wire. */
  [register](registry: Registry): void;
}

/** The names under which a type is read. */
interface Names extends Registered {
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

/** Lets references to stored rows, and snapshots of them, travel. Made by `rows()` in `model/`. */
export interface RowsEntry extends Registered {
  /** The models whose rows may be referred to. */
  readonly models: readonly object[];
}

/** The error for a name that is none, or is taken. */
export function wrongName(message: string): PetioleError {
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
  throw wrongName(
    `${describe(given)} is not a name for ${of}: ${why}. Give it a namespace, "shop.Money" for example.`,
  );
}
