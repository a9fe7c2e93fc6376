/**
 * Loads rows, as they are now and as they are asked for.
 *
 * @module
 */
import type { LoadOptions, SqlDialect } from "../../model/adapter.ts";
import { distinctKeys } from "../../model/key-chunks.ts";
import type { Key } from "../../model/ref.ts";
import { relationSteps, relationsThere } from "../../model/relation-path.ts";
import { conditionsFor } from "./condition.ts";
import { type MikroOrmModel, invalid } from "./model.ts";
import { type ContextLike, type ManagerLike, type PropertyLike, isRelation } from "./types.ts";

/** What a load needs beside its options. */
export interface LoadRequest {
  readonly manager: ManagerLike;
  readonly dialect: SqlDialect | undefined;
  readonly model: MikroOrmModel;
  readonly keys: readonly Key[];
  /** Of the transaction that it is done in. */
  readonly context: ContextLike | undefined;
}

/** See `OrmAdapter.load`. */
export async function loadRows(
  { manager, dialect, model, keys, context }: LoadRequest,
  { with: relations = [], scope = "default", from = "primary" }: LoadOptions,
): Promise<readonly object[]> {
  checkPaths(model, relations);
  // What another entity manager has in its identity map may be old, and must not be changed by this.
  const fork = manager.fork({ clear: true });
  if (context !== undefined) fork.setTransactionContext(context);
  const options = {
    populate: relations,
    // Unless told, a replica is asked.
    connectionType: from === "replica" ? "read" : "write",
    // `resultCache.global` caches every query.
    cache: false,
    ...(scope === "all" ? { filters: false } : {}),
  };
  const rows: object[] = [];
  for (const condition of conditionsFor(dialect, model.keyProperties, distinctKeys(model.name, keys))) {
    rows.push(...(await fork.find(model.meta.class, condition, options)));
  }
  return rows;
}

/** MikroORM itself takes the paths, but leaves out what is no relation. */
function checkPaths(model: MikroOrmModel, paths: readonly string[]): void {
  const relationsOf = (from: PropertyLike | undefined) => {
    const meta = from === undefined ? model.meta : from.targetMeta;
    const relations = meta?.props.filter(isRelation) ?? [];
    return relationsThere(meta?.className, new Map(relations.map((relation) => [relation.name, relation])));
  };
  relationSteps(paths, relationsOf, (reason) => invalid(model.name, reason));
}
