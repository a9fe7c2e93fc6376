/**
 * Writes of rows, told after they were made and before whoever made them goes on.
 *
 * Everything that a model writes goes through its collection, with the session that it really uses; hooks would have
 * to be there before the model is compiled, and bulk writes have none.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { SaveOperation } from "../../model/observer.ts";
import { type CollectionLike, type ModelLike, type QueryLike, type SessionLike, isSession } from "./like.ts";
import { ListenersOf, replaceMethod } from "./listeners.ts";
import { written } from "./written.ts";

/** A write of one row, or of rows that are not known. */
export interface Write {
  readonly operation: SaveOperation;
  /** What of the row is known: all of it, or what a filter says. */
  readonly known: Readonly<Record<string, unknown>>;
  /** Whether that, or the document, is the whole row as it is stored now. */
  readonly isWhole: boolean;
  /** The document whose method made it. */
  readonly document?: object;
  readonly session: SessionLike | undefined;
}

/** Is told of the writes of a collection. */
export interface WriteListener {
  wrote(collection: CollectionLike, write: Write): Promise<void>;
}

/** A document that is being saved or deleted, and what was written of it. */
interface Saving {
  readonly document: object;
  readonly id: unknown;
  isDone: boolean;
  readonly writes: { readonly collection: CollectionLike; readonly write: Write }[];
}

const saving = new AsyncLocalStorage<Saving>();
/** The call of a collection's method that this is done by. */
const calling = new AsyncLocalStorage<{ readonly method: string; readonly given: unknown }>();

/** The methods that write, and the place of their options among their parameters. */
const writers: Readonly<Record<string, number>> = {
  insertOne: 1,
  insertMany: 1,
  updateOne: 2,
  updateMany: 2,
  replaceOne: 2,
  deleteOne: 1,
  deleteMany: 1,
  findOneAndUpdate: 2,
  findOneAndReplace: 2,
  findOneAndDelete: 1,
  bulkWrite: 1,
};

/** Listens to everything that a model writes. */
export function watchModel(model: ModelLike, listener: WriteListener): () => void {
  const ends = [collections.add(model.collection, listener), documents.add(model, listener)];
  return () => ends.forEach((end) => end());
}

const collections = new ListenersOf<CollectionLike, WriteListener>((collection, listeners) => {
  for (const method of Object.keys(writers)) {
    replaceMethod(collection, method, (original, self, parameters) => {
      if (listeners.size === 0) return original(self, parameters);
      const run = (given: unknown[]): unknown => original(self, given);
      return tellWrites(collection, method, run, parameters);
    });
  }
});

async function tellWrites(
  collection: CollectionLike,
  method: string,
  run: (parameters: unknown[]) => unknown,
  parameters: unknown[],
): Promise<unknown> {
  // While it is not connected, Mongoose waits and then calls the same method again.
  const [given] = parameters;
  const call = calling.getStore();
  if (call?.method === method && call.given === given) return run(parameters);
  const place = writers[method] ?? 0;
  const options = { ...(parameters[place] as Readonly<Record<string, unknown>> | undefined) };
  const isBare = method.startsWith("findOneAnd") && options["includeResultMetadata"] !== true;
  // The row that was found does not say whether it was there before; the driver does, when it is asked.
  const asked = isBare
    ? parameters.slice(0, place).concat({ ...options, includeResultMetadata: true })
    : parameters;
  const session = isSession(options["session"]) ? options["session"] : undefined;
  const current = saving.getStore();
  let outcome: { readonly result: unknown } | { readonly error: unknown };
  try {
    outcome = { result: await calling.run({ method, given }, run, asked) };
  } catch (error) {
    outcome = { error };
  }
  for (const each of written(method, given, options["ordered"] !== false, outcome)) {
    const write = { ...each, session };
    if (current?.isDone === false && isOf(current, write.known)) current.writes.push({ collection, write });
    else await tell(collection, write);
  }
  if ("error" in outcome) throw outcome.error;
  return isBare ? Reflect.get(outcome.result as object, "value") : outcome.result;
}

/** Documents tell of their writes when they are done: only then do they have their new version. */
const documents = new ListenersOf<ModelLike, WriteListener>((model, listeners) => {
  for (const method of ["save", "$save"]) {
    replaceMethod(model.prototype, method, (original, self, parameters) =>
      listeners.size === 0
        ? original(self, parameters)
        : whileSaving(self, () => original(self, parameters), true),
    );
  }
  for (const method of ["updateOne", "deleteOne", "$deleteOne"]) {
    replaceMethod(model.prototype, method, (original, self, parameters) => {
      const query = original(self, parameters) as QueryLike;
      // It is a query that is not sent before somebody awaits it.
      replaceMethod(query, "exec", (exec, executed, given) =>
        listeners.size === 0 ? exec(executed, given) : whileSaving(self, () => exec(executed, given)),
      );
      return query;
    });
  }
});

async function whileSaving(document: object, run: () => unknown, isWhole = false): Promise<unknown> {
  // A discriminator's documents come here for their own class and for the one that it is of.
  if (saving.getStore()?.document === document) return run();
  const current: Saving = { document, id: Reflect.get(document, "_id"), isDone: false, writes: [] };
  let outcome: { readonly result: unknown } | { readonly error: unknown };
  try {
    outcome = { result: await saving.run(current, run) };
  } catch (error) {
    // Perhaps of a hook after the write: then the row is written all the same.
    outcome = { error };
  }
  current.isDone = true;
  try {
    for (const { collection, write } of current.writes)
      await tell(collection, { ...write, document, isWhole });
  } catch (error) {
    if (!("error" in outcome)) throw error;
  }
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}

async function tell(collection: CollectionLike, write: Write): Promise<void> {
  for (const listener of collections.of(collection)) await listener.wrote(collection, write);
}

function isOf(current: Saving, known: Readonly<Record<string, unknown>>): boolean {
  return known["_id"] !== undefined && String(known["_id"]) === String(current.id);
}
