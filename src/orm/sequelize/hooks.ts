/**
 * Tells of rows that were saved, from Sequelize's hooks.
 *
 * @module
 */
import type { SaveOperation } from "../../model/observer.ts";
import type { Connection, Hook, Instance, Model } from "./like.ts";

/** A write that a hook told of. */
export interface Write {
  readonly operation: SaveOperation;
  /** The class that it was done with, which may be a scope's. */
  readonly model: Model;
  /** Undefined for rows that are not known. */
  readonly instance?: Instance | undefined;
  /** The transaction that it was done in, as Sequelize has it. */
  readonly transaction: unknown;
}

/** The options of a write, as its hooks are given them. */
interface WriteOptions {
  readonly transaction?: unknown;
  /** The hooks for single rows are called as well. */
  readonly individualHooks?: boolean;
  readonly ignoreDuplicates?: boolean;
  readonly updateOnDuplicate?: readonly string[];
  readonly returning?: unknown;
}

/**
 * Calls `told` after each write through the models of a connection.
 *
 * @returns the function that ends it
 */
export function watchWrites(sequelize: Connection, told: (write: Write) => Promise<void>): () => void {
  const one = (operation: SaveOperation) =>
    async function (this: Model, instance: Instance, { transaction }: WriteOptions): Promise<void> {
      await told({ operation, model: this, instance, transaction });
    };
  const many = (operation: SaveOperation) =>
    async function (this: Model, { transaction, individualHooks }: WriteOptions): Promise<void> {
      if (individualHooks !== true) await told({ operation, model: this, transaction });
    };
  const hooks: Readonly<Record<string, unknown>> = {
    afterCreate: one("insert"),
    afterUpdate: one("update"),
    afterDestroy: one("delete"),
    // The row was there all the time.
    afterRestore: one("update"),
    async afterUpsert(this: Model, [instance, isNew]: [Instance, boolean | null], options: WriteOptions) {
      // PostgreSQL and SQLite do not say whether the row is new.
      const operation = isNew === true ? "insert" : "update";
      await told({ operation, model: this, instance, transaction: options.transaction });
    },
    async afterBulkCreate(this: Model, instances: readonly Instance[], options: WriteOptions) {
      const { transaction } = options;
      if (options.individualHooks === true) return;
      const operation = options.updateOnDuplicate === undefined ? "insert" : "update";
      if (!areKeysTrue(sequelize, this, options)) return told({ operation, model: this, transaction });
      for (const instance of instances) await told({ operation, model: this, instance, transaction });
    },
    afterBulkUpdate: many("update"),
    afterBulkDestroy: many("delete"),
    afterBulkRestore: many("update"),
  };
  for (const [event, hook] of Object.entries(hooks)) sequelize.addHook(event, hook as Hook);
  return () => {
    for (const [event, hook] of Object.entries(hooks)) sequelize.removeHook(event, hook as Hook);
  };
}

/**
 * Whether `bulkCreate` leaves the right keys in its instances. PostgreSQL returns them. Elsewhere Sequelize counts the
 * ids from the last one that the database gave, which is wrong where some of the rows were there.
 */
function areKeysTrue(sequelize: Connection, model: Model, options: WriteOptions): boolean {
  if (options.ignoreDuplicates === true) return false;
  if (!model.autoIncrementAttribute) return true;
  return sequelize.getDialect() === "postgres"
    ? options.returning !== false
    : options.updateOnDuplicate === undefined;
}
