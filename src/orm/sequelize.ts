/**
 * Sequelize: instances of your models as references.
 *
 * Written for Sequelize 6. Nothing of it is imported.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { checkOptions } from "../model/adapter-errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import type { RowOf } from "../model/ref.ts";
import { adapterOf } from "./sequelize/adapter.ts";
import type { Connection } from "./sequelize/like.ts";
import { describeModel } from "./sequelize/model.ts";

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
): OrmAdapter<SequelizeRows<Models>, SequelizeRows<Models>[keyof Models]> {
  const connection = checkConnection(instance);
  checkOptions("sequelize", options);
  const { connection: label } = options;
  const described = Object.entries<SequelizeModels[string]>(models).map(([name, stated]) =>
    describeModel(
      connection,
      name,
      typeof stated === "object" && stated !== null && "model" in stated
        ? { target: stated.model, key: stated.key, version: stated.version }
        : { target: stated },
    ),
  );
  return adapterOf(connection, described, label) as OrmAdapter<
    SequelizeRows<Models>,
    SequelizeRows<Models>[keyof Models]
  >;
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
