/**
 * MikroORM: entities as references.
 *
 * Written for MikroORM 7 with its SQL drivers. Nothing of it is imported.
 *
 * @module
 */
import { checkOptions, checkLoadOptions, modelNamed, refuseLacking } from "../model/adapter-errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { Observers } from "../model/observer.ts";
import { registerModel } from "../model/registry.ts";
import { detached, fieldsIn, keyIn, modelFinder } from "./mikro-orm/fields.ts";
import { Handles, capabilitiesOf } from "./mikro-orm/handle.ts";
import { loadRows } from "./mikro-orm/load.ts";
import { type MikroOrmModel, describeModel, givenModel } from "./mikro-orm/model.ts";
import { saveRow } from "./mikro-orm/save.ts";
import { subscribe } from "./mikro-orm/saved.ts";
import { dialectOf, runSql } from "./mikro-orm/sql.ts";
import { watchOf } from "./mikro-orm/watch.ts";

/** What is used of an EntityManager. */
export interface MikroOrmManagerLike {
  fork(options?: never): object;
  getDriver(): object;
  getTransactionContext(): unknown;
}

/** What is used of the ORM. */
export interface MikroOrmLike {
  readonly em: MikroOrmManagerLike;
}

/** An entity: its class, or the EntitySchema that `defineEntity` gave. */
export type MikroOrmEntityLike = (abstract new (...args: never) => object) | { readonly "~entity": object };

/** The instances of an entity. */
export type MikroOrmRow<Entity> = Entity extends (abstract new (...args: never) => infer Row extends object)
  ? Row
  : Entity extends { readonly "~entity": infer Row extends object }
    ? Row
    : never;

/** An entity with settings of its own. */
export interface MikroOrmStatedModel<Entity extends MikroOrmEntityLike = MikroOrmEntityLike> {
  readonly entity: Entity;
  /** Names of properties, of a unique key. Default: the primary key. */
  readonly key?: readonly (keyof MikroOrmRow<Entity> & string)[];
  /**
   * The property that changes with every update of the row, or `xmin`, which every row of PostgreSQL has. Default:
   * the entity's version property, if it has one.
   */
  readonly version?: (keyof MikroOrmRow<Entity> & string) | "xmin";
}

/** Name to entity, or to an entity with settings. */
export interface MikroOrmModels {
  readonly [name: string]:
    | MikroOrmEntityLike
    | {
        readonly entity: MikroOrmEntityLike;
        readonly key?: readonly string[];
        readonly version?: string;
      };
}

/** The row type of each model, by its name. */
export type MikroOrmRows<Models extends MikroOrmModels> = {
  -readonly [Name in keyof Models]: MikroOrmRow<EntityOf<Models[Name]>>;
};

type EntityOf<Model> = Model extends MikroOrmEntityLike
  ? Model
  : Model extends { readonly entity: infer Entity extends MikroOrmEntityLike }
    ? Entity
    : never;

/** The same models, with the settings checked against their entities. */
type CheckedModels<Models extends MikroOrmModels> = {
  readonly [Name in keyof Models]: Models[Name] extends MikroOrmEntityLike
    ? Models[Name]
    : MikroOrmStatedModel<EntityOf<Models[Name]>>;
};

/** The settings of {@link mikroOrm}. */
export interface MikroOrmOptions {
  /** The connection's name, where an app has several with the same models. Default: none. */
  readonly connection?: string;
}

/**
 * An adapter for a MikroORM and those of its entities that may be referred to.
 *
 * Entities, and `Reference`s to them, travel as references by themselves. A reference holds the primary key, by the
 * names of the properties. Rows are what `em.find` gives, of an entity manager of their own.
 *
 * @param connection What `MikroORM.init(…)` gave, or its `em`.
 * @param models Name to entity. The name travels: choose it for good.
 * @throws PetioleError `ERR_MODEL_DEFINITION` when a model is no entity of the ORM, or has no key that a reference
 * can carry.
 *
 * @example
 * const models = [mikroOrm(orm, { "qa.Question": Question, "qa.Answer": Answer })];
 * mikroOrm(orm, { "shop.Price": { entity: Price, key: ["product", "currency"] } });
 */
export function mikroOrm<const Models extends MikroOrmModels>(
  connection: MikroOrmLike | MikroOrmManagerLike,
  models: Models & CheckedModels<Models>,
  options: MikroOrmOptions = {},
): OrmAdapter<MikroOrmRows<Models>, MikroOrmRows<Models>[keyof Models]> {
  checkOptions("mikroOrm", options);
  const handles = new Handles(connection, (manager) => watchOf(manager.getDriver().getConnection("write")));
  const { manager, watch } = handles;
  const driver = manager.getDriver();
  const dialect = dialectOf(driver.getPlatform(), driver.getConnection("write"));
  const capabilities = capabilitiesOf(manager, dialect);
  const byName = new Map(
    Object.entries<object>(models).map(([name, model]) => [
      name,
      describeModel(manager.getMetadata(), name, givenModel(model), dialect),
    ]),
  );
  const named = (name: string): MikroOrmModel => modelNamed("mikroOrm", byName, name);
  const modelOf = modelFinder([...byName.values()], driver);
  const transactionOf = (handle: object) => watch.transactionOf(handles.contextOf(handle));
  const saves = new Observers();
  let isSubscribed = false;

  const adapter: OrmAdapter<MikroOrmRows<Models>, MikroOrmRows<Models>[keyof Models]> = {
    name: "mikroOrm",
    database: connection,
    ...(options.connection === undefined ? {} : { connection: options.connection }),
    capabilities,
    models: [...byName.values()].map(
      ({ meta: _, keyProperties: _properties, ...description }) => description,
    ),

    async load(name, keys, loading = {}) {
      const model = named(name);
      checkLoadOptions("mikroOrm", loading);
      if (loading.from === "replica") refuseLacking("mikroOrm", capabilities, "replica");
      const context = handles.contextToUse(loading.transaction, capabilities);
      return loadRows({ manager, dialect, model, keys, context }, loading);
    },
    keyOf: (name, row) => keyIn(named(name), row),
    fieldsOf: (name, row) => fieldsIn(named(name), row),
    modelOf,
    entityOf: (name, fields) => detached(manager, named(name), fields),

    async save(name, fields, within = {}) {
      const model = named(name);
      const context = handles.contextToUse(within.transaction, capabilities);
      const operation = await saveRow(driver, model, fields, context);
      const transaction = watch.transactionOf(context);
      await saves.saved({ operation, model: name, key: keyIn(model, fields), transaction });
    },

    owns: (handle) => handles.owns(handle),
    transactionOf,
    isTransaction: (handle) => handles.contextOf(handle) !== undefined,

    async transaction(handle, run) {
      refuseLacking("mikroOrm", capabilities, "transaction");
      return handles.transactional(handle, run);
    },

    observe(observer) {
      watch.start(driver.getConnection("write"));
      if (!isSubscribed) {
        isSubscribed = true;
        subscribe(manager, saves, { byName, modelOf, transactionOf });
      }
      const [endTransactions, endSaves] = [watch.observers.add(observer), saves.add(observer)];
      return () => {
        endTransactions();
        endSaves();
      };
    },

    ...(dialect === undefined
      ? {}
      : {
          sql: {
            dialect,
            async query(text, parameters, within = {}) {
              const context = handles.contextToUse(within.transaction, capabilities);
              return runSql(driver.getConnection("write"), text, parameters, context);
            },
          },
        }),
  };
  for (const description of adapter.models) {
    registerModel(description, adapter);
    // `ref(Comment, …)` is understood, too, where the schema was given that `Comment` is the class of.
    const { class: target } = named(description.name).meta;
    if (target !== (description.target as unknown)) registerModel({ ...description, target }, adapter);
  }
  return adapter;
}
