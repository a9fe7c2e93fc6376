/**
 * Telling whether a connection of the user's is through this very copy of the SQLite library. Versions do not tell: two
 * copies may have the same.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { pragma } from "./place.ts";

/** A setting that a copy of the library has once for all its connections. It is off unless somebody sets it. */
const setting = "soft_heap_limit";

/** Selects what {@link libraryMark} gives, where it is the same library. */
export const selectLibraryMark = `SELECT ${setting} FROM pragma_${setting}`;

let connection: DatabaseSync | undefined;

/**
 * A number that only this copy of the library knows. It is the limit from which on SQLite economises on memory, a random
 * one of more than a petabyte, so that it limits nothing; one that the user has set stays as it is.
 */
export function libraryMark(): number {
  connection ??= new DatabaseSync(":memory:");
  const limit = pragma(connection, setting);
  if (limit !== 0) return Number(limit);
  return Number(pragma(connection, `${setting} = ${2 ** 50 + Math.floor(Math.random() * 2 ** 50)}`));
}
