/** What value classes were declared with, kept beside them: the codec needs none of it. @module */
import type { ValueType } from "../wire/value-type.ts";
import type { FieldTable } from "./field.ts";
import type { StandardSchemaLike } from "./schema.ts";

/** A field table or a Standard Schema; undefined for a pair of functions. */
export type Declared = FieldTable | StandardSchemaLike | undefined;

const declarations = new WeakMap<ValueType, Declared>();

/** Remembers what a value class was declared with; returns the class's type. */
export function declare<Type extends ValueType>(type: Type, declared: Declared): Type {
  declarations.set(type, declared);
  return type;
}

export function isDeclared(type: ValueType): boolean {
  return declarations.has(type);
}

export function declaredOf(type: ValueType): Declared {
  return declarations.get(type);
}
