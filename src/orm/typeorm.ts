/**
 * TypeORM: instances of your entities as references.
 *
 * Written for TypeORM 1. Nothing of it is imported.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { checkOptions, checkLoadOptions, refuseLacking } from "../model/adapter-errors.ts";
import type { LoadOptions, OrmAdapter } from "../model/adapter.ts";
import { distinctKeys } from "../model/key-chunks.ts";
import { Observers } from "../model/observer.ts";
import { registerModel } from "../model/registry.ts";
import { capabilitiesOf, dialectOf } from "./typeorm/capabilities.ts";
import { Entities, describeModel } from "./typeorm/entities.ts";
import { entityWith, fieldsOfRow, keyOfRow } from "./typeorm/fields.ts";
import {
  isDataSource,
  isOfDataSource,
  managerOf,
  refuseOther,
  runnerOf,
  transactionGiven,
  withRunner,
} from "./typeorm/handle.ts";
import type { DataSourceLike } from "./typeorm/like.ts";
import { loadRows } from "./typeorm/load.ts";
import { Listening } from "./typeorm/observe.ts";
import { relationTree } from "./typeorm/relations.ts";
import { saveRow } from "./typeorm/save.ts";
import { sqlOf } from "./typeorm/sql.ts";
import {
  type TypeormClassLike,
  type TypeormStatedModel,
  type TypeormSchemaLike,
  readModel,
} from "./typeorm/target.ts";

export {
  type TypeormClassLike,
  type TypeormStatedModel,
  type TypeormPlainEntity,
  type TypeormSchemaLike,
  plainEntity,
} from "./typeorm/target.ts";

/** What is used of a DataSource. */
export type TypeormDataSourceLike = DataSourceLike;

/** Name to entity: a class, an EntitySchema, or one of them with settings. */
export interface TypeormModels {
  readonly [name: string]: TypeormClassLike | TypeormSchemaLike | TypeormStatedModel;
}

/** The row type of each model, by its name. */
export type TypeormRows<Models extends TypeormModels> = {
  -readonly [Name in keyof Models]: RowOfModel<Models[Name]>;
};

// A class comes first: it may have a static property called `entity`.
type RowOfModel<Model> = Model extends (abstract new (...parameters: never) => infer Instance extends object)
  ? Instance
  : Model extends { readonly $inferSelect: infer Row extends object }
    ? Row
    : Model extends { readonly entity: infer Entity }
      ? RowOfModel<Entity>
      : object;

/** The rows that know their model: the instances of classes. */
export type TypeormInstances<Models extends TypeormModels> = {
  readonly [Name in keyof Models]: InstanceOfModel<Models[Name]>;
}[keyof Models];

type InstanceOfModel<Model> = Model extends TypeormClassLike
  ? RowOfModel<Model>
  : Model extends { readonly $inferSelect: object }
    ? never
    : Model extends { readonly entity: infer Entity }
      ? InstanceOfModel<Entity>
      : never;

/** The settings of {@link typeorm}. */
export interface TypeormOptions {
  /** The connection's name, where an app has several with the same models: it travels in references. Default: none. */
  readonly connection?: string;
}

/**
 * An adapter for a DataSource and the entities whose rows may be referred to.
 *
 * Instances of the entities' classes travel as references by themselves. A reference holds the entity's primary key,
 * by the names of its properties. Rows are what `find` gives, and the foreign keys that it leaves out.
 *
 * The DataSource may be initialised later, before rows are referred to or loaded.
 *
 * Of a SQLite database TypeORM has one connection: while a transaction is open, whatever is asked is asked in it.
 *
 * @param dataSource The `new DataSource(…)`.
 * @param models Name to entity. The name travels: choose it for good.
 * @throws PetioleError `ERR_MODEL_DEFINITION` when something is no entity of the DataSource, or has a key that is not
 * of strings, integers and bigints: at once, if the DataSource is initialised, otherwise at its first use.
 *
 * @example
 * const models = [typeorm(dataSource, { "qa.Question": Question, "qa.Answer": Answer })];
 * typeorm(dataSource, { "shop.Price": { entity: Price, key: ["product", "currency"] } });
 */
export function typeorm<const Models extends TypeormModels>(
  dataSource: TypeormDataSourceLike,
  models: Models,
  options: TypeormOptions = {},
): OrmAdapter<TypeormRows<Models>, TypeormInstances<Models>> {
  refuseWrong(dataSource, options);
  const given = Object.entries<unknown>(models).map(([name, model]) => readModel(name, model));
  const entities = new Entities(dataSource, given);
  if (dataSource.isInitialized) entities.check();

  const capabilities = capabilitiesOf(dataSource);
  const dialect = dialectOf(dataSource);
  const { driver } = dataSource;
  const { cache } = dataSource.options;
  // The statements that TypeORM makes for relations alone go to its query cache then, whatever the first is told.
  const cachesAll =
    typeof cache === "object" && cache !== null && Reflect.get(cache, "alwaysEnabled") === true;
  const observers = new Observers();
  const listening = new Listening(observers, dataSource, entities);
  const classes = new Map(given.map((model) => [model.class?.prototype as unknown, model.name]));
  classes.delete(undefined);

  const adapter: OrmAdapter<TypeormRows<Models>, TypeormInstances<Models>> = {
    name: "typeorm",
    ...(options.connection === undefined ? {} : { connection: options.connection }),
    capabilities,
    database: dataSource,
    models: given.map((model) => describeModel(model, model.targets[0], entities)),

    async load(name, keys, loading: LoadOptions = {}) {
      const entity = entities.named(name);
      checkLoadOptions("typeorm", loading);
      const relations = relationTree(entity, loading.with ?? []);
      const transaction = transactionGiven(dataSource, loading);
      const fromReplica = loading.from === "replica" && transaction === undefined;
      if (fromReplica) refuseLacking("typeorm", capabilities, "replica");
      const distinct = distinctKeys(name, keys);
      if (distinct.length === 0) return [];
      const selection = {
        entity,
        keys: distinct,
        relations,
        withDeleted: loading.scope === "all",
        inOneStatement: cachesAll,
      };
      return withRunner(dataSource, transaction, fromReplica ? "slave" : "master", (runner) =>
        loadRows(selection, driver, runner),
      );
    },

    keyOf: (name, row) => keyOfRow(entities.named(name), row),
    fieldsOf: (name, row) => fieldsOfRow(entities.named(name), row),
    entityOf: (name, fields) => entityWith(entities.named(name), fields),

    modelOf(row) {
      // An instance of a subclass is a row of the class that is a model, unless the subclass has a table of its own.
      const passed: unknown[] = [];
      let prototype: unknown = Object.getPrototypeOf(row);
      while (typeof prototype === "object" && prototype !== null) {
        const name = classes.get(prototype);
        if (name !== undefined)
          return passed.some((owner) => entities.hasOther(owner, name)) ? undefined : name;
        passed.push(prototype.constructor);
        prototype = Object.getPrototypeOf(prototype);
      }
      return undefined;
    },

    async save(name, fields, within) {
      const entity = entities.named(name);
      await withRunner(dataSource, transactionGiven(dataSource, within), "master", async (runner) => {
        const operation = await saveRow(entity, fields, driver, runner);
        if (observers.size === 0) return;
        const key = keyOfRow(entity, entityWith(entity, fields));
        await observers.saved({
          operation,
          model: name,
          key,
          transaction: listening.transactions.of(runner),
        });
      });
    },

    owns: (handle) => isOfDataSource(dataSource, handle),
    transactionOf: (handle) => listening.transactions.of(handle),
    isTransaction: (handle) => runnerOf(handle)?.isTransactionActive === true,

    async transaction(handle, run) {
      refuseOther(dataSource, handle);
      refuseLacking("typeorm", capabilities, "transaction");
      return (await managerOf(handle).transaction(run)) as Awaited<ReturnType<typeof run>>;
    },

    observe(observer) {
      listening.start();
      return observers.add(observer);
    },

    ...(dialect === undefined ? {} : { sql: sqlOf(dataSource, dialect) }),
  };

  for (const model of given) {
    for (const target of model.targets) registerModel(describeModel(model, target, entities), adapter);
  }
  return adapter;
}

function refuseWrong(dataSource: unknown, options: TypeormOptions): void {
  if (!isDataSource(dataSource)) {
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      `typeorm: expected a DataSource, what \`new DataSource(…)\` gives; received ${describe(dataSource)}`,
    );
  }
  if (dataSource.options.type === "mongodb") {
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      "typeorm: the DataSource is one for MongoDB, which TypeORM has no query builder for. Use petiole/orm/mongoose",
    );
  }
  checkOptions("typeorm", options);
}
