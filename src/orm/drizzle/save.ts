/**
 * Saving a row by its key: an update, and where there is nothing to update an insert.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { keyIn } from "../../model/key.ts";
import { conditionsFor } from "./condition.ts";
import type { HandleLike, InsertBuilderLike, UpdatedLike } from "./handle.ts";
import { selectRows } from "./load.ts";
import { type DrizzleModel, fieldsIn } from "./model.ts";
import type { DrizzleOperators } from "./operators.ts";
import type { ColumnLike } from "./table.ts";

/**
 * Writes a row. The update comes first, for an insert that turns into one would need every column that must not be
 * null; and it does not wait for an error, which would end a transaction of PostgreSQL.
 *
 * @throws PetioleError `ERR_REFERENCE_KEY` when the fields have no key; `ERR_SNAPSHOT_FIELDS` for a time that the column's
 *   Date could not hold
 */
export async function saveRow(
  handle: HandleLike,
  operators: DrizzleOperators,
  model: DrizzleModel,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { description, columns, keyColumns, target } = model;
  const key = keyIn(fields, description.key);
  if (key === undefined) {
    throw new PetioleError(
      "ERR_REFERENCE_KEY",
      `${description.name}: a row is saved by its key, and the fields have no ${description.key.map((part) => JSON.stringify(part)).join(", ")}; ` +
        `received ${describe(fields)}`,
    );
  }
  const row = Object.fromEntries(
    Object.entries(fieldsIn(model, fields)).filter(
      ([attribute]) => columns[attribute]?.generated === undefined,
    ),
  );
  const changes = Object.fromEntries(
    Object.entries(row).filter(
      ([attribute]) => !description.key.includes(attribute) && !isAlwaysIdentity(columns[attribute]),
    ),
  );
  refuseTimes(model, row);
  const hasChanges = Object.keys(changes).length > 0;
  for (const condition of conditionsFor(operators, keyColumns, [key])) {
    const found = hasChanges
      ? await countOf(handle.update(target).set(changes).where(condition), model)
      : (await selectRows(handle, model, condition)).length;
    if (found > 0) return;
  }

  const insert = insertOf(handle, target, columns).values(row);
  const set = hasChanges ? changes : onlyKey(row, description.key);
  if (insert.onDuplicateKeyUpdate) await insert.onDuplicateKeyUpdate({ set });
  else if (!hasChanges) await insert.onConflictDoNothing?.();
  // Another may have inserted it meanwhile.
  else await insert.onConflictDoUpdate?.({ target: keyColumns.map(({ column }) => column), set });
}

/** A time with microseconds, of Python's, comes as its text: what is beyond a Date is not cut off without a word. */
function refuseTimes({ description, columns }: DrizzleModel, row: Readonly<Record<string, unknown>>): void {
  for (const [attribute, value] of Object.entries(row)) {
    if (typeof value !== "string" || !columns[attribute]?.dataType.includes("date")) continue;
    throw new PetioleError(
      "ERR_SNAPSHOT_FIELDS",
      `${description.name}.${attribute} cannot be ${value}: the column is read and written as a Date, which does not hold ` +
        'that exactly. Give it mode: "string", or write the row yourself.',
    );
  }
}

/** How many rows an update met. */
async function countOf(updated: UpdatedLike, { keyColumns }: DrizzleModel): Promise<number> {
  if (updated.returning) {
    const columns = keyColumns.map(({ attribute, column }) => [attribute, column] as const);
    return (await updated.returning(Object.fromEntries(columns))).length;
  }
  // MySQL's drivers say how many: mysql2 in the first of a pair, PlanetScale's itself.
  const result = await updated;
  const header = (Array.isArray(result) ? result[0] : result) as {
    affectedRows?: number;
    rowsAffected?: number;
  };
  return header?.affectedRows ?? header?.rowsAffected ?? 0;
}

function insertOf(
  handle: HandleLike,
  target: object,
  columns: Readonly<Record<string, ColumnLike>>,
): InsertBuilderLike {
  const insert = handle.insert(target);
  // Its number is the row's own, and not the next.
  return Object.values(columns).some(isAlwaysIdentity)
    ? (insert.overridingSystemValue?.() ?? insert)
    : insert;
}

function isAlwaysIdentity(column: ColumnLike | undefined): boolean {
  return column?.generatedIdentity?.type === "always";
}

function onlyKey(row: Readonly<Record<string, unknown>>, key: readonly string[]): object {
  return Object.fromEntries(key.map((attribute) => [attribute, row[attribute]]));
}
