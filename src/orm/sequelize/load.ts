/**
 * Loads rows by their keys.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import { checkLoadOptions } from "../../model/adapter-errors.ts";
import type { LoadOptions } from "../../model/adapter.ts";
import { distinctKeys } from "../../model/key-chunks.ts";
import type { Key } from "../../model/ref.ts";
import { conditionsFor, withDefaultScope } from "./condition.ts";
import type { Connection } from "./like.ts";
import { type SequelizeModel, invalid } from "./model.ts";
import { includesFor } from "./relations.ts";
import { keyOf } from "./rows.ts";

/** See `OrmAdapter.load`. */
export async function load(
  connection: Connection,
  model: SequelizeModel,
  keys: readonly Key[],
  options: LoadOptions,
  transaction: object | null,
  noReplica: string | undefined,
): Promise<readonly object[]> {
  checkLoadOptions("sequelize", options);
  if (options.from === "replica" && noReplica !== undefined) {
    throw new PetioleError("ERR_MODEL_UNSUPPORTED", noReplica);
  }
  const isAll = options.scope === "all";
  const useMaster = options.from !== "replica";
  const { name, target } = model;
  const include = includesFor(connection, model, options.with ?? [], isAll);
  const lists: (readonly object[])[] = [];
  for (const condition of conditionsFor(model, connection.getDialect(), distinctKeys(name, keys))) {
    const found = await (isAll ? target.unscoped() : target).findAll({
      where: isAll ? condition : withDefaultScope(model, condition),
      ...(include.length === 0 ? {} : { include }),
      paranoid: !isAll,
      transaction,
      useMaster,
      // Against what the model or its default scope may say.
      raw: false,
      limit: null,
      offset: null,
      rejectOnEmpty: false,
    });
    const [first] = found;
    if (first && keyOf(model, first) === undefined) {
      throw invalid(
        name,
        `the default scope of ${target.name} leaves out its key; let it select that as well`,
      );
    }
    lists.push(found);
  }
  return lists.length === 1 ? lists[0]! : lists.flat();
}
