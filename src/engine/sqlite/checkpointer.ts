/**
 * Moving what was committed from the write-ahead log into the file, beside the event loop: each time it waits for the
 * disk twice, tens of milliseconds.
 *
 * SQLite does it by itself, within a commit, whenever there are 1,000 pages in the log. That is well for a process that
 * writes now and then. For one that has been kept waiting by it, a thread does it from then on.
 *
 * @module
 */
import type * as sqlite from "node:sqlite";
import type { DatabaseSync } from "node:sqlite";
import type * as threads from "node:worker_threads";
import { Worker as Thread } from "node:worker_threads";
import { besides } from "./file-guard.ts";

/** A commit that takes longer, in milliseconds, has moved pages, or waited for another that does. */
const slow = 3;

/** Slow commits are put up with, unless one comes within so many milliseconds of another: that is a busy process. */
const often = 1000;

/** Of commits that take longer than this, in milliseconds, */
const verySlow = 8;

/** so many are put up with, however far apart they are. */
const patience = 1;

/** What a commit of this process moves by itself, in pages, while the thread does it: nothing, unless it cannot. */
const lastResort = 25_000;

/** What SQLite does unless told. */
const usual = 1000;

/** What the thread is given. The array is shared memory. */
interface Watched {
  readonly path: string;
  /** At 0: how many commits there were. At 1: 1 when the thread shall end. */
  readonly commits: Int32Array;
}

/** Sees to it that the log does not grow for ever. */
export class Checkpointer {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #commits = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  #patience = patience;
  #slowAt = -Infinity;
  #thread: Thread | undefined;
  #exited: Promise<void> = Promise.resolve();

  /** @param path - the engine's file */
  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Whether the thread is there. */
  get isBeside(): boolean {
    return this.#thread !== undefined;
  }

  /** A commit took so many milliseconds. */
  committed(duration: number): void {
    if (this.#thread) {
      Atomics.add(this.#commits, 0, 1);
      Atomics.notify(this.#commits, 0);
    } else if (duration > slow && this.#patience < Infinity) {
      const before = this.#slowAt;
      this.#slowAt = performance.now();
      if (duration > verySlow) this.#patience -= 1;
      if (this.#patience < 0 || this.#slowAt - before < often) this.start();
    }
  }

  /** Starts the thread. A process may be forbidden to have threads: then SQLite goes on as it does. */
  start(): void {
    this.#patience = Infinity;
    try {
      // As text, for whoever bundles this into a file; and without the process's own options, which may load a program
      // into each of its threads.
      const source = `(${moveAlong.toString()})(require("node:worker_threads"), require("node:sqlite"))`;
      const workerData: Watched = { path: this.#path, commits: this.#commits };
      const execArgv = ["--disable-warning=ExperimentalWarning"];
      const thread = new Thread(source, { eval: true, workerData, name: "checkpoints", env: {}, execArgv });
      this.#thread = thread;
      thread.on("error", () => this.#ended());
      this.#exited = new Promise((resolve) => {
        thread.once("exit", () => {
          this.#ended();
          resolve();
        });
      });
      thread.unref();
      besides(this.#path, 1);
      this.#database.exec(`PRAGMA wal_autocheckpoint = ${lastResort}`);
    } catch {
      this.#ended();
    }
  }

  /** Resolves when the thread has ended. */
  async close(): Promise<void> {
    this.#patience = Infinity;
    if (this.#thread === undefined) return;
    Atomics.store(this.#commits, 1, 1);
    Atomics.add(this.#commits, 0, 1);
    Atomics.notify(this.#commits, 0);
    Atomics.notify(this.#commits, 1);
    // Somebody waits now, and a process that has nothing else to do would end before.
    this.#thread.ref();
    await this.#exited;
  }

  /** From now on by SQLite itself again. */
  #ended(): void {
    if (this.#thread !== undefined) besides(this.#path, -1);
    this.#thread = undefined;
    if (this.#database.isOpen) this.#database.exec(`PRAGMA wal_autocheckpoint = ${usual}`);
  }
}

/**
 * The thread's whole program. It is turned into text, so it may use nothing from outside; nor a function of its
 * own with a name, to which some compilers add a call of a helper that is not there.
 */
function moveAlong({ workerData }: typeof threads, { DatabaseSync }: typeof sqlite): void {
  const { path, commits } = workerData as Watched;
  const database = new DatabaseSync(path, { timeout: 250 });
  // Does not wait for anybody, and nobody waits for it.
  const move = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  // Waits for whoever writes, and lets nobody write meanwhile, so that the log begins anew: while there is always
  // somebody who writes, it would never do so by itself. It waits for whoever reads, too, so not while somebody holds on
  // to an older state, of whom it shows that not all can be moved: a copy that is made would keep all from writing.
  const beginAnew = database.prepare("PRAGMA wal_checkpoint(RESTART)");
  let seen = 0;
  while (Atomics.load(commits, 1) === 0) {
    Atomics.wait(commits, 0, seen);
    // The log may grow to some size: what is in it several times over is moved once.
    Atomics.wait(commits, 1, 0, 100);
    if (Atomics.load(commits, 1) !== 0) break;
    seen = Atomics.load(commits, 0);
    try {
      const moved = move.get();
      if (Number(moved?.["log"]) > 4000 && moved?.["checkpointed"] === moved?.["log"]) beginAnew.get();
    } catch {
      // Busy, or the disk is full, which those who write are told.
    }
  }
  database.close();
}
