/**
 * What the adapter is given beside its models, checked.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";
import type { LoadOptions } from "../../model/adapter.ts";
import { dialectOf, isDrizzleHandle } from "./connection.ts";
import { type HandleLike, primaryOf } from "./handle.ts";

/**
 * The database that is written to.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` for what cannot be one
 */
export function databaseOf(db: unknown): HandleLike {
  if (typeof db !== "object" || db === null) throw noDatabase(db);
  return primaryOf(db);
}

/** @throws PetioleError `ERR_MODEL_DEFINITION` for what is no database of Drizzle's, and for an option of a wrong kind */
export function checkOptions(
  primary: object,
  { connection, replica }: { readonly connection?: unknown; readonly replica?: unknown },
): void {
  if (!isDrizzleHandle(primary)) throw noDatabase(primary);
  if (connection !== undefined && (typeof connection !== "string" || connection === "")) {
    throw refused("`connection` must be a name", connection);
  }
  if (replica !== undefined && (!isDrizzleHandle(replica) || dialectOf(replica) !== dialectOf(primary))) {
    throw refused("`replica` must be a database of Drizzle's, of the same kind as the first", replica);
  }
}

/** @throws PetioleError `ERR_MODEL_DEFINITION` for an option of a wrong kind */
export function checkLoadOptions({ with: paths, scope, from }: LoadOptions): void {
  if (paths !== undefined && !Array.isArray(paths)) {
    throw refused("`with` must be an array of relations' names", paths);
  }
  if (scope !== undefined && scope !== "default" && scope !== "all") {
    throw refused('`scope` must be "default" or "all"', scope);
  }
  if (from !== undefined && from !== "primary" && from !== "replica") {
    throw refused('`from` must be "primary" or "replica"', from);
  }
}

function noDatabase(received: unknown): PetioleError {
  return refused("expected a database, what drizzle(…) of `drizzle-orm/…` returned", received);
}

function refused(reason: string, received: unknown): PetioleError {
  return new PetioleError("ERR_MODEL_DEFINITION", `drizzle: ${reason}; received ${describe(received)}`);
}
