/** The type of the transaction that `app.transaction` gives, for the handle that it is given. @module */

/**
 * From a database's type to its transaction's: what the callback of its own transaction function takes. A handle with
 * `transactional` (MikroORM), `$transaction` (Prisma), `transaction` (Drizzle, TypeORM, Sequelize, Mongoose) or with
 * `transaction().execute` (Kysely); or one that has such a handle as its `em` (MikroORM).
 */
export type TransactionOf<Handle> = Handle extends { transactional(...parameters: infer Parameters): unknown }
  ? CallbackArgument<Parameters>
  : Handle extends { $transaction(...parameters: infer Parameters): unknown }
    ? CallbackArgument<Parameters>
    : Handle extends { transaction(): { execute(...parameters: infer Parameters): unknown } }
      ? CallbackArgument<Parameters>
      : Handle extends { transaction(...parameters: infer Parameters): unknown }
        ? CallbackArgument<Parameters>
        : Handle extends { readonly em: infer Manager }
          ? TransactionOf<Manager>
          : unknown;

/** What the callback among the parameters takes: it is the first (or, after options, the second) of them. */
type CallbackArgument<Parameters> = Parameters extends readonly [
  (transaction: infer Transaction) => unknown,
  ...unknown[],
]
  ? Transaction
  : Parameters extends readonly [unknown, (transaction: infer Transaction) => unknown, ...unknown[]]
    ? Transaction
    : unknown;
