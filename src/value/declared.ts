/** What value classes were declared with, kept beside them: the codec needs none of it. @module */
import { registerType } from "../wire/register-type.ts";
import { register, type ValueType } from "../wire/value-type.ts";
import type { FieldTable } from "./field.ts";
import type { StandardSchemaLike } from "./schema.ts";

/** A field table or a Standard Schema; undefined for a pair of functions. */
export type Declared = FieldTable | StandardSchemaLike | undefined;

const declarations = new WeakMap<ValueType, Declared>();

/** Makes the type of a value class, and remembers what the class was declared with. */
export function declare(type: Omit<ValueType, typeof register>, declared: Declared): ValueType {
  const whole: ValueType = { ...type, [register]: (registry) => registerType(whole, registry) };
  declarations.set(whole, declared);
  return whole;
}

export function isDeclared(type: ValueType): boolean {
  return declarations.has(type);
}

export function declaredOf(type: ValueType): Declared {
  return declarations.get(type);
}
