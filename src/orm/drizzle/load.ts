/**
 * Loading rows by their keys.
 *
 * @module
 */
import { distinctKeys } from "../../model/key-chunks.ts";
import type { Key } from "../../model/ref.ts";
import { conditionsFor } from "./condition.ts";
import type { HandleLike } from "./handle.ts";
import type { DrizzleModel } from "./model.ts";
import type { DrizzleOperators } from "./operators.ts";
import type { RelationsToLoad } from "./relations.ts";

/** The rows with these keys, from `handle`, with their relations where some are asked for. */
export async function loadRows(
  handle: HandleLike,
  operators: DrizzleOperators,
  model: DrizzleModel,
  keys: readonly Key[],
  relations: RelationsToLoad | undefined,
): Promise<readonly object[]> {
  const distinct = distinctKeys(model.description.name, keys);
  const rows: object[] = [];
  for (const condition of conditionsFor(operators, model.keyColumns, distinct)) {
    rows.push(
      ...(await (relations ? relations.load(handle, condition) : selectRows(handle, model, condition))),
    );
  }
  return rows;
}

/** The rows of a model that a condition is true of. */
export function selectRows(
  handle: HandleLike,
  { target }: DrizzleModel,
  condition: unknown,
): PromiseLike<readonly object[]> {
  const query = handle.select().from(target).where(condition);
  // A row arrives as it is now: never from Drizzle's query cache, which may be on for all queries.
  return query.$withCache?.(false) ?? query;
}
