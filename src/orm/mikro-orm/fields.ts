/**
 * Rows in memory: their keys, their columns, their models.
 *
 * @module
 */
import { attempt } from "../../errors.ts";
import { keyWith } from "../../model/key.ts";
import type { Key } from "../../model/ref.ts";
import { type MikroOrmModel, columnsOf } from "./model.ts";
import {
  type DriverLike,
  type ManagerLike,
  type MetadataLike,
  type PropertyLike,
  isToOne,
  unwrapped,
  wrappedOf,
} from "./types.ts";

/** The key of a row, or of a `Reference` to one; undefined when it has none yet. */
export function keyIn(model: MikroOrmModel, given: object): Key | undefined {
  const row = unwrapped(given) as object;
  // It may have been given its key, a uuid, and wait to be flushed.
  const wrapped = wrappedOf(row);
  if (wrapped !== undefined && wrapped.__managed === undefined && wrapped.__em === undefined)
    return undefined;
  return keyWith(model.key, (attribute) => bareKeyOf(Reflect.get(row, attribute)));
}

/** The columns that a row has. */
export function fieldsIn(model: MikroOrmModel, given: object): Record<string, unknown> {
  const row = unwrapped(given) as object;
  const fields: Record<string, unknown> = {};
  for (const property of columnsOf(model.meta)) {
    const { name } = property;
    if (property.hidden === true && !model.key.includes(name)) continue;
    const value = isDiscriminator(model.meta, property)
      ? (wrappedOf(row)?.__meta.discriminatorValue ?? undefined)
      : valueOf(property, Reflect.get(row, name));
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

/** Finds the model of a row by its class, or by the nearest class that it extends in the same table. */
export function modelFinder(
  models: readonly MikroOrmModel[],
  driver: DriverLike,
): (row: object) => string | undefined {
  // An entity under two names has none by itself: nothing guesses which is meant.
  const byPrototype = new Map<object, MikroOrmModel | undefined>();
  for (const model of models) {
    const { prototype } = model.meta.class;
    byPrototype.set(prototype, byPrototype.has(prototype) ? undefined : model);
  }
  const find = (given: object): string | undefined => {
    const row = unwrapped(given) as object;
    for (
      let prototype = Object.getPrototypeOf(row) as object | null;
      prototype !== null;
      prototype = Object.getPrototypeOf(prototype) as object | null
    ) {
      if (!byPrototype.has(prototype)) continue;
      const model = byPrototype.get(prototype);
      const wrapped = wrappedOf(row);
      // Of a class that extends another and has a table of its own. Metadata are told by class: that of several ORMs
      // with the same classes is not the same.
      if (wrapped !== undefined && wrapped.__meta.root.class !== model?.meta.root.class) return undefined;
      // Of another connection with the same classes.
      if (wrapped?.__em !== undefined && wrapped.__em.getDriver() !== driver) return undefined;
      return model?.name;
    }
    return undefined;
  }; // It is asked about anything that is to travel, also what throws when it is looked at.
  return (row) => attempt(() => find(row));
}

/** An entity with these fields, which no entity manager knows. */
export function detached(
  manager: ManagerLike,
  { meta }: MikroOrmModel,
  fields: Readonly<Record<string, unknown>>,
): object {
  // What it is related to are references of an entity manager that nobody else has.
  const fork = manager.fork({ clear: true });
  const data = columnsOf(meta)
    .filter(({ name }) => Object.hasOwn(fields, name))
    .map((property) => [property.name, related(fork, property, fields[property.name])]);
  return fork.getEntityFactory().create(meta.class, Object.fromEntries(data) as object, {
    newEntity: false,
    merge: false,
    convertCustomTypes: false,
  });
}

/** A foreign key as MikroORM takes it: of several attributes, a list in the order of the target's key. */
export function foreignKeyOf(target: MetadataLike | undefined, key: unknown): unknown {
  if (target === undefined || typeof key !== "object" || key === null || Array.isArray(key)) return key;
  return target.primaryKeys.map((attribute) =>
    foreignKeyOf(target.properties[attribute]?.targetMeta, Reflect.get(key, attribute)),
  );
}

/** Whether it is the column that tells the class of a row, and that the class itself does not have. */
export function isDiscriminator(meta: MetadataLike, { name, userDefined }: PropertyLike): boolean {
  return userDefined === false && meta.root.discriminatorColumn === name;
}

function related(manager: ManagerLike, property: PropertyLike, value: unknown): unknown {
  if (!isToOne(property) || property.mapToPk === true || value === null || value === undefined) return value;
  const key = foreignKeyOf(property.targetMeta, value);
  return manager.getReference(property.targetMeta?.class, key, { wrapped: property.ref === true });
}

function valueOf(property: PropertyLike, value: unknown): unknown {
  if (property.kind === "embedded") return embeddedIn(property, value);
  if (isToOne(property)) return bareKeyOf(value);
  return unwrapped(value);
}

/** An embeddable as a plain object, so that it travels without its class. */
function embeddedIn({ embeddedProps = {} }: PropertyLike, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => embeddedIn({ embeddedProps } as PropertyLike, each));
  if (typeof value !== "object" || value === null) return value;
  const fields: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(embeddedProps)) {
    if (property.persist === false || property.hidden === true) continue;
    const field = valueOf(property, Reflect.get(value, name));
    if (field !== undefined) fields[name] = field;
  }
  return fields;
}

/** The key of what a relation holds: an entity, a `Reference` to one, or the key itself. */
function bareKeyOf(value: unknown): unknown {
  const related = unwrapped(value);
  if (typeof related !== "object" || related === null) return related;
  const wrapped = wrappedOf(related);
  return wrapped === undefined ? related : wrapped.getPrimaryKey();
}
