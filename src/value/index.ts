/**
 * Value classes: business objects that travel whole, methods included.
 *
 * @module petiole/value
 */
export { ValueError, type FieldIssue } from "../errors.ts";
export type { RetiredType, ValueClassLike, ValueEntry, ValueType } from "../wire/value-type.ts";
export { value, type AdoptedByCodec, type AdoptedByFields } from "./adopt.ts";
export type { Evolution, Upgrades } from "./evolution.ts";
export {
  anything,
  optional,
  type Anything,
  type FieldTable,
  type FieldType,
  type FieldsOf,
  type Optional,
  type TypeOfField,
} from "./field.ts";
export { retired, type RetiredOptions } from "./retired.ts";
export { schemaOf, type JsonSchema } from "./json-schema.ts";
export type { StandardSchemaLike } from "./schema.ts";
export { Value, type ValueClass, type ValueMethods } from "./value-class.ts";
