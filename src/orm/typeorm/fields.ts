/**
 * Rows and their fields: what an entity has in memory, and an entity that has what was given.
 *
 * @module
 */
import { keyWith } from "../../model/key.ts";
import type { Key } from "../../model/ref.ts";
import type { Attribute, Entity } from "./entity.ts";
import type { ColumnMetadataLike, RelationMetadataLike } from "./like.ts";
import { invalid } from "./target.ts";

/**
 * The foreign keys of rows that were loaded without the related entity, where the row's own property must stay as it
 * is: that of a lazy relation loads what it is asked for.
 */
export const foreignKeys = new WeakMap<object, Map<RelationMetadataLike, unknown>>();

/** A row's key; undefined when the row has none yet. */
export function keyOfRow(entity: Entity, row: object): Key | undefined {
  const attributes = new Map(entity.key.map((attribute) => [attribute.name, attribute]));
  return keyWith([...attributes.keys()], (name) => {
    const value = valueOf(attributes.get(name)!, row);
    // A query builder may have been given SQL, which is a function.
    return typeof value === "function" ? undefined : value;
  });
}

/** The columns that a row has, by property; those of an embedded object in a plain object. */
export function fieldsOfRow(entity: Entity, row: object): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const attribute of entity.attributes) {
    const value = valueOf(attribute, row);
    if (value !== undefined) put(fields, attribute.path, value);
  }
  return fields;
}

/**
 * The value of an attribute, as it is in memory; of a relation, the key of the related entity. Undefined where it was
 * not loaded. Never asks the database.
 */
export function valueOf({ path, columns, relation }: Attribute, row: object): unknown {
  if (relation !== undefined) return relatedKey(relation, row);
  const value = at(row, path);
  const [column] = columns;
  if (value === undefined && column.isDiscriminator) {
    const { target, discriminatorValue } = column.entityMetadata.findInheritanceMetadata(row);
    return row.constructor === target ? discriminatorValue : undefined;
  }
  if (value !== undefined || column.relationMetadata === undefined) return value;
  // The column has a property, and the relation another: the related entity tells as well.
  const related = column.relationMetadata.getEntityValue(row);
  return isEntity(related) && column.referencedColumn
    ? column.referencedColumn.getEntityValue(related)
    : undefined;
}

/** An entity with these fields, of its class, as TypeORM makes those that it loads: the constructor is not called. */
export function entityWith(entity: Entity, fields: Readonly<Record<string, unknown>>): object {
  const row = entity.metadata.findInheritanceMetadata(fields).create(undefined, { fromDeserializer: true });
  for (const { attribute, value } of given(entity, fields)) assign(row, attribute, value);
  return row;
}

/** Values as TypeORM's query builders take them: nested as the entity is, and for a relation an object with its key. */
export function nested(values: readonly Given[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const { attribute, value } of values) {
    const { relation, path } = attribute;
    const isKey = relation !== undefined && value !== null && typeof value !== "function";
    put(object, path, isKey ? keyObject(relation, value) : value);
  }
  return object;
}

/** An attribute, and the value that it is to have. */
export interface Given {
  readonly attribute: Attribute;
  readonly value: unknown;
}

/**
 * The attributes that fields are given for.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when one is no column of the entity
 */
export function given(entity: Entity, fields: Readonly<Record<string, unknown>>): readonly Given[] {
  const unknown = Object.keys(fields).filter((field) => !entity.fields.includes(field));
  if (unknown.length > 0) {
    const names = unknown.map((field) => JSON.stringify(field)).join(", ");
    throw invalid(entity.name, `the entity has no column ${names}. It has ${entity.fields.join(", ")}`);
  }
  return entity.attributes
    .map((attribute) => ({ attribute, value: at(fields, attribute.path) }))
    .filter(({ value }) => value !== undefined);
}

/** Puts the key of a related entity, or null, in the place of a relation that was not loaded. */
export function assignForeignKey(row: object, relation: RelationMetadataLike, key: unknown): void {
  if (!relation.isLazy) {
    assignRelation(row, relation, key);
    return;
  }
  const keys = foreignKeys.get(row) ?? new Map<RelationMetadataLike, unknown>();
  foreignKeys.set(row, keys.set(relation, key));
}

function assign(row: object, { columns, relation }: Attribute, value: unknown): void {
  const [column] = columns;
  if (relation !== undefined) assignRelation(row, relation, value);
  else if (!column.isVirtual) column.setEntityValue(row, value);
}

function assignRelation(row: object, relation: RelationMetadataLike, key: unknown): void {
  relation.setEntityValue(row, key === null ? null : referred(relation, key));
}

/** An entity of which only the key is known. */
function referred(relation: RelationMetadataLike, key: unknown): object {
  const related = relation.inverseEntityMetadata.create(undefined, { fromDeserializer: true });
  for (const [column, part] of keyParts(relation, key)) column.setEntityValue(related, part);
  return related;
}

function keyObject(relation: RelationMetadataLike, key: unknown): object {
  const object: Record<string, unknown> = {};
  for (const [column, part] of keyParts(relation, key)) put(object, column.propertyPath.split("."), part);
  return object;
}

function relatedKey(relation: RelationMetadataLike, row: object): unknown {
  const related = relation.getEntityValue(row);
  if (related === undefined) return foreignKeys.get(row)?.get(relation);
  // TypeORM's `loadRelationIds` gives the key itself.
  if (!isEntity(related)) return related;
  const parts = referencedColumns(relation).map(
    (column) => [column.propertyPath, column.getEntityValue(related)] as const,
  );
  const [first, ...others] = parts;
  if (parts.some(([, part]) => part === undefined)) return undefined;
  return others.length === 0 ? first?.[1] : Object.fromEntries(parts);
}

function keyParts(
  relation: RelationMetadataLike,
  key: unknown,
): readonly (readonly [ColumnMetadataLike, unknown])[] {
  const columns = referencedColumns(relation);
  return columns.map((column) => [
    column,
    columns.length === 1 ? key : at(key as object, [column.propertyPath]),
  ]);
}

/** The columns of the related entity that a relation's own columns refer to. */
function referencedColumns(relation: RelationMetadataLike): readonly ColumnMetadataLike[] {
  return relation.joinColumns
    .map((column) => column.referencedColumn)
    .filter((column) => column !== undefined);
}

function isEntity(value: unknown): value is object {
  return (
    typeof value === "object" && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array)
  );
}

function at(object: object, path: readonly string[]): unknown {
  let value: unknown = object;
  for (const name of path)
    value = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return value;
}

function put(object: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let owner = object;
  for (const name of path.slice(0, -1)) owner = (owner[name] ??= {}) as Record<string, unknown>;
  const last = path.at(-1);
  if (last !== undefined) owner[last] = value;
}
