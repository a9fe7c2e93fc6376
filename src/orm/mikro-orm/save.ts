/**
 * Writes a row exactly: neither hooks nor `onUpdate` nor versions have a part in it.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { SaveOperation } from "../../model/observer.ts";
import { foreignKeyOf, isDiscriminator } from "./fields.ts";
import { type MikroOrmModel, columnsOf } from "./model.ts";
import { type ContextLike, type DriverLike, isToOne } from "./types.ts";

/**
 * Updates the row with the key that is among the fields, or inserts it where there is none.
 *
 * An upsert of one statement would not do: what is not among the fields may be a column that must not be null, which
 * databases look at before they look for a row with that key.
 *
 * @returns which of the two it was
 */
export async function saveRow(
  driver: DriverLike,
  model: MikroOrmModel,
  fields: Readonly<Record<string, unknown>>,
  context: ContextLike | undefined,
): Promise<SaveOperation> {
  const { meta } = model;
  if (meta.inheritanceType === "tpt") {
    throw new PetioleError(
      "ERR_MODEL_UNSUPPORTED",
      `mikroOrm: ${model.name}: ${meta.className} has a table for each class (TPT), which cannot be saved here. ` +
        "Save the entity with MikroORM: em.upsert(entity)",
    );
  }
  const data = dataOf(model, fields);
  const where = Object.fromEntries(model.key.map((attribute) => [attribute, data[attribute]]));
  const changes = Object.fromEntries(Object.entries(data).filter(([name]) => !model.key.includes(name)));
  const options = () => (context === undefined ? {} : { ctx: context });
  const update = async () => {
    if (Object.keys(changes).length === 0)
      return (await driver.count(meta.class, where, { ...options(), connectionType: "write" })) > 0;
    return (await driver.nativeUpdate(meta.class, where, { ...changes }, options())).affectedRows > 0;
  };

  if (await update()) return "update";
  const inserted = await driver.nativeUpdate(
    meta.class,
    where,
    { ...discriminatorOf(model), ...data },
    { ...options(), upsert: true, onConflictAction: "ignore", onConflictFields: [...model.key] },
  );
  if (inserted.affectedRows > 0) return "insert";
  // Somebody else inserted it in between.
  await update();
  return "update";
}

/** The fields as the driver takes them. */
function dataOf(model: MikroOrmModel, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const columns = new Map(columnsOf(model.meta).map((property) => [property.name, property]));
  const data: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const property = columns.get(name);
    if (property === undefined) {
      throw new PetioleError(
        "ERR_MODEL_DEFINITION",
        `mikroOrm: ${model.name}: cannot save ${JSON.stringify(name)}: ${model.meta.className} has no such column. ` +
          `It has ${[...columns.keys()].join(", ")}`,
      );
    }
    // The database computes it.
    if (property.generated !== undefined && property.generated !== false) continue;
    if (value !== undefined)
      data[name] = isToOne(property) ? foreignKeyOf(property.targetMeta, value) : value;
  }
  const missing = model.key.filter((attribute) => (data[attribute] ?? undefined) === undefined);
  if (missing.length > 0) {
    throw new PetioleError(
      "ERR_REFERENCE_KEY",
      `mikroOrm: ${model.name}: cannot save a row without its key: ${missing.join(", ")} is missing`,
    );
  }
  return data;
}

/** Without it, a row of a table with several classes could not be loaded again. */
function discriminatorOf({ meta }: MikroOrmModel): Record<string, unknown> {
  const property = meta.props.find((each) => isDiscriminator(meta, each));
  return property === undefined || meta.discriminatorValue === undefined
    ? {}
    : { [property.name]: meta.discriminatorValue };
}
