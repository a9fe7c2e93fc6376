/**
 * The members of the adapter.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { modelNamed } from "../../model/adapter-errors.ts";
import type { ModelDescription, OrmAdapter } from "../../model/adapter.ts";
import { Observers, type SaveOperation } from "../../model/observer.ts";
import { registerModel } from "../../model/registry.ts";
import { capabilitiesOf, isTransactionOf, sqlOf } from "./connection.ts";
import { watchWrites } from "./hooks.ts";
import type { Connection } from "./like.ts";
import { load } from "./load.ts";
import type { SequelizeModel } from "./model.ts";
import { classOf, entityOf, fieldsOf, isWhole, keyOf, modelOfClass } from "./rows.ts";
import { upsert } from "./save.ts";
import { Transactions } from "./transactions.ts";

/** An adapter for a connection and its described models. */
export function adapterOf(
  connection: Connection,
  models: readonly SequelizeModel[],
  label: string | undefined,
): OrmAdapter {
  const byName = new Map(models.map((model) => [model.name, model]));
  const byClass = new Map<object, SequelizeModel>();
  for (const model of models) if (!byClass.has(model.target)) byClass.set(model.target, model);
  const named = (name: string): SequelizeModel => modelNamed("sequelize", byName, name);
  /** What Sequelize is told: null keeps it from taking that of a CLS namespace. */
  const transactionIn = (handle: object | undefined): object | null => {
    if (handle === undefined || handle === connection) return null;
    if (isTransactionOf(connection, handle)) return handle;
    throw new PetioleError(
      "ERR_TRANSACTION_UNSUPPORTED",
      `sequelize: \`transaction\` must be one of this adapter's Sequelize; received ${describe(handle)}`,
    );
  };

  const capabilities = capabilitiesOf(connection);
  const observers = new Observers();
  const transactions = new Transactions(connection, observers);
  const told = (
    model: SequelizeModel,
    operation: SaveOperation,
    row: object | undefined,
    transaction: unknown,
  ): Promise<void> =>
    observers.saved({
      operation,
      model: model.name,
      key: row && keyOf(model, row),
      row: row !== undefined && isWhole(model, row) ? row : undefined,
      transaction: isTransactionOf(connection, transaction) ? transactions.tokenOf(transaction) : undefined,
    });
  const watch = (): (() => void) => {
    const ends = [
      transactions.watch(),
      watchWrites(connection, async (write) => {
        const model = modelOfClass(byClass, write.model);
        if (model !== undefined) await told(model, write.operation, write.instance, write.transaction);
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  };
  let unwatch: (() => void) | undefined;
  const sql = sqlOf(connection, transactionIn);

  const adapter: OrmAdapter = {
    name: "sequelize",
    ...(label === undefined ? {} : { connection: label }),
    capabilities,
    database: connection,
    models,

    async load(name, keys, options = {}) {
      const transaction = transactionIn(options.transaction);
      return load(connection, named(name), keys, options, transaction, capabilities.lacks.replica);
    },

    keyOf: (name, row) => keyOf(named(name), row),
    fieldsOf: (name, row) => fieldsOf(named(name), row),
    modelOf: (row) => modelOfClass(byClass, classOf(row))?.name,
    entityOf: (name, fields) => entityOf(named(name), fields),

    async save(name, fields, within = {}) {
      const model = named(name);
      const entity = entityOf(model, fields);
      if (keyOf(model, entity) === undefined) {
        const key = model.key.map((attribute) => JSON.stringify(attribute)).join(", ");
        throw new PetioleError(
          "ERR_REFERENCE_KEY",
          `sequelize: ${JSON.stringify(name)}: the fields to save are without the key (${key}); give all of it`,
        );
      }
      const transaction = transactionIn(within.transaction);
      await upsert(connection, model, fields, transaction);
      // No hook tells of this one.
      if (observers.size > 0) await told(model, "update", entity, transaction);
    },

    owns: (handle): handle is object => handle === connection || isTransactionOf(connection, handle),
    transactionOf: (handle) => transactions.tokenOf(handle),
    isTransaction: (handle) => isTransactionOf(connection, handle),

    async transaction<Result>(handle: unknown, run: (transaction: unknown) => Promise<Result>) {
      if (handle === connection) return transactions.run(undefined, run) as Promise<Result>;
      if (isTransactionOf(connection, handle)) return transactions.run(handle, run) as Promise<Result>;
      throw new PetioleError(
        "ERR_TRANSACTION_UNSUPPORTED",
        `sequelize: the handle is not this adapter's Sequelize or a transaction of it; received ${describe(handle)}`,
      );
    },

    observe(observer) {
      const end = observers.add(observer);
      unwatch ??= watch();
      return () => {
        end();
        if (observers.size > 0) return;
        unwatch?.();
        unwatch = undefined;
      };
    },

    ...(sql === undefined ? {} : { sql }),
  };
  for (const model of adapter.models as readonly ModelDescription[]) registerModel(model, adapter);
  return adapter;
}
