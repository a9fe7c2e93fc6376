/**
 * Waking other processes: a small file that is written to after a commit, and watched.
 *
 * Watching SQLite's own files would not do: they change before the commit can be seen. A bell that cannot be
 * rung or watched (a file system without notifications) is no failure: whoever listens looks every now and
 * then in any case.
 *
 * @module
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  statSync,
  watch,
  writeSync,
} from "node:fs";
import type { FSWatcher } from "node:fs";

const byte = new Uint8Array(1);

/** Between two rings there are so many milliseconds: under load a ring would cost more than what it tells of. */
const rest = 2;

/** A file to ring, and to hear ringing in any process. */
export class Bell {
  readonly #path: string;
  readonly #database: string;
  #file: number | undefined;
  #watcher: FSWatcher | undefined;
  #resting: NodeJS.Timeout | undefined;
  #wanted = false;

  /**
   * @param path the bell's file, made when it is needed
   * @param database the file that it belongs to: whoever may use the one may use the other
   */
  constructor(path: string, database: string) {
    this.#path = path;
    this.#database = database;
  }

  /** Wakes whoever listens, in this process too: at once, unless it has just done so, then a little later. */
  ring(): void {
    this.#wanted = true;
    if (this.#resting === undefined) this.#ring();
  }

  #ring(): void {
    this.#wanted = false;
    // Keeps the process for that long: what it wants to tell shall not be lost.
    this.#resting = setTimeout(() => {
      this.#resting = undefined;
      if (this.#wanted) this.#ring();
    }, rest);
    try {
      writeSync(this.#opened(), byte, 0, 1, 0);
    } catch {
      // They will look by themselves.
    }
  }

  /** Calls `heard` for every ring from now on. To be called again now and then: it mends what was lost. */
  listen(heard: () => void): void {
    try {
      this.#opened();
    } catch {
      // It may be watched all the same.
    }
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, heard).on("error", () => this.stop());
    } catch {
      // Whoever listens looks by itself.
    }
  }

  /** Hears nothing any more. */
  stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** Stops, and lets go of the file. */
  close(): void {
    if (this.#wanted) this.#ring();
    clearTimeout(this.#resting);
    this.#resting = undefined;
    this.#letGo();
  }

  #letGo(): void {
    this.stop();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** The open file: a new one, when somebody has removed the old one. */
  #opened(): number {
    if (this.#file !== undefined && fstatSync(this.#file).nlink === 0) this.#letGo();
    this.#file ??= this.#open();
    return this.#file;
  }

  #open(): number {
    try {
      return openSync(this.#path, constants.O_RDWR);
    } catch {
      const file = openSync(this.#path, constants.O_RDWR | constants.O_CREAT);
      // As SQLite does with its own files: a bell made by root shall not keep others from ringing.
      const { mode, uid, gid } = statSync(this.#database);
      fchmodSync(file, mode & 0o777);
      if (process.getuid?.() === 0) fchownSync(file, uid, gid);
      return file;
    }
  }
}
