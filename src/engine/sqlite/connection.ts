/**
 * Opening the file.
 *
 * @module
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { PetioleError } from "../../errors.ts";
import { untilFree } from "./busy.ts";
import { engineError } from "./errors.ts";
import { closeGuarded, openGuarded } from "./file-guard.ts";
import { ownFile, pragma, type Place } from "./place.ts";
import { createTables, recognise } from "./schema.ts";

/** What a committed task survives; see the option of {@link sqlite}. */
export type Durability = "process" | "power";

/** An open file. */
export interface Connection {
  /** Absolute, with links resolved. */
  readonly path: string;
  readonly database: DatabaseSync;
  close(): void;
}

/** Opens the engine's file, or creates it. Waits at most `patience` milliseconds for other processes. */
export async function connect(
  given: string,
  place: Place,
  durability: Durability,
  patience: number,
): Promise<Connection> {
  const path = realPath(given);
  let database: DatabaseSync | undefined;
  try {
    const opened = openGuarded(path, () => place.open(path));
    database = opened;
    const state = await untilFree(() => recognise(opened, path, place), patience);
    // Pages that become free can be given back. To be said before the first page is written, and of our own file alone.
    if (state === "empty" && place === ownFile)
      await untilFree(() => opened.exec("PRAGMA auto_vacuum = INCREMENTAL"), patience);
    await untilFree(() => useLog(opened, path), patience);
    opened.exec(`PRAGMA synchronous = ${durability === "power" ? "FULL" : "NORMAL"}`);
    // After a burst the write-ahead log shrinks back to this many bytes.
    opened.exec("PRAGMA journal_size_limit = 67108864");
    if (state !== "ours") await untilFree(() => create(opened, path, place), patience);
    return { path, database: opened, close: () => closeGuarded(path, () => opened.close()) };
  } catch (error) {
    if (database !== undefined) closeGuarded(path, () => database?.close());
    throw engineError(error, path, "opening the file");
  }
}

function useLog(database: DatabaseSync, path: string): void {
  const mode = pragma(database, "journal_mode = WAL");
  if (mode === "wal") return;
  throw new PetioleError(
    "ERR_ENGINE_FAILED",
    `SQLite engine: no write-ahead log is possible for ${path} (SQLite chose "${String(mode)}"). ` +
      "Put the file on a local disk.",
  );
}

function create(database: DatabaseSync, path: string, place: Place): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    createTables(database, path, place);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Resolves links, also when the file is not there yet. A missing directory is left for SQLite to refuse. */
export function realPath(given: string): string {
  const path = resolve(given);
  try {
    return realpathSync(path);
  } catch {
    try {
      return join(realpathSync(dirname(path)), basename(path));
    } catch {
      return path;
    }
  }
}
