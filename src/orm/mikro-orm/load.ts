/**
 * Loads rows, as they are now and as they are asked for.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import type { LoadOptions, SqlDialect } from "../../model/adapter.ts";
import { distinctKeys } from "../../model/key.ts";
import type { Key } from "../../model/ref.ts";
import { conditionsFor } from "./condition.ts";
import { type MikroOrmModel, propertyOf } from "./model.ts";
import {
  type ContextLike,
  type ManagerLike,
  type MetadataLike,
  type PropertyLike,
  isRelation,
} from "./types.ts";

/** How deep relations can be named. */
const maxDepth = 4;

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
  refuseUnless(model, Array.isArray(relations), "`with` must be a list of relations", relations);
  refuseUnless(model, ["default", "all"].includes(scope), '`scope` must be "default" or "all"', scope);
  refuseUnless(model, ["primary", "replica"].includes(from), '`from` must be "primary" or "replica"', from);
  for (const path of relations) checkPath(model, path);
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
  for (const condition of conditionsFor(dialect, model.keyProperties, distinctKeys(keys))) {
    rows.push(...(await fork.find(model.meta.class, condition, options)));
  }
  return rows;
}

function refuseUnless(model: MikroOrmModel, isRight: boolean, expected: string, received: unknown): void {
  if (isRight) return;
  throw new PetioleError(
    "ERR_MODEL_DEFINITION",
    `mikroOrm: ${model.name}: ${expected}; received ${describe(received)}`,
  );
}

function checkPath(model: MikroOrmModel, path: unknown): void {
  const refused = (reason: string): PetioleError =>
    new PetioleError(
      "ERR_MODEL_DEFINITION",
      `mikroOrm: ${model.name}: \`with\` names ${JSON.stringify(path)}${reason}`,
    );
  if (typeof path !== "string") throw refused(", which is no text");
  const names = path.split(".");
  if (names.length > maxDepth) throw refused(`, and relations are loaded ${maxDepth} deep at most`);
  let meta: MetadataLike | undefined = model.meta;
  for (const name of names) {
    const property: PropertyLike | undefined = meta && propertyOf(meta, name);
    if (meta === undefined || property === undefined || !isRelation(property)) {
      const known = meta?.props.filter(isRelation).map((relation) => relation.name) ?? [];
      throw refused(
        `, and ${JSON.stringify(name)} is no relation of ${meta?.className ?? "what is before it"}` +
          `; there ${known.length > 0 ? `are ${known.join(", ")}` : "is none"}`,
      );
    }
    meta = property.targetMeta;
  }
}
