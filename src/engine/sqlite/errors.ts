/**
 * SQLite's errors, told as Petiole's: what failed, which file, and what to do.
 *
 * @module
 */
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { PetioleError } from "../../errors.ts";

/** SQLite's primary result codes, as far as they matter here (https://sqlite.org/rescode.html). */
const code = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  inputOutput: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
};

/** SQLite's primary result code of an error from `node:sqlite`; undefined for any other error. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number")
    return undefined;
  return error.errcode & 0xff;
}

/** Whether another connection is in the way just now, so that trying again helps. */
export function isBusy(error: unknown): boolean {
  const primary = primaryCode(error);
  return primary === code.busy || primary === code.locked;
}

/** The error for calls after `close()`. */
export function closedError(path: string): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_CLOSED",
    `The SQLite engine on ${path} is closed. Make another one with sqlite().`,
  );
}

/**
 * Tells an error from SQLite as a {@link PetioleError}; one that is told already stays as it is.
 *
 * @param error what was thrown
 * @param path the engine's file
 * @param what the thing that was to be done, for the message: `sending 3 tasks`
 */
export function engineError(error: unknown, path: string, what: string): PetioleError {
  if (error instanceof PetioleError) return error;
  const cause = { cause: error };
  const detail = error instanceof Error ? error.message : String(error);
  const failed = `SQLite engine: ${what} failed (${path})`;
  switch (primaryCode(error)) {
    case code.busy:
    case code.locked:
      return new PetioleError(
        "ERR_ENGINE_BUSY",
        `${failed}: other processes kept the file locked all the time. Nothing was changed; repeat it. ` +
          "If it goes on, look for a process that holds a transaction open on this file.",
        cause,
      );
    case code.full:
      return diskFull(failed, cause);
    case code.readOnly:
      return readOnly(failed, path, cause);
    case code.corrupt:
    case code.notADatabase:
      return new PetioleError(
        "ERR_ENGINE_FILE_INVALID",
        `${failed}: ${detail}. The file is damaged or not a SQLite database. ` +
          "Give the engine a path of its own; to save what a damaged file still holds, run `sqlite3 FILE .recover`.",
        cause,
      );
    case code.cannotOpen:
    case code.inputOutput:
      return fromSurroundings(failed, detail, path, cause);
    default:
      return new PetioleError("ERR_ENGINE_FAILED", `${failed}: ${detail}`, cause);
  }
}

/** SQLite says only that it could not open, read or write: the directory tells why. Nothing here opens the file. */
function fromSurroundings(
  failed: string,
  detail: string,
  path: string,
  cause: { cause: unknown },
): PetioleError {
  const directory = dirname(path);
  const invalid = (why: string): PetioleError =>
    new PetioleError("ERR_ENGINE_FILE_INVALID", `${failed}: ${why}`, cause);
  const noDirectory = `the directory ${directory} does not exist. Create it, or give another path.`;
  try {
    const found = statSync(directory);
    if (!found.isDirectory()) return invalid(`${directory} is no directory. Give another path.`);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
      return invalid("this is a directory. Give the path of a file in it.");
    if (!isWritable(directory) || (existsSync(path) && !isWritable(path)))
      return readOnly(failed, path, cause);
    if (statfsSync(directory).bavail === 0) return diskFull(failed, cause);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? error.code : undefined;
    if (why === "ENOENT" || why === "ENOTDIR") return invalid(noDirectory);
    // A directory on the way that this process must not enter.
    if (why === "EACCES") return readOnly(failed, path, cause);
  }
  return new PetioleError("ERR_ENGINE_FAILED", `${failed}: ${detail}`, cause);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function diskFull(failed: string, cause: { cause: unknown }): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_DISK_FULL",
    `${failed}: the disk is full. This was not accepted, in whole; what was accepted before is safe. ` +
      "Free some space and repeat it; the engine works on without a restart.",
    cause,
  );
}

function readOnly(failed: string, path: string, cause: { cause: unknown }): PetioleError {
  return new PetioleError(
    "ERR_ENGINE_FILE_READ_ONLY",
    `${failed}: the file or its directory is read-only for this process. ` +
      `It needs to write ${path}, ${path}-wal and ${path}-shm; give it the permission, or another path.`,
    cause,
  );
}
