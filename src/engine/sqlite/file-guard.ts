/**
 * One SQLite library per process and file. POSIX locks belong to the process, and closing any descriptor of
 * a file drops all of them. A copy of SQLite knows its own descriptors and takes care; two copies
 * (`node:sqlite` and better-sqlite3, libsql, …) know nothing of each other, cancel each other's locks,
 * and committed rows vanish. So before the engine opens its file it looks whether another copy holds it.
 *
 * Only names are read, in /proc: opening the file to look at it would do the harm.
 *
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { PetioleError } from "../../errors.ts";

/** What is known of a file that this process has open. */
interface Known {
  /** Those that our own connections brought. */
  readonly descriptors: Set<string>;
  /** How many connections of our own there are. */
  connections: number;
  /** How many of them threads of our own may have, whose descriptors are not known. */
  beside: number;
}

const ours = new Map<string, Known>();

/**
 * Opens a file through `open`, unless this process holds it through another SQLite library already: then it is
 * refused with `ERR_ENGINE_FILE_SHARED`, before anything is touched. Looks on Linux only.
 *
 * A handle of the program's own `node:sqlite` is the same library, thus harmless, and is let through. While
 * another library is loaded as well, a descriptor cannot be told to be one or the other's, and is refused.
 *
 * @param path absolute, with links resolved
 */
export function openGuarded<T>(path: string, open: () => T): T {
  const before = descriptors(path);
  const known = ours.get(path) ?? { descriptors: new Set<string>(), connections: 0, beside: 0 };
  const unknown = before.filter((descriptor) => !known.descriptors.has(descriptor));
  const libraries = unknown.length <= known.beside ? [] : otherLibraries();
  if (libraries.length > 0) throw shared(path, libraries);
  const opened = open();
  known.connections += 1;
  // Opening is synchronous: whatever appeared meanwhile is ours.
  for (const descriptor of descriptors(path))
    if (!before.includes(descriptor)) known.descriptors.add(descriptor);
  ours.set(path, known);
  return opened;
}

/** Closes a connection that {@link openGuarded} opened. */
export function closeGuarded(path: string, close: () => void): void {
  close();
  const known = ours.get(path);
  if (known === undefined) return;
  known.connections -= 1;
  if (known.connections === 0) ours.delete(path);
  // Their numbers are given to others.
  const left = new Set(descriptors(path));
  for (const descriptor of known.descriptors) if (!left.has(descriptor)) known.descriptors.delete(descriptor);
}

/** A thread of ours has a connection to a file that is open here, or, with -1, has no more. */
export function besides(path: string, count: 1 | -1): void {
  const known = ours.get(path);
  if (known !== undefined) known.beside += count;
}

/** This process's descriptors of the file. Every connection has one, so `-wal` and `-shm` need no look. */
function descriptors(path: string): string[] {
  if (process.platform !== "linux") return [];
  return listed("/proc/self/fd").filter((descriptor) => linkOf(`/proc/self/fd/${descriptor}`) === path);
}

/** The libraries loaded into this process, besides Node itself, that contain a copy of SQLite. */
function otherLibraries(): string[] {
  const files = new Set<string>();
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const file = /^\S+ ..x\S* \S+ \S+ \S+ +(\/.*)$/.exec(line)?.[1];
    if (file !== undefined && file !== process.execPath) files.add(file);
  }
  // A Node built against the system's SQLite uses that very copy.
  const built: Readonly<Record<string, unknown>> = process.config.variables;
  if (built["node_shared_sqlite"] === true) {
    for (const file of files) if (basename(file).startsWith("libsqlite3.so")) files.delete(file);
  }
  return [...files].filter(containsSqlite);
}

/** Whether a library has SQLite's file header in it, as every copy of SQLite does. */
function containsSqlite(library: string): boolean {
  try {
    return readFileSync(library).includes("SQLite format 3\0");
  } catch {
    return false;
  }
}

function shared(path: string, libraries: readonly string[]): PetioleError {
  const names = libraries.map((library) => library.replace(/^.*\/node_modules\//, "")).join(", ");
  return new PetioleError(
    "ERR_ENGINE_FILE_SHARED",
    `SQLite engine: this process has ${path} open already, by all appearances through another SQLite library ` +
      `(${names}). Two copies of SQLite in one process cancel each other's file locks, and committed rows vanish. ` +
      "Give the engine a file of its own that nothing else opens; to send in one transaction with your rows, use " +
      "the outbox.",
  );
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // no /proc, as in some sandboxes
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed meanwhile
  }
}
