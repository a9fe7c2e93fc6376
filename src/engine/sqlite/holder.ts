/**
 * A lock that says that its process lives: the kernel frees it when the process ends, however it does. A process id
 * would not do: it means something else in another container, and may be given to another process.
 *
 * It is the exclusive lock of an empty SQLite file, which SQLite never writes to: Node itself has no file locks.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** Otherwise there is a second file with each lock. */
const noJournal = "PRAGMA journal_mode = MEMORY";

/** So often a lock is made, when somebody takes its file for one that was left behind. */
const tries = 5;

/** Where the locks of those who claim from this file are. */
export function holdersFolder(path: string): string {
  return `${path}-workers`;
}

/** The name that all leases of one engine begin with, and its lock. */
export class Holder {
  /** Short, as it is in the row of each task that runs; in letters that are the same in any file system. */
  readonly name = randomBytes(8).toString("hex");
  readonly #path: string;
  #lock: DatabaseSync | undefined;
  #refused = false;

  /** @param path - the engine's file */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Takes the lock, with the first call. Where there can be none, it warns, and nobody can tell that this process has
   * died: its tasks are claimed elsewhere when their leases run out.
   */
  take(): void {
    if (this.#lock !== undefined || this.#refused) return;
    try {
      this.#lock = this.#make();
    } catch (error) {
      this.#refused = true;
      process.emitWarning(
        `SQLite engine: no lock can be made in ${holdersFolder(this.#path)} (${String(error)}). If this process is ` +
          "killed, its tasks run elsewhere when their leases have run out, not at once. Make the directory writable.",
        { type: "PetioleWarning" },
      );
    }
  }

  /**
   * Lets go. Leases that there are yet run out one day: their handlers may be running, so that to end them now would
   * be too early.
   */
  release(): void {
    const lock = this.#lock;
    this.#lock = undefined;
    this.#refused = true;
    if (lock !== undefined) remove(this.#file, lock);
  }

  get #file(): string {
    return join(holdersFolder(this.#path), this.name);
  }

  #make(): DatabaseSync {
    makeFolder(this.#path);
    for (let attempt = 1; ; attempt += 1) {
      const lock = new DatabaseSync(this.#file, { timeout: 0 });
      try {
        allow(this.#file, this.#path);
        lock.exec(noJournal);
        lock.exec("BEGIN EXCLUSIVE");
        // Whoever looked before it was locked took it for one that was left behind, and removed it.
        if (existsSync(this.#file)) return lock;
        throw new Error("its file was removed");
      } catch (error) {
        remove(this.#file, lock);
        if (attempt === tries) throw error;
      }
    }
  }
}

/** The lock of a process that has ended. */
export interface LeftBehind {
  /**
   * Whether its file is still there. If not, somebody has removed it, its own process perhaps, which may live, and may
   * have made another one of that name.
   */
  isThere(): boolean;
  /** Removes its file. */
  remove(): void;
  /** Leaves it to whoever looks next. */
  leave(): void;
}

/**
 * Whether the process of a lock has ended: then nobody else is given it until it is removed or left. Undefined while
 * the process lives, and where that cannot be told.
 */
export function leftBehind(file: string): LeftBehind | undefined {
  let lock: DatabaseSync | undefined;
  try {
    const seen = statSync(file).ino;
    const isThere = (): boolean => statSync(file, { throwIfNoEntry: false })?.ino === seen;
    const url = pathToFileURL(file);
    // Not to be made anew when another process has just removed it.
    url.search = "mode=rw";
    lock = new DatabaseSync(url, { timeout: 0 });
    lock.exec(noJournal);
    lock.exec("BEGIN IMMEDIATE");
    // Its process lets go of it when its file is removed, so that the lock of a removed one tells nothing.
    if (!isThere()) throw new Error("its file was removed");
    const found = lock;
    const leave = (): void => found.close();
    return { isThere, leave, remove: () => (isThere() ? remove(file, found) : leave()) };
  } catch {
    lock?.close();
    // Locked, as a rule. Whatever else it may be: its leases run out one day.
    return undefined;
  }
}

/** While it is still locked, so that nobody takes it for left behind; Windows removes no file that is open. */
function remove(file: string, lock: DatabaseSync): void {
  const isGone = tryToRemove(file);
  lock.close();
  if (!isGone) tryToRemove(file);
}

function tryToRemove(file: string): boolean {
  try {
    rmSync(file, { force: true });
    return true;
  } catch {
    return false;
  }
}

function makeFolder(path: string): void {
  const folder = holdersFolder(path);
  if (existsSync(folder)) return;
  mkdirSync(folder, { recursive: true });
  allow(folder, path);
}

/**
 * Whoever may use the engine's file may use this: what root has made shall not keep others out. By name only: a
 * descriptor that is closed would take SQLite's locks with it.
 */
function allow(target: string, path: string): void {
  const { mode, uid, gid } = statSync(path);
  const entering = statSync(target).isDirectory() ? (mode & 0o444) >> 2 : 0;
  chmodSync(target, (mode & 0o777) | entering);
  if (process.getuid?.() === 0) chownSync(target, uid, gid);
}
