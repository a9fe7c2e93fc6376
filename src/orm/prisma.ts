/**
 * Prisma: rows of your models as references.
 *
 * Written for Prisma 7. Nothing of Prisma is imported; the client is yours.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { checkLoadOptions, modelNamed, refuseLacking } from "../model/adapter-errors.ts";
import { distinctKeys } from "../model/key-chunks.ts";
import { keyIn } from "../model/key.ts";
import { Observers } from "../model/observer.ts";
import type { LoadOptions } from "../model/adapter.ts";
import { registerModel } from "../model/registry.ts";
import {
  type DelegateLike,
  capabilitiesOf,
  dialectOf,
  hasComputedFields,
  isClient,
  isOfTransaction,
  property,
  providerOf,
  rootOf,
  withoutExtensions,
} from "./prisma/client.ts";
import { conditionsFor } from "./prisma/condition.ts";
import { type PrismaModelInfo, type StatedModel, describeModels } from "./prisma/model.ts";
import { refuseWrong } from "./prisma/options.ts";
import { includeOf } from "./prisma/relations.ts";
import { hooksOf } from "./prisma/rows.ts";
import { saveRow } from "./prisma/save.ts";
import { listenerFor } from "./prisma/tell.ts";
import { Transactions } from "./prisma/transactions.ts";
import type {
  CheckedPrismaModels,
  PrismaAdapter,
  PrismaClientLike,
  PrismaModels,
  PrismaOptions,
  PrismaRows,
} from "./prisma/types.ts";
import { fieldsIn, rowWith } from "./prisma/value.ts";

export { rows } from "./prisma/rows.ts";
export type {
  PrismaAdapter,
  PrismaClientLike,
  PrismaDelegateLike,
  PrismaStatedModel,
  PrismaModelName,
  PrismaModels,
  PrismaOptions,
  PrismaRow,
  PrismaRows,
  PrismaTarget,
} from "./prisma/types.ts";
export type { DecimalClassLike } from "./prisma/value.ts";

/** A client with the functions of `@prisma/extension-read-replicas`. */
interface ReplicatedLike {
  $primary?(): object;
  $replica?(): object;
}

/**
 * An adapter for a Prisma client and the models whose rows may be referred to.
 *
 * A client that was extended with {@link rows} knows its rows: they travel as references by themselves. With any other,
 * write `ref(models.target("qa.Comment"), row)`.
 *
 * @param client - the client, extended or not; not that of a transaction
 * @param models - name to model, as the client has it. The name travels: choose it for good
 * @throws PetioleError `ERR_MODEL_DEFINITION` when it is no client, a model is not there, or has no key that a reference
 *   can carry
 *
 * @example
 * const db = new PrismaClient({ adapter }).$extends(rows());
 * export const models = prisma(db, {
 *   "qa.Comment": "comment",
 *   "qa.Post": { model: "post", version: "revision" },
 * });
 */
export function prisma<Client extends PrismaClientLike, const Models extends PrismaModels<Client>>(
  client: Client,
  models: Models & CheckedPrismaModels<Client, Models>,
  options: PrismaOptions = {},
): PrismaAdapter<PrismaRows<Client, Models>> {
  refuseWrong(client, options);
  const root = rootOf(client);
  const provider = providerOf(client);
  const described = describeModels(client, models as Readonly<Record<string, StatedModel>>);
  const byName = new Map(described.map((model) => [model.name, model]));
  const hooks = hooksOf(client);
  const observers = new Observers();
  const transactions = new Transactions(observers);
  const { $primary, $replica } = client as ReplicatedLike;
  const capabilities = capabilitiesOf(client, {
    rows: hooks !== undefined,
    replica: options.replica !== undefined || typeof $replica === "function",
  });
  const dialect = dialectOf(client);
  let isWatched = false;

  const named = (name: string): PrismaModelInfo => modelNamed("prisma", byName, name);
  const owns = (handle: unknown): handle is object => isClient(handle) && rootOf(handle) === root;
  const within = (handle: object | undefined): object => {
    if (handle !== undefined && !owns(handle)) throw notOwned(handle);
    return handle ?? primary();
  };
  const primary = (): object => (typeof $primary === "function" ? $primary.call(client) : client);
  const sourceOf = ({ from, transaction }: LoadOptions): object => {
    if (from !== "replica") return within(transaction);
    refuseLacking("prisma", capabilities, "replica");
    // What a transaction has written is nowhere else.
    if (transaction !== undefined) return within(transaction);
    return options.replica ?? $replica?.call(client) ?? client;
  };

  const adapter: PrismaAdapter<PrismaRows<Client, Models>> = {
    name: "prisma",
    ...(options.connection === undefined ? {} : { connection: options.connection }),
    capabilities,
    database: client,
    models: described.map(({ name, target, key, fields, version, table }) => ({
      name,
      target,
      key,
      fields,
      table,
      ...(version === undefined ? {} : { version }),
    })),
    target: (name) => named(name).target as never,

    async load(name, keys, asked = {}) {
      const model = named(name);
      checkLoadOptions("prisma", asked);
      const include = includeOf(model, asked.with);
      const source = asked.scope === "all" ? withoutExtensions(sourceOf(asked)) : sourceOf(asked);
      const loaded: object[] = [];
      for (const where of conditionsFor(model, provider, distinctKeys(name, keys))) {
        loaded.push(...(await delegateOf(source, model).findMany({ where, ...(include && { include }) })));
      }
      hooks?.remember(model.type, loaded);
      return loaded;
    },

    keyOf: (name, row) => keyIn(row, named(name).key),
    fieldsOf: (name, row) => fieldsIn(named(name), row),
    entityOf: (name, fields) => rowWith(named(name), fields, options.Decimal),

    modelOf(row) {
      const type = hooks?.modelOf(row);
      const model = type === undefined ? undefined : described.find((each) => each.type === type);
      return model !== undefined && keyIn(row, model.key) !== undefined ? model.name : undefined;
    },

    async save(name, fields, { transaction } = {}) {
      const model = named(name);
      const delegate = delegateOf(transaction === undefined ? client : within(transaction), model);
      await saveRow(delegate, model, provider, fields);
    },

    owns,
    transactionOf: (handle) => transactions.of(handle),
    isTransaction: (handle) => owns(handle) && isOfTransaction(handle),

    async transaction(handle, run) {
      refuseLacking("prisma", capabilities, "transaction");
      if (!owns(handle)) throw notOwned(handle);
      return (handle as TransactionalLike).$transaction(run);
    },

    observe(observer) {
      if (!isWatched) {
        isWatched = true;
        transactions.watch(client);
        hooks?.listen(listenerFor(described, observers, transactions));
      }
      return observers.add(observer);
    },

    ...(dialect === undefined
      ? {}
      : {
          sql: {
            dialect,
            query: async (text, parameters, { transaction } = {}) =>
              (within(transaction) as RawLike).$queryRawUnsafe(text, ...parameters),
          },
        }),
  };
  for (const { type } of described) if (hasComputedFields(client, type)) hooks?.mark(type);
  for (const model of adapter.models) registerModel(model, adapter);
  return adapter;
}

/** A client, as far as it begins transactions here. */
interface TransactionalLike {
  $transaction<Result>(run: (transaction: unknown) => Promise<Result>): Promise<Result>;
}

/** A client, as far as it takes SQL here. */
interface RawLike {
  $queryRawUnsafe(
    text: string,
    ...parameters: readonly (string | number | null)[]
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

function delegateOf(client: object, model: PrismaModelInfo): DelegateLike {
  const delegate = property<DelegateLike>(client, model.delegate);
  if (delegate !== undefined) return delegate;
  throw new PetioleError(
    "ERR_MODEL_DEFINITION",
    `prisma: ${JSON.stringify(model.name)}: this client has no \`${model.delegate}\`. It must be of the same schema`,
  );
}

function notOwned(handle: unknown): PetioleError {
  return new PetioleError(
    "ERR_TRANSACTION_UNSUPPORTED",
    `prisma: expected this adapter's client, or one of its transactions; received ${describe(handle)}`,
  );
}
