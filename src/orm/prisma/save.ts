/**
 * Writes a row: a new one, or over the one with its key.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { type DelegateLike, property } from "./client.ts";
import { whereOf } from "./condition.ts";
import { keyIn } from "../../model/key.ts";
import type { PrismaModelInfo } from "./model.ts";
import { dataOf } from "./value.ts";

/**
 * Inserts the row with these fields or, where there is one with its key, updates it.
 *
 * @throws PetioleError `ERR_REFERENCE_KEY` when its key is not among the fields, or none that a row can have
 */
export async function saveRow(
  delegate: DelegateLike,
  model: PrismaModelInfo,
  provider: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<void> {
  const key = keyIn(fields, model.key);
  const unique = key === undefined ? undefined : whereOf(model, provider, key);
  if (unique === undefined) {
    throw new PetioleError(
      "ERR_REFERENCE_KEY",
      `${model.name}: cannot save without its key, ${model.key.map((part) => JSON.stringify(part)).join(", ")}; ` +
        `received ${describe(key)}`,
    );
  }
  const where = model.key.length === 1 ? unique : { [model.compoundName]: unique };
  const create = dataOf(model, fields);
  const update = Object.fromEntries(Object.entries(create).filter(([field]) => !model.key.includes(field)));
  // Prisma takes no upsert without the columns that a new row must have.
  const isWhole = model.fields.every((field) => field in create);
  if (!isWhole && (await isUpdated(delegate, { where, data: update }))) return;
  await delegate.upsert({ where, create, update });
}

/** Updates one row; false when it is not there. */
async function isUpdated(delegate: DelegateLike, args: object): Promise<boolean> {
  try {
    await delegate.update(args);
    return true;
  } catch (error) {
    if (error instanceof Error && property(error, "code") === "P2025") return false;
    throw error;
  }
}
