/** value(): a class that exists already, as a value class. @module */
import { PetioleError, ValueError, describe } from "../errors.ts";
import { isOf } from "../wire/tag.ts";
import { checkName, type register, type ValueType } from "../wire/value-type.ts";
import { evolutionOf, type Evolution } from "./evolution.ts";
import { declare } from "./declared.ts";
import { Fields, type FieldTable, type FieldsOf } from "./field.ts";

/** Adoption by fields: they are read from the instance, checked, and given to `create`. */
export interface AdoptedByFields<Instance, Table extends FieldTable> extends Evolution<
  Record<string, unknown>
> {
  /** What travels, chosen for good: `"shop.Order"`. */
  readonly name: string;
  /** The properties that make an instance. */
  readonly fields: Table;
  /** Makes an instance from fields that were checked. */
  readonly create: (fields: FieldsOf<Table>) => Instance;
}

/** Adoption by a pair of functions. */
export interface AdoptedByCodec<Instance, Form> extends Evolution<unknown> {
  /** The name that travels, `shop.Decimal`. */
  readonly name: string;
  /** What stands for the instance: any value that can travel. */
  readonly encode: (instance: Instance) => Form;
  /** Makes an instance. It must refuse, by throwing, what `encode` cannot have made. */
  readonly decode: (form: Form) => Instance;
}

type Class<Instance> = abstract new (...args: never) => Instance;

/**
 * Says how instances of a class that is not made by `Value()` travel. Put what it returns into `values`.
 *
 * Received instances are made by `create` or `decode` alone, from data that was checked; nothing is revived
 * behind the class's back. Subclasses are other classes.
 *
 * @throws PetioleError `ERR_TYPE_NAME`, `ERR_VALUE_DEFINITION`
 *
 * @example
 * value(Decimal, { name: "shop.Decimal", encode: String, decode: (text: string) => new Decimal(text) });
 * value(Order, { name: "shop.Order", fields: { id: String, lines: [Line] }, create: (fields) => new Order(fields) });
 */
export function value<Instance extends object, const Table extends FieldTable>(
  of: Class<Instance>,
  how: AdoptedByFields<Instance, Table>,
): ValueType<Instance>;
export function value<Instance extends object, Form>(
  of: Class<Instance>,
  how: AdoptedByCodec<Instance, Form>,
): ValueType<Instance>;
export function value(
  of: Class<object>,
  how: AdoptedByFields<object, FieldTable> | AdoptedByCodec<object, unknown>,
): ValueType {
  if (typeof of !== "function") {
    throw new PetioleError("ERR_VALUE_DEFINITION", `value() needs a class, received ${describe(of)}.`);
  }
  checkName(how.name, "a value class");
  if ("fields" in how && typeof how.create === "function") return declare(byFields(of, how), how.fields);
  if ("encode" in how && typeof how.encode === "function" && typeof how.decode === "function")
    return declare(byCodec(of, how), undefined);
  throw new PetioleError(
    "ERR_VALUE_DEFINITION",
    `${how.name} needs { fields, create } or { encode, decode }.`,
  );
}

function byFields(
  of: Class<object>,
  how: AdoptedByFields<object, FieldTable>,
): Omit<ValueType, typeof register> {
  const fields = new Fields(how.fields, how.name);
  const check = (content: unknown): void => {
    if (fields.fit(content)) return;
    const issues = fields.issuesOf(content);
    if (issues.length > 0) throw new ValueError(how.name, issues);
  };
  const make = (checked: object): unknown => how.create(checked as never);
  const exact = (made: unknown): object => exactly(of, made, how.name, "create");
  return {
    ...evolutionOf(how.name, "fields", how),
    name: how.name,
    class: of,
    layout: "fields",
    columns: fields.columns,
    encode(instance) {
      const picked = fields.pick(instance);
      check(picked);
      return picked;
    },
    make,
    exact,
    decode(content) {
      check(content);
      return exact(make(content as object));
    },
  };
}

function byCodec(of: Class<object>, how: AdoptedByCodec<object, unknown>): Omit<ValueType, typeof register> {
  return {
    ...evolutionOf(how.name, "value", how),
    name: how.name,
    class: of,
    layout: "value",
    encode: (instance) => how.encode(instance),
    decode: (content) => exactly(of, how.decode(content), how.name, "decode"),
  };
}

/** What a user's function made, if it is what was sent. */
function exactly(of: Class<object>, made: unknown, name: string, by: string): object {
  if (isOf(made, of.prototype)) return made;
  const message = `${by}() returned ${describe(made)}, not an instance of ${of.name} itself`;
  throw new ValueError(name, [{ path: [], message }]);
}
