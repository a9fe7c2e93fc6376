/**
 * Which connection, which models, and how a transaction is run.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import { type ConnectionLike, type SessionLike, isConnection, storedIn } from "./like.ts";
import type { MongooseModel } from "./model.ts";

/** Calls the driver's transaction, and throws what `run` threw: when rolling back fails, the driver throws that. */
export async function withOwnError<Result>(
  run: (session: SessionLike) => Promise<Result>,
  begin: (work: (session: SessionLike) => Promise<Result>) => Promise<Result>,
): Promise<Result> {
  let failure: { readonly error: unknown } | undefined;
  try {
    return await begin(async (session) => {
      // The driver calls it again when the server asks for that.
      failure = undefined;
      try {
        return await run(session);
      } catch (error) {
        failure = { error };
        throw error;
      }
    });
  } catch (error) {
    throw failure === undefined ? error : failure.error;
  }
}

/** The model of a document, by its class or one that it extends. A class with two names has none. */
export function modelOfClass(models: readonly MongooseModel[], row: object): MongooseModel | undefined {
  if (storedIn(row) === undefined) return undefined;
  for (
    let prototype: unknown = Object.getPrototypeOf(row);
    prototype !== null;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    const [model, ...others] = models.filter(({ target }) => target.prototype === prototype);
    if (model !== undefined) return others.length === 0 ? model : undefined;
  }
  return undefined;
}

/** The connection that is meant: itself, or the module's default one. */
export function connectionOf(given: unknown): ConnectionLike {
  if (isConnection(given)) return given;
  const ofModule: unknown =
    typeof given === "object" && given !== null ? Reflect.get(given, "connection") : undefined;
  if (isConnection(ofModule)) return ofModule;
  throw definition(
    `expected a connection, as mongoose.createConnection(…) gives it, or the mongoose module; received ${describe(given)}`,
  );
}

/** An error about what the adapter was made with. */
export function definition(reason: string): PetioleError {
  return new PetioleError("ERR_MODEL_DEFINITION", `mongoose: ${reason}`);
}

/** An error about a transaction that cannot be. */
export function unsupported(reason: string): PetioleError {
  return new PetioleError("ERR_TRANSACTION_UNSUPPORTED", `mongoose: ${reason}`);
}
