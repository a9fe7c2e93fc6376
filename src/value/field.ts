/**
 * Field tables: what a value class is made of, as data from which the type, the check and the codec follow.
 *
 * @module
 */
import { PetioleError, describe, type FieldIssue } from "../errors.ts";
import { passed } from "../wire/passed.ts";
import { isOf, put, type Column } from "../wire/tag.ts";
import { compileFields, usesBeforeCode, type FieldsCode } from "./compiled.ts";
import { valueType, type ValueClassLike, type ValueType } from "../wire/value-type.ts";

declare const optionalField: unique symbol;
declare const anythingField: unique symbol;

/** A field that may be left out. Made by {@link optional}. */
export interface Optional<Type = unknown> {
  readonly [optionalField]: Type;
}

/** A field that may hold whatever can travel. */
export interface Anything {
  readonly [anythingField]: true;
}

/** What a field may be declared as. */
export type FieldType =
  | StringConstructor
  | NumberConstructor
  | BooleanConstructor
  | BigIntConstructor
  | DateConstructor
  | Uint8ArrayConstructor
  | ValueClassLike
  | ValueType
  | readonly [FieldType]
  | Optional
  | Anything;

/** Field names and what each holds. */
export interface FieldTable {
  readonly [field: string]: FieldType;
}

/** The type of what a field holds. */
export type TypeOfField<Type> = Type extends StringConstructor
  ? string
  : Type extends NumberConstructor
    ? number
    : Type extends BooleanConstructor
      ? boolean
      : Type extends BigIntConstructor
        ? bigint
        : Type extends DateConstructor
          ? Date
          : Type extends Uint8ArrayConstructor
            ? Uint8Array
            : Type extends readonly [infer Item]
              ? readonly TypeOfField<Item>[]
              : Type extends Optional<infer Inner>
                ? TypeOfField<Inner> | undefined
                : Type extends Anything
                  ? unknown
                  : Type extends ValueType<infer Instance>
                    ? Instance
                    : Type extends abstract new (...args: never) => infer Instance
                      ? Instance
                      : never;

/** The fields of a table, with their types. */
export type FieldsOf<Table> = {
  readonly [Field in keyof Table as Table[Field] extends Optional ? never : Field]: TypeOfField<Table[Field]>;
} & {
  readonly [Field in keyof Table as Table[Field] extends Optional ? Field : never]?: TypeOfField<
    Table[Field]
  >;
};

/** What {@link optional} returns. */
export class OptionalMark {
  readonly type: FieldType;
  constructor(type: FieldType) {
    this.type = type;
  }
}

const anythingMark = Object.freeze({ kind: "anything" });

/** A field that may be left out: `{ note: optional(String) }`. Left out and `undefined` are the same. */
export function optional<const Type extends FieldType>(type: Type): Optional<Type> {
  return new OptionalMark(type) as unknown as Optional<Type>;
}

/** A field that may hold whatever can travel; its type is `unknown`. */
export const anything: Anything = anythingMark as unknown as Anything;

/** So many issues are told: a list from a stranger may have a million, which together take a hundred times its text. */
const mostIssues = 100;

/** Reports what is wrong with a value, or nothing. */
type Check = (value: unknown, path: readonly (string | number)[], issues: FieldIssue[]) => void;

const scalars: ReadonlyMap<unknown, "string" | "number" | "boolean" | "bigint"> = new Map([
  [String as unknown, "string" as const],
  [Number, "number" as const],
  [Boolean, "boolean" as const],
  [BigInt, "bigint" as const],
]);

interface Field extends Column {
  readonly check: Check;
}

/** A field table, ready to check with. */
export class Fields {
  readonly names: readonly string[];
  /** What each holds, as the wire's tables need to know it. */
  readonly columns: readonly Column[];
  readonly #fields: readonly Field[];
  /** The same as here, once there were enough uses; undefined where there can be none. */
  #code: FieldsCode | undefined;
  #uses = 0;

  /** @throws PetioleError `ERR_VALUE_DEFINITION` for a field type that is none, or a name that cannot be one */
  constructor(table: FieldTable, owner: string) {
    this.names = Object.keys(table);
    this.#fields = this.names.map((name) => {
      if (forbiddenFields.has(name)) {
        throw new PetioleError(
          "ERR_VALUE_DEFINITION",
          `${owner} cannot have a field ${name}: give it another name.`,
        );
      }
      const declared: unknown = table[name];
      const optional = declared instanceof OptionalMark;
      const type: unknown = optional ? declared.type : declared;
      const check = checkOf(type, `${owner}.${name}`);
      const fits = (value: unknown): boolean => (value === undefined && optional) || accepts(check, value);
      return { name, optional, check, fits, ...columnOf(type) };
    });
    this.columns = this.#fields;
  }

  /**
   * Whether nothing is wrong with an object of fields. False when in doubt: then {@link issuesOf} knows. Faster,
   * as most objects have nothing wrong with them.
   */
  fit(fields: unknown): boolean {
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return false;
    if (this.#code) return this.#code.fit(fields);
    let keys = 0;
    for (const { name, kind, optional, prototype, check } of this.#fields) {
      const value = (fields as Record<string, unknown>)[name];
      if (value === undefined && optional) continue;
      keys++;
      const isRight =
        kind === "other"
          ? Object.hasOwn(fields, name) && accepts(check, value)
          : prototype
            ? isOf(value, prototype)
            : typeof value === kind;
      if (!isRight) return false;
    }
    if (++this.#uses === usesBeforeCode) this.#code = compileFields(this.columns);
    return keys === Object.keys(fields).length;
  }

  /** What is wrong with an object of fields: missing, extra, of another type. All of it, or the first hundred or so. */
  issuesOf(fields: unknown): FieldIssue[] {
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
      return [{ path: [], message: `expected an object of fields, received ${describe(fields)}` }];
    }
    const issues: FieldIssue[] = [];
    for (const { name, optional, check } of this.#fields) {
      const value = Object.hasOwn(fields, name) ? (fields as Record<string, unknown>)[name] : undefined;
      if (value !== undefined) check(value, [name], issues);
      else if (!optional && !accepts(check, undefined)) issues.push({ path: [name], message: "missing" });
    }
    for (const name of Object.keys(fields)) {
      if (issues.length >= mostIssues) break;
      if (!this.names.includes(name)) {
        issues.push({ path: [name], message: `not a field; there are ${this.names.join(", ")}` });
      }
    }
    return issues;
  }

  /** The declared fields of an object that has them, those that are undefined left out. */
  pick(source: object): Record<string, unknown> {
    if (this.#code) return this.#code.pick(source);
    const picked: Record<string, unknown> = {};
    for (const { name, optional } of this.#fields) {
      const value = (source as Record<string, unknown>)[name];
      if (value !== undefined || !optional) put(picked, name, value);
    }
    return picked;
  }
}

/** What an instance has already, and the keys of a tag. */
export const forbiddenFields: ReadonlySet<string> = new Set([
  "__proto__",
  "__type__",
  "__value__",
  "constructor",
  "with",
  "equals",
]);

/** What a field's type is to the wire's tables. */
function columnOf(type: unknown): Pick<Column, "kind" | "prototype"> {
  const scalar = scalars.get(type);
  if (scalar !== undefined) return { kind: scalar };
  if (type === Date) return { kind: "datetime", prototype: Date.prototype };
  const adopted = isObject(type) ? adoptedBy(type) : undefined;
  return adopted ? { kind: "value", prototype: adopted.class.prototype as object } : { kind: "other" };
}

function adoptedBy(type: object): ValueType | undefined {
  const adopted = valueType in type ? (type[valueType] as ValueType) : (type as ValueType);
  return typeof adopted.class === "function" ? adopted : undefined;
}

function checkOf(type: unknown, owner: string): Check {
  const scalar = scalars.get(type);
  if (scalar !== undefined) return expecting(scalar, (value) => typeof value === scalar);
  if (type === anythingMark) return () => {};
  if (type === Date || type === Uint8Array) {
    const { prototype, name } = type as DateConstructor | Uint8ArrayConstructor;
    return expecting(name, (value) => isObject(value) && Object.getPrototypeOf(value) === prototype);
  }
  if (Array.isArray(type) && type.length === 1) return listOf(checkOf(type[0], owner));
  const adopted = isObject(type) ? adoptedBy(type) : undefined;
  if (adopted) {
    const { class: constructor, name } = adopted;
    return expecting(name, (value) => value instanceof constructor);
  }
  throw new PetioleError(
    "ERR_VALUE_DEFINITION",
    `${owner} is declared as ${describe(type)}, which is no field type: there are String, Number, Boolean, ` +
      `BigInt, Date, Uint8Array, a value class, [T] for lists, optional(T) and anything.`,
  );
}

function listOf(check: Check): Check {
  return (value, path, issues) => {
    if (!Array.isArray(value)) {
      issues.push({ path, message: `expected an array, received ${describe(value)}` });
      return;
    }
    const known = passed.lists?.get(value);
    if (known?.has(check)) return;
    const before = issues.length;
    for (const [index, item] of value.entries()) {
      if (issues.length >= mostIssues) return;
      check(item, [...path, index], issues);
    }
    if (passed.lists && issues.length === before) passed.lists.set(value, (known ?? new Set()).add(check));
  };
}

function expecting(expected: string, accepts: (value: unknown) => boolean): Check {
  return (value, path, issues) => {
    if (accepts(value)) return;
    issues.push({ path, message: `expected ${expected}, received ${describe(value)}` });
  };
}

/** Whether a check finds nothing: a field of `anything` may hold undefined. */
function accepts(check: Check, value: unknown): boolean {
  const issues: FieldIssue[] = [];
  check(value, [], issues);
  return issues.length === 0;
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
