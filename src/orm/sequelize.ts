/**
 * Sequelize: instances of your models as references.
 *
 * Written for Sequelize 6. Nothing of it is imported.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import type { LoadOptions, ModelDescription, OrmAdapter } from "../model/adapter.ts";
import { Observers } from "../model/observer.ts";
import { type RowOf, identityOf } from "../model/ref.ts";
import { registerModel } from "../model/registry.ts";
import { conditionsFor, withDefaultScope } from "./sequelize/condition.ts";
import { capabilitiesOf, isTransactionOf, sqlOf } from "./sequelize/connection.ts";
import { watchWrites } from "./sequelize/hooks.ts";
import type { Connection } from "./sequelize/like.ts";
import { type SequelizeModel, describeModel, invalid } from "./sequelize/model.ts";
import { includesFor } from "./sequelize/relations.ts";
import { classOf, entityOf, fieldsOf, isWhole, keyOf, modelOfClass } from "./sequelize/rows.ts";
import { upsert } from "./sequelize/save.ts";
import { Transactions } from "./sequelize/transactions.ts";

/** What is used of a Sequelize instance. */
export interface SequelizeLike {
  getDialect(): string;
  getQueryInterface(): object;
  transaction(run: never): PromiseLike<unknown>;
  query(sql: never, options: never): PromiseLike<unknown>;
}

/** What is used of a model class. */
export interface SequelizeModelLike {
  new (...parameters: never): object;
  readonly tableName: string;
  readonly primaryKeyAttributes: readonly string[];
  readonly rawAttributes: object;
  findAll(options: never): PromiseLike<unknown>;
}

/** A model, and what it does not say itself. */
export interface SequelizeStatedModel<Model extends SequelizeModelLike = SequelizeModelLike> {
  readonly model: Model;
  /** The attributes of a unique key, where that is not the primary key. */
  readonly key?: readonly AttributeOf<Model>[];
  /**
   * The attribute that changes with every update, or PostgreSQL's `"xmin"`. Default: the attribute of `version`, or
   * else `updatedAt`.
   */
  readonly version?: AttributeOf<Model> | "xmin";
}

type AttributeOf<Model extends SequelizeModelLike> =
  InstanceType<Model> extends { readonly _attributes: infer Attributes } ? keyof Attributes & string : string;

/** Name to model class, or to one with its key or its version. */
export interface SequelizeModels {
  readonly [name: string]:
    | SequelizeModelLike
    | { readonly model: SequelizeModelLike; readonly key?: readonly string[]; readonly version?: string };
}

/** The instances of each model, by its name. */
export type SequelizeRows<Models extends SequelizeModels> = {
  -readonly [Name in keyof Models]: RowOf<ClassOf<Models[Name]>>;
};

type ClassOf<Model> = Model extends SequelizeModelLike
  ? Model
  : Model extends { readonly model: infer Class extends SequelizeModelLike }
    ? Class
    : never;

/** The same models, with every stated attribute checked against its model. */
type CheckedModels<Models extends SequelizeModels> = {
  readonly [Name in keyof Models]: Models[Name] extends SequelizeModelLike
    ? Models[Name]
    : SequelizeStatedModel<ClassOf<Models[Name]>>;
};

/** The settings of {@link sequelize}. */
export interface SequelizeOptions {
  /** The connection's name, where an app has several with the same models: it travels. Default: none. */
  readonly connection?: string;
}

/**
 * An adapter for a Sequelize instance and the models whose rows may be referred to.
 *
 * Instances are recognised by themselves, however they were found. What is read from them and written into them is
 * what their columns hold, without getters and setters.
 *
 * @param instance The Sequelize that the models belong to.
 * @param models Name to model class. The name travels: choose it for good.
 * @throws PetioleError `ERR_MODEL_DEFINITION` when a model is not one of this instance, or has no key of texts and
 * integers.
 *
 * @example
 * const models = [sequelize(db, { "qa.Question": Question, "qa.Answer": Answer })];
 * sequelize(db, { "shop.Price": { model: Price, key: ["productId", "currency"], version: "xmin" } });
 */
export function sequelize<const Models extends SequelizeModels>(
  instance: SequelizeLike,
  models: Models & CheckedModels<Models>,
  options: SequelizeOptions = {},
): OrmAdapter<SequelizeRows<Models>> {
  const connection = checkConnection(instance);
  const { connection: label } = options;
  if (label !== undefined && (typeof label !== "string" || label === "")) {
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      `sequelize: \`connection\` must be the connection's name, a text; received ${describe(label)}`,
    );
  }
  const described = Object.entries<SequelizeModels[string]>(models).map(([name, stated]) =>
    describeModel(
      connection,
      name,
      typeof stated === "object" && stated !== null && "model" in stated
        ? { target: stated.model, key: stated.key, version: stated.version }
        : { target: stated },
    ),
  );
  return adapterOf(connection, described, label) as OrmAdapter<SequelizeRows<Models>>;
}

function adapterOf(
  connection: Connection,
  models: readonly SequelizeModel[],
  label: string | undefined,
): OrmAdapter {
  const byName = new Map(models.map((model) => [model.name, model]));
  const byClass = new Map<object, SequelizeModel>();
  for (const model of models) if (!byClass.has(model.target)) byClass.set(model.target, model);
  const modelNamed = (name: string): SequelizeModel => {
    const model = byName.get(name);
    if (model !== undefined) return model;
    const known = [...byName.keys()].map((each) => JSON.stringify(each)).join(", ");
    throw new PetioleError(
      "ERR_MODEL_UNKNOWN",
      `sequelize: no model is named ${JSON.stringify(name)}; there are ${known || "none"}`,
    );
  };
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
    operation: "insert" | "update" | "delete",
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
      const model = modelNamed(name);
      const { isAll, useMaster } = checkLoad(model, options, capabilities.lacks.replica);
      const include = includesFor(connection, model, options.with ?? [], isAll);
      const transaction = transactionIn(options.transaction);
      const distinct = new Map(keys.map((key) => [identityOf(name, key), key]));
      const rows: object[] = [];
      for (const condition of conditionsFor(model, connection.getDialect(), distinct.values())) {
        const found = await (isAll ? model.target.unscoped() : model.target).findAll({
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
            `the default scope of ${model.target.name} leaves out its key; let it select that as well`,
          );
        }
        rows.push(...found);
      }
      return rows;
    },

    keyOf: (name, row) => keyOf(modelNamed(name), row),
    fieldsOf: (name, row) => fieldsOf(modelNamed(name), row),
    modelOf: (row) => modelOfClass(byClass, classOf(row))?.name,
    entityOf: (name, fields) => entityOf(modelNamed(name), fields),

    async save(name, fields, within = {}) {
      const model = modelNamed(name);
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

function checkConnection(instance: unknown): Connection {
  const candidate = instance as Partial<Connection> | null | undefined;
  if (
    typeof candidate === "object" &&
    candidate !== null &&
    typeof candidate.getDialect === "function" &&
    typeof candidate.transaction === "function" &&
    typeof candidate.addHook === "function"
  ) {
    return candidate as Connection;
  }
  throw new PetioleError(
    "ERR_MODEL_DEFINITION",
    `sequelize: expected a Sequelize, what new Sequelize(…) made; received ${describe(instance)}`,
  );
}

function checkLoad(
  { name }: SequelizeModel,
  { scope = "default", from = "primary" }: LoadOptions,
  noReplica: string | undefined,
): { readonly isAll: boolean; readonly useMaster: boolean } {
  if (scope !== "default" && scope !== "all") {
    throw invalid(name, `\`scope\` must be "default" or "all"; received ${describe(scope)}`);
  }
  if (from !== "primary" && from !== "replica") {
    throw invalid(name, `\`from\` must be "primary" or "replica"; received ${describe(from)}`);
  }
  if (from === "replica" && noReplica !== undefined) {
    throw new PetioleError("ERR_MODEL_UNSUPPORTED", noReplica);
  }
  return { isAll: scope === "all", useMaster: from === "primary" };
}
