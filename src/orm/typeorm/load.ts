/**
 * Loading rows by their keys.
 *
 * @module
 */
import type { Key } from "../../model/ref.ts";
import { type Condition, alias, conditionsFor } from "./condition.ts";
import type { Attribute, Entity } from "./entity.ts";
import { assignForeignKey } from "./fields.ts";
import type { DriverLike, QueryRunnerLike, RelationMetadataLike, SelectLike } from "./like.ts";
import type { RelationTree } from "./relations.ts";

/** What is to be loaded. */
export interface Selection {
  readonly entity: Entity;
  readonly keys: readonly Key[];
  readonly relations: RelationTree;
  readonly withDeleted: boolean;
  /** Whether TypeORM must ask for relations in the same statement, whatever it is set to. */
  readonly inOneStatement: boolean;
}

/** The rows with these keys: as `find` gives them, and with the foreign keys that it leaves out. */
export async function loadRows(
  selection: Selection,
  driver: DriverLike,
  runner: QueryRunnerLike,
): Promise<readonly object[]> {
  const rows: object[] = [];
  for (const condition of conditionsFor(selection.entity, driver, selection.keys)) {
    rows.push(...(await select(selection, condition, driver, runner)));
  }
  return rows;
}

async function select(
  { entity, relations, withDeleted, inOneStatement }: Selection,
  condition: Condition,
  driver: DriverLike,
  runner: QueryRunnerLike,
): Promise<readonly object[]> {
  const query = runner.manager.createQueryBuilder(entity.metadata.target as never, alias) as SelectLike;
  const { raw, entities } = await query
    .setFindOptions({ relations, withDeleted, ...(inOneStatement ? { relationLoadStrategy: "join" } : {}) })
    .where(condition.text, condition.parameters)
    // A row arrives as it is now: never from TypeORM's query cache, which may be on for all queries.
    .cache(false)
    .getRawAndEntities();
  const unloaded = entity.attributes.filter(({ relation }) => relation !== undefined);
  if (unloaded.length > 0) addForeignKeys(entity, unloaded, driver, raw, entities);
  return entities;
}

/** TypeORM reads the columns of relations that it does not load, and leaves them out of the entities. */
function addForeignKeys(
  { metadata }: Entity,
  relations: readonly Attribute[],
  driver: DriverLike,
  raw: readonly object[],
  entities: readonly object[],
): void {
  const { primaryColumns } = metadata;
  const identity = (values: readonly unknown[]): string => JSON.stringify(values.map(String));
  const columnsOf = (row: object, columns: Attribute["columns"] | typeof primaryColumns): unknown[] =>
    columns.map((column) => {
      const value: unknown = Reflect.get(row, `${alias}_${column.databaseName}`);
      return value === null
        ? null
        : driver.prepareHydratedValue(value, (column.referencedColumn ?? column) as never);
    });
  const byKey = new Map(raw.map((row) => [identity(columnsOf(row, primaryColumns)), row]));
  for (const entity of entities) {
    const row = byKey.get(identity(primaryColumns.map((column) => column.getEntityValue(entity))));
    for (const { relation, columns } of relations) {
      if (row === undefined || relation === undefined || relation.getEntityValue(entity) !== undefined)
        continue;
      const values = columnsOf(row, columns);
      if (!values.includes(undefined)) assignForeignKey(entity, relation, keyFrom(relation, values));
    }
  }
}

function keyFrom({ joinColumns }: RelationMetadataLike, values: readonly unknown[]): unknown {
  if (values.includes(null)) return null;
  if (values.length === 1) return values[0];
  const names = joinColumns.map((column) => column.referencedColumn?.propertyPath ?? column.propertyPath);
  return Object.fromEntries(names.map((name, index) => [name, values[index]]));
}
