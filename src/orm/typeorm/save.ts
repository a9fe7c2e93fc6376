/**
 * Writing a row with the values that it is to have, and no others: neither versions nor listeners change them.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { SaveOperation } from "../../model/observer.ts";
import type { Attribute, Entity } from "./entity.ts";
import { type Given, given, nested } from "./fields.ts";
import type { DriverLike, QueryRunnerLike } from "./like.ts";

/** A query builder, as far as a row is written with it. */
interface WriteLike {
  update(target: never): WriteLike;
  insert(): WriteLike;
  set(values: object): WriteLike;
  into(target: never): WriteLike;
  values(values: object): WriteLike;
  where(condition: object): WriteLike;
  orUpdate(overwrite: readonly string[], conflict: readonly string[]): WriteLike;
  orIgnore(): WriteLike;
  callListeners(enabled: boolean): WriteLike;
  updateEntity(enabled: boolean): WriteLike;
  execute(): Promise<{ readonly affected?: number | null }>;
}

/** Updates the row with the key that is among the fields, or inserts it; tells which. */
export async function saveRow(
  entity: Entity,
  fields: Readonly<Record<string, unknown>>,
  driver: DriverLike,
  runner: QueryRunnerLike,
): Promise<SaveOperation> {
  const target = entity.metadata.target as never;
  const builder = (): WriteLike => runner.manager.createQueryBuilder() as WriteLike;
  const isOfKey = ({ path }: Attribute): boolean => entity.key.some(({ name }) => name === path.join("."));
  const values = given(entity, fields).filter(
    ({ attribute }) => attribute.columns[0].generatedType === undefined,
  );
  const key = values.filter(({ attribute, value }) => isOfKey(attribute) && value !== null);
  if (key.length < entity.key.length) {
    const names = entity.key.map(({ name }) => JSON.stringify(name)).join(", ");
    throw new PetioleError(
      "ERR_REFERENCE_KEY",
      `typeorm: a row of ${entity.name} is saved by its key: give ${names}`,
    );
  }
  const updated = values.filter(({ attribute }) => !isOfKey(attribute) && attribute.columns[0].isUpdate);

  // Before the insert: a row that lacks required columns can be updated, and not be inserted.
  const { affected } = await builder()
    .update(target)
    .set(nested(updated.concat(leftAsTheyAre(entity, updated, driver))))
    .where(nested(key))
    .callListeners(false)
    .updateEntity(false)
    .execute();
  if ((affected ?? 0) > 0) return "update";
  const insert = builder()
    .insert()
    // Where several classes are in one table, by the one of the row.
    .into(entity.metadata.findInheritanceMetadata(fields).target as never)
    .values(nested(values))
    .callListeners(false)
    .updateEntity(false);
  // Another may have inserted it in between.
  const upsert = updated.length > 0 ? insert.orUpdate(columnsOf(updated), columnsOf(key)) : insert.orIgnore();
  await upsert.execute();
  return "insert";
}

/** TypeORM counts versions up with every update, except one that sets them; and an update must set something. */
function leftAsTheyAre(
  { metadata, attributes, key }: Entity,
  updated: readonly Given[],
  driver: DriverLike,
): readonly Given[] {
  const counted = new Set([metadata.versionColumn, metadata.updateDateColumn]);
  if (updated.length === 0) counted.add(key[0].columns[0]);
  return attributes
    .filter(({ columns }) => counted.has(columns[0]))
    .filter((attribute) => !updated.some((each) => each.attribute === attribute))
    .map((attribute) => ({ attribute, value: () => driver.escape(attribute.columns[0].databaseName) }));
}

function columnsOf(values: readonly Given[]): readonly string[] {
  return values.flatMap(({ attribute }) => attribute.columns.map((column) => column.databaseName));
}
