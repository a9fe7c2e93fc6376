/**
 * Mongoose: documents of your models as references, its transactions and its writes seen.
 *
 * Written for Mongoose 9 and the driver that comes with it. Nothing of either is imported.
 *
 * @module
 */
import { describe } from "../errors.ts";
import { checkOptions, checkLoadOptions, modelNamed } from "../model/adapter-errors.ts";
import type { OrmAdapter, Within } from "../model/adapter.ts";
import { distinctKeys } from "../model/key-chunks.ts";
import { Observers } from "../model/observer.ts";
import { registerModel } from "../model/registry.ts";
import { entityOf, save } from "./mongoose/entity.ts";
import { filtersFor, keyIn } from "./mongoose/key.ts";
import { connectionOf, definition, modelOfClass, unsupported, withOwnError } from "./mongoose/connection.ts";
import { type SessionLike, isSession } from "./mongoose/like.ts";
import { type MongooseModel, describeModel, isFree, schemaOf, topOf } from "./mongoose/model.ts";
import { plainFields } from "./mongoose/plain.ts";
import { populationsOf } from "./mongoose/relations.ts";
import { Saves } from "./mongoose/saves.ts";
import { Sessions } from "./mongoose/sessions.ts";
import type {
  CheckedModels,
  MongooseConnectionLike,
  MongooseModels,
  MongooseModuleLike,
  MongooseOptions,
  MongooseRows,
} from "./mongoose/types.ts";

export type {
  MongooseConnectionLike,
  MongooseModelLike,
  MongooseModels,
  MongooseModuleLike,
  MongooseOptions,
  MongooseRows,
  MongooseStatedModel,
} from "./mongoose/types.ts";

const noSql =
  "MongoDB has no SQL, and so no outbox. What is enqueued in a transaction is sent after its commit, from memory";
const noSavepoints =
  "MongoDB has no savepoints: nothing in a transaction can be undone alone. Do all of it with the one session, or " +
  "begin another transaction with the connection";

/**
 * An adapter for a Mongoose connection and the models whose documents may be referred to.
 *
 * Documents know their model, and travel as references by themselves; lean rows travel by `ref(Model, row)`. A
 * reference holds the document's `_id`, an ObjectId by its 24 digits.
 *
 * @param connection What `mongoose.createConnection` gave, or the `mongoose` module for its default connection.
 * @param models Name to model. The name travels: choose it for good.
 * @throws PetioleError `ERR_MODEL_DEFINITION` when something is no model of this connection, or has a key that is not
 * of strings, integers and ObjectIds.
 *
 * @example
 * const models = [mongoose(connection, { "qa.Question": Question, "qa.Answer": Answer })];
 * mongoose(connection, { "shop.Price": { model: Price, key: ["product", "currency"] } });
 */
export function mongoose<const Models extends MongooseModels>(
  connection: MongooseConnectionLike | MongooseModuleLike,
  models: Models & CheckedModels<Models>,
  options: MongooseOptions = {},
): OrmAdapter<MongooseRows<Models>, MongooseRows<Models>[keyof Models]> {
  const database = connectionOf(connection);
  const described = Object.entries<unknown>(models).map(([name, model]) => describeModel(name, model));
  for (const { name, target } of described) {
    if (target.db !== database)
      throw definition(`${JSON.stringify(name)}: the model ${target.modelName} is of another connection`);
  }
  checkOptions("mongoose", options);

  const byName = new Map(described.map((model) => [model.name, model]));
  const observers = new Observers();
  const sessions = new Sessions(observers);
  const saves = new Saves(described, (row) => modelOfClass(described, row), observers, sessions);
  const named = (name: string): MongooseModel => modelNamed("mongoose", byName, name);
  const ownsSession = (handle: unknown): handle is SessionLike =>
    isSession(handle) && handle.client === database.getClient();
  const ownsConnection = (handle: unknown): boolean =>
    handle === database || (handle === connection && handle !== undefined);
  const sessionOf = ({ transaction }: Within): SessionLike | undefined => {
    if (transaction === undefined || ownsSession(transaction)) return transaction;
    throw unsupported(
      `the transaction must be a session of this connection; received ${describe(transaction)}`,
    );
  };

  let ends: (() => void)[] = [];
  const watchClient = (): void => {
    const client = database.getClient();
    if (client) ends.push(sessions.watch(client));
  };
  const watch = (): void => {
    ends.push(saves.watch());
    watchClient();
    // Until it connects, and each time that it does, it has another client.
    database.on("connected", watchClient);
  };
  const unwatch = (): void => {
    database.off("connected", watchClient);
    for (const end of ends) end();
    ends = [];
  };

  const adapter: OrmAdapter<MongooseRows<Models>, MongooseRows<Models>[keyof Models]> = {
    name: "mongoose",
    ...(options.connection === undefined ? {} : { connection: options.connection }),
    capabilities: {
      recognisesRows: "instances",
      lacks: { savepoints: noSavepoints, sql: noSql },
      serialTransactions: false,
    },
    database,
    models: described.map(({ name, target, key, fields, version }) => ({
      name,
      target,
      key,
      ...(fields === undefined ? {} : { fields }),
      ...(version === undefined ? {} : { version }),
    })),

    async load(name, keys, asked = {}) {
      const model = named(name);
      checkLoadOptions("mongoose", asked);
      const { with: relations = [], scope, from, ...within } = asked;
      const session = sessionOf(within);
      // Both are always said: the connection or the schema may have another preference, and with
      // `transactionAsyncLocalStorage` a query would join the transaction that it happens to be called in.
      const shared = {
        session: session ?? null,
        readPreference: from === "replica" && session === undefined ? "secondaryPreferred" : "primary",
      };
      const queried = { ...shared, ...(scope === "all" ? { middleware: false } : {}) };
      const populations = () => populationsOf(model, relations, shared);
      populations();
      const rows: object[] = [];
      for (const filter of filtersFor(model, distinctKeys(name, keys))) {
        const query = model.target.find(filter).setOptions({ ...queried });
        // Mongoose writes into what it is given.
        for (const population of populations()) query.populate(population);
        rows.push(...((await query.exec()) as object[]));
      }
      return rows;
    },

    keyOf: (name, row) => keyIn(named(name), row),

    fieldsOf(name, row) {
      const { target, stated, key } = named(name);
      const schema = schemaOf(target, row);
      const names = stated ?? (isFree(schema) ? undefined : [...new Set([...key, ...topOf(schema)])]);
      return plainFields(row, names, schema);
    },

    modelOf: (row) => modelOfClass(described, row)?.name,

    entityOf: (name, fields) => entityOf(named(name), fields),

    save: async (name, fields, within = {}) => save(named(name), fields, sessionOf(within)),

    owns: (handle) => ownsConnection(handle) || ownsSession(handle),
    transactionOf: (handle) => (ownsSession(handle) ? sessions.transactionOf(handle) : undefined),
    isTransaction: (handle) => ownsSession(handle) && handle.inTransaction(),

    async transaction(handle, run) {
      if (ownsSession(handle)) {
        if (handle.inTransaction()) throw unsupported(noSavepoints);
        return withOwnError(run, (work) => handle.withTransaction(work));
      }
      if (!ownsConnection(handle))
        throw unsupported("the handle is not this adapter's connection or a session of it");
      return withOwnError(run, (work) => database.transaction(work));
    },

    observe(observer) {
      const end = observers.add(observer);
      if (observers.size === 1) watch();
      return () => {
        end();
        if (observers.size === 0) unwatch();
      };
    },
  };
  for (const model of adapter.models) registerModel(model, adapter);
  return adapter;
}
