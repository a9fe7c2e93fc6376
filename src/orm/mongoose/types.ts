/**
 * What users' code hands to `mongoose()`, and what the compiler makes of it.
 *
 * @module
 */
import type { RowOf } from "../../model/ref.ts";

/** What is used of a connection. */
export interface MongooseConnectionLike {
  startSession(...parameters: never): Promise<object>;
  transaction(run: never): Promise<unknown>;
  getClient(): object;
}

/** What is used of the `mongoose` module: its default connection. */
export interface MongooseModuleLike {
  readonly connection: MongooseConnectionLike;
}

/** What is used of a model. Its rows are its documents. */
export interface MongooseModelLike {
  new (...parameters: never): object;
  readonly modelName: string;
  hydrate(fields: never): unknown;
}

/** A model with what its schema does not say. */
export interface MongooseStatedModel<Model extends MongooseModelLike = MongooseModelLike> {
  readonly model: Model;
  /** The attributes that identify a row, of a unique index. Default: `_id`. */
  readonly key?: readonly AttributeOf<Model>[];
  /**
   * The attribute that changes with every update. Default: `updatedAt` where the schema has timestamps, or else the
   * version key where it has `optimisticConcurrency`, or else none.
   */
  readonly version?: AttributeOf<Model>;
  /** The attributes that travel in snapshots, beside the key. Default: all at the top of the schema. */
  readonly fields?: readonly AttributeOf<Model>[];
}

// Of models that were gathered before, nothing is known.
type AttributeOf<Model extends MongooseModelLike> = [keyof RowOf<Model>] extends [never]
  ? string
  : keyof RowOf<Model> & string;

/** Name to model, or to a model with what its schema does not say. */
export interface MongooseModels {
  readonly [name: string]:
    | MongooseModelLike
    | {
        readonly model: MongooseModelLike;
        readonly key?: readonly string[];
        readonly version?: string;
        readonly fields?: readonly string[];
      };
}

/** The type of each model's documents, by its name. */
export type MongooseRows<Models extends MongooseModels> = {
  -readonly [Name in keyof Models]: RowOf<ModelOf<Models[Name]>>;
};

type ModelOf<Entry> = Entry extends MongooseModelLike
  ? Entry
  : Entry extends { readonly model: infer Model extends MongooseModelLike }
    ? Model
    : never;

/** The same models, with every stated attribute checked against its model. */
export type CheckedModels<Models extends MongooseModels> = {
  readonly [Name in keyof Models]: CheckedModel<Models[Name]>;
};
type CheckedModel<Entry> = Entry extends MongooseModelLike ? Entry : MongooseStatedModel<ModelOf<Entry>>;

/** The settings of `mongoose`. */
export interface MongooseOptions {
  /** The connection's name, where an app has several with the same models. Default: none. */
  readonly connection?: string;
}
