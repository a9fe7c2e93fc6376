/**
 * What the adapter is given beside its models, checked.
 *
 * @module
 */
import type { PetioleError } from "../../errors.ts";
import { checkOptions, invalidOption } from "../../model/adapter-errors.ts";
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
export function refuseWrong(
  primary: object,
  options: { readonly connection?: unknown; readonly replica?: unknown },
): void {
  if (!isDrizzleHandle(primary)) throw noDatabase(primary);
  checkOptions("drizzle", options, ["replica", "operators"]);
  const { replica } = options;
  if (replica !== undefined && (!isDrizzleHandle(replica) || dialectOf(replica) !== dialectOf(primary))) {
    throw invalidOption(
      "drizzle",
      "`replica` must be a database of Drizzle's, of the same kind as the first",
      replica,
    );
  }
}

function noDatabase(received: unknown): PetioleError {
  return invalidOption(
    "drizzle",
    "expected a database, what drizzle(…) of `drizzle-orm/…` returned",
    received,
  );
}
