/** Value(): business objects that have no row, as classes. @module */
import { PetioleError, ValueError } from "../errors.ts";
import type { Column } from "../wire/tag.ts";
import { checkName, valueType, type register, type ValueType } from "../wire/value-type.ts";
import { declare, type Declared } from "./declared.ts";
import { equal } from "./equal.ts";
import { evolutionOf, type Evolution, type Evolved } from "./evolution.ts";
import { Fields, forbiddenFields, type FieldTable, type FieldsOf } from "./field.ts";
import { isSchema, validate, type StandardSchemaLike } from "./schema.ts";

/** What every instance of a value class can do. */
export interface ValueMethods<Fields> {
  /** A new instance with some fields replaced, checked like any other. */
  with(changes: Partial<Fields>): this;
  /** Whether the other is of the same class with equal fields. */
  equals(other: unknown): boolean;
}

/** The class that `Value()` returns, to be extended. */
export interface ValueClass<Fields extends object, Input = Fields> {
  new (fields: Input): Readonly<Fields> & ValueMethods<Fields>;
  /** How instances travel. */
  readonly [valueType]: ValueType<Readonly<Fields> & ValueMethods<Fields>>;
}

/** How a class checks what it is given, and what an instance holds. */
interface Shape {
  /** The fields of an instance made from `input`. Throws a {@link ValueError}. */
  accept(input: unknown): object;
  /** The fields that an instance holds, checked to be its all. Throws a {@link ValueError}. */
  fieldsOf(instance: object): Record<string, unknown>;
  /** What the fields hold, where that is declared. */
  readonly columns?: readonly Column[];
}

/**
 * A class for data with methods. Extend it, and put the class into `values`.
 *
 * Instances hold the declared fields, readonly, and are checked when constructed and when received: a
 * missing, extra or mistyped field is refused before the constructor's own code sees it. The name is what
 * travels, so it is chosen once and never changed.
 *
 * @param name - a namespace and a name, `"shop.Money"`
 * @param fields - a field table, or any synchronous Standard Schema (zod, valibot, arktype, …) of an object.
 *   A schema must take its own output unchanged, for it checks again on arrival.
 * @param evolution - once the class has changed: its `version`, how to `upgrade` what was written before, and the
 *   names it had, `aliases`
 * @throws PetioleError `ERR_TYPE_NAME`, `ERR_VALUE_DEFINITION`
 *
 * @example
 * class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {
 *   plus(other: Money) {
 *     return this.with({ amount: this.amount + other.amount });
 *   }
 * }
 * new Money({ amount: 5n, currency: "EUR" }).plus(new Money({ amount: 1n, currency: "EUR" })).amount; // 6n
 */
export function Value<const Table extends FieldTable>(
  name: string,
  fields: Table,
  evolution?: Evolution<Record<string, unknown>>,
): ValueClass<FieldsOf<Table>>;
export function Value<Input, Output extends object>(
  name: string,
  schema: StandardSchemaLike<Input, Output>,
  evolution?: Evolution<Record<string, unknown>>,
): ValueClass<Output, Input>;
export function Value(
  name: string,
  declared: unknown,
  evolution: Evolution<Record<string, unknown>> = {},
): unknown {
  checkName(name, "a value class");
  const shape = isSchema(declared) ? schemaShape(name, declared) : tableShape(name, declared);
  const evolved = evolutionOf(name, "fields", evolution);
  const types = new WeakMap<object, ValueType>();

  class ValueBase {
    constructor(input: unknown) {
      const fields = shape.accept(input);
      for (const [key, value] of Object.entries(fields)) {
        // Not frozen as a whole: a class that extends this may have fields of its own to set.
        Object.defineProperty(this, key, { value, enumerable: true });
      }
    }

    static get [valueType](): ValueType {
      let type = types.get(this);
      if (!type) types.set(this, (type = declare(typeOf(name, this, shape, evolved), declared as Declared)));
      return type;
    }

    with(changes: object): object {
      const constructor = this.constructor as typeof ValueBase;
      return new constructor({ ...this, ...changes });
    }

    equals(other: unknown): boolean {
      return equal(this, other);
    }
  }

  return ValueBase;
}

function typeOf(
  name: string,
  constructor: new (fields: never) => object,
  shape: Shape,
  evolved: Evolved,
): Omit<ValueType, typeof register> {
  const names = new Set(shape.columns?.map(({ name }) => name));
  let tried = false;
  const make = (fields: object): object => {
    const instance = new constructor(fields as never);
    const changed = Object.keys(fields).find(
      (field) => !equal(valueOf(instance, field), valueOf(fields, field)),
    );
    if (changed === undefined) return instance;
    const by = shape.columns ? "the class's own constructor" : "the schema, or the class's own constructor,";
    const message = `${by} changes it; convert before constructing, in a static method say`;
    throw new ValueError(name, [{ path: [changed], message }]);
  };
  return {
    ...evolved,
    name,
    class: constructor,
    layout: "fields",
    ...(shape.columns && { columns: shape.columns }),
    holdsOnly: (instance) =>
      Object.keys(instance).every((key) => names.has(key)) &&
      Object.getOwnPropertySymbols(instance).length === 0,
    encode(instance) {
      const fields = shape.fieldsOf(instance);
      // Once for a class: that it can be made again, the same, from its fields is to be known before it is sent.
      if (!tried) make(fields);
      tried = true;
      return fields;
    },
    decode: (content) => make(content as object),
  };
}

function valueOf(object: object, field: string): unknown {
  return (object as Record<string, unknown>)[field];
}

function tableShape(name: string, table: unknown): Shape {
  if (typeof table !== "object" || table === null) {
    throw new PetioleError("ERR_VALUE_DEFINITION", `${name} needs a field table or a Standard Schema.`);
  }
  const fields = new Fields(table as FieldTable, name);
  const checked = (source: object): Record<string, unknown> => {
    const issues = fields.fit(source) ? [] : fields.issuesOf(source);
    if (issues.length > 0) throw new ValueError(name, issues);
    return fields.pick(source);
  };
  return { accept: (input) => checked(input as object), fieldsOf: checked, columns: fields.columns };
}

function schemaShape(name: string, schema: StandardSchemaLike): Shape {
  const accept = (input: unknown): object => {
    const fields = validate(schema, input, name) as object;
    const taken = Object.keys(fields).find((field) => forbiddenFields.has(field));
    if (taken === undefined) return fields;
    throw new ValueError(name, [{ path: [taken], message: "a field cannot have this name" }]);
  };
  return {
    accept,
    fieldsOf(instance) {
      const fields = { ...instance };
      // The schema runs again on arrival, so one that would change or refuse its own output cannot be exact.
      if (!equal(accept(fields), fields)) {
        const message =
          "the schema changes its own output; declare the transformed form, and transform before constructing";
        throw new ValueError(name, [{ path: [], message }]);
      }
      return fields;
    },
  };
}
