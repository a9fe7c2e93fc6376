/**
 * What the compiler knows of a Prisma client: the names of its models, and their rows.
 *
 * @module
 */
import type { OrmAdapter } from "../../model/adapter.ts";
import type { DecimalClassLike } from "./value.ts";

/** What is used of a Prisma client. Its models are properties that follow from your schema. */
export interface PrismaClientLike {
  $transaction(work: never, options?: never): unknown;
  $queryRawUnsafe(text: string, ...parameters: never[]): unknown;
}

/** What is used of a model's property of the client, `db.comment`: the type of its rows. */
export interface PrismaDelegateLike {
  readonly [key: symbol]: { readonly types: { readonly payload: { readonly scalars: object } } };
}

/** The names of a client's models: `comment` for `db.comment`. */
export type PrismaModelName<Client> = {
  [Name in keyof Client & string]: Client[Name] extends PrismaDelegateLike ? Name : never;
}[keyof Client & string];

/** A model with what its schema does not say. */
export interface PrismaStatedModel<Client, Name extends PrismaModelName<Client> = PrismaModelName<Client>> {
  readonly model: Name;
  /** The fields of another unique key than the primary one. */
  readonly key?: readonly (keyof PrismaRow<Client, Name> & string)[];
  /** The field whose value changes with every update: a counter, an `@updatedAt`. PostgreSQL: `xmin` as well. */
  readonly version?: (keyof PrismaRow<Client, Name> & string) | "xmin";
}

/** Name to model. */
export interface PrismaModels<Client> {
  readonly [name: string]:
    | PrismaModelName<Client>
    | {
        readonly model: PrismaModelName<Client>;
        readonly key?: readonly string[];
        readonly version?: string;
      };
}

/** A row of a model: all of its columns, and the fields that the client's extensions compute. */
export type PrismaRow<Client, Name> = Name extends keyof Client
  ? Client[Name] extends {
      readonly [key: symbol]: {
        readonly types: { readonly payload: { readonly scalars: infer Row extends object } };
      };
    }
    ? { [Field in keyof Row]: Row[Field] }
    : object
  : object;

/** The row type of each model, by its name. */
export type PrismaRows<Client, Models> = {
  -readonly [Name in keyof Models]: PrismaRow<Client, ModelNameOf<Models[Name]>>;
};

type ModelNameOf<Model> = Model extends string
  ? Model
  : Model extends { readonly model: infer Name extends string }
    ? Name
    : never;

/** The same models, with every stated key and version checked against its model. */
export type CheckedPrismaModels<Client, Models> = {
  readonly [Name in keyof Models]: Models[Name] extends string
    ? Models[Name]
    : PrismaStatedModel<Client, ModelNameOf<Models[Name]> & PrismaModelName<Client>>;
};

/** What stands for a model where `ref` and others take a table or a class. */
export interface PrismaTarget<Row extends object = object> {
  /** The name that travels. */
  readonly model: string;
  /** The client's: `comment` for `db.comment`. */
  readonly delegate: string;
  /** For the compiler alone; never there. */
  readonly $inferSelect: Row;
}

/** The settings of `prisma()`. */
export interface PrismaOptions {
  /** The connection's name, where an app has several with the same models. Default: none. */
  readonly connection?: string;
  /**
   * The client of a replica, for `from: "replica"`. Default: what `$replica()` of
   * `@prisma/extension-read-replicas` gives, where the client has it.
   */
  readonly replica?: PrismaClientLike;
  /**
   * `Prisma.Decimal`, to make the decimals of detached rows of. Default: they are texts, which Prisma takes as
   * well.
   */
  readonly Decimal?: DecimalClassLike;
}

/** What `prisma()` gives. */
export interface PrismaAdapter<Rows extends object = object> extends OrmAdapter<Rows, Rows[keyof Rows]> {
  /**
   * What `ref`, `lazy` and `snapshot` take for a model: `ref(models.target("qa.Comment"), row)`.
   *
   * @throws PetioleError `ERR_MODEL_UNKNOWN`
   */
  target<Name extends keyof Rows & string>(
    name: Name,
  ): PrismaTarget<Rows[Name] extends object ? Rows[Name] : object>;
}
