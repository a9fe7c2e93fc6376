/**
 * The SQLite engine: one machine, one file, many processes, no server.
 *
 * @module
 */
import type {
  Capabilities,
  ClaimRequest,
  Delivery,
  Engine,
  Lease,
  ListRequest,
  LogLine,
  Outgoing,
  QueueCount,
  Reason,
  Report,
  SentWithin,
  Settlement,
  TaskPage,
  TaskRecord,
  TransactionSql,
} from "../engine.ts";
import { Opening } from "./shared/opening.ts";
import { untilFree } from "./sqlite/busy.ts";
import { capabilities, variants } from "./sqlite/capabilities.ts";
import type { Changes } from "./sqlite/committer.ts";
import { realPath } from "./sqlite/connection.ts";
import { closedError, engineError } from "./sqlite/errors.ts";
import { listTasks } from "./sqlite/list.ts";
import { refuseInvalid, settingsOf } from "./sqlite/options.ts";
import type { SqliteOptions } from "./sqlite/options.ts";
import { refuseElsewhere, refuseUnprepared, sendWithin, withdraw } from "./sqlite/send-within.ts";
import type { Completion } from "./sqlite/settlements.ts";
import { openStore } from "./sqlite/store.ts";
import type { Store } from "./sqlite/store.ts";

export type { SqliteOptions };

/**
 * Makes an engine that keeps its tasks in a SQLite file, through Node's own `node:sqlite`.
 *
 * Every process that opens the same file, web or worker, takes part. Beside the file there will be `-wal` and
 * `-shm` (SQLite's) and four tiny ones, `-bell`, `-bell-ended`, `-bell-changed` and `-bell-cancelled`, by which
 * processes wake each other, and a folder, `-workers`, with a lock for each process that claims: by that the others
 * see within two seconds that it has died. The file is opened with the first use, and must be on a local disk.
 *
 * The file belongs to the engine. Do not open it with another SQLite library (better-sqlite3, libsql) in a
 * process that uses the engine: two copies of SQLite in one process cancel each other's file locks, and
 * committed rows vanish. On Linux, opening a file that is held that way is refused with `ERR_ENGINE_FILE_SHARED`;
 * a handle of your own from `node:sqlite` is the same library and harmless (but it is refused too while another
 * library is loaded, as nobody can tell whose it is; so is an engine in a second thread of such a process).
 * Nor may a process that uses the engine read the file, or those in `-workers`, as plain files, to back them up, say:
 * with the end of reading it loses its locks, is taken for dead, and its tasks run elsewhere too. Back up from another
 * process, or with `VACUUM INTO` through `node:sqlite`. Another process may read the file with any tool.
 *
 * With `sameDatabase` the file is the application's own, and the engine's tables lie beside the application's: for
 * `transactions: "same-database"`, where the application's own connection is a `node:sqlite` one.
 *
 * On Node 22, `node:sqlite` prints an ExperimentalWarning when it is loaded; from Node 24 on it does not.
 *
 * Listening with `onReady`, `watch` or `onCancel` does not keep the process alive; waiting with `ended` does,
 * until it is told.
 *
 * The concurrency of a lane counts leases: a run that went on although its lease ran out may be one too many.
 *
 * The methods reject with `ERR_ENGINE_BUSY`, `ERR_ENGINE_DISK_FULL`, `ERR_ENGINE_FILE_INVALID`,
 * `ERR_ENGINE_FILE_READ_ONLY`, `ERR_ENGINE_FILE_SHARED`, `ERR_ENGINE_CLOSED`, or, for anything else SQLite says,
 * `ERR_ENGINE_FAILED`. A write that was rejected has changed nothing.
 *
 * @param path the file; created if it is not there, in a directory that is
 * @throws PetioleError `ERR_OPTION_INVALID` for a path that is no file's, or an option that cannot be
 *
 * @example
 * const app = new Petiole({ engine: sqlite("tasks.db") });
 *
 * @example
 * sqlite("/var/lib/shop/tasks.db", { durability: "power", retention: 7 * 86_400_000 });
 *
 * @example
 * const app = new Petiole({ engine: sqlite("shop.db", { sameDatabase: true }), models, transactions: "same-database" });
 */
export function sqlite(path: string, options: SqliteOptions = {}): Engine {
  refuseInvalid(path, options);
  return new SqliteEngine(path, options);
}

class SqliteEngine implements Engine {
  readonly name = "sqlite";
  readonly capabilities: Capabilities;
  readonly sendWithin?: NonNullable<Engine["sendWithin"]>;

  readonly #path: string;
  readonly #settings: Required<SqliteOptions>;
  /** Transactions that are of this file. */
  readonly #known = new WeakSet<TransactionSql>();
  readonly #opening: Opening<Store>;

  constructor(path: string, options: SqliteOptions) {
    this.#path = path;
    this.#settings = settingsOf(options);
    this.#opening = new Opening({
      open: () => openStore(path, this.#settings),
      closed: () => closedError(path),
      retryAfter: this.#settings.pollInterval,
    });
    const { sameDatabase } = this.#settings;
    if (sameDatabase) this.sendWithin = (batch, sql) => this.#sendWithin(batch, sql);
    this.capabilities = sameDatabase ? variants.sameDatabase : capabilities;
  }

  async open(): Promise<void> {
    await this.#opening.opened();
  }

  async send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    if (batch.length === 0) return this.open().then(() => []);
    const { committer, sending } = this.#opening.store ?? (await this.#opening.opened());
    const [only] = batch;
    const joint = only && batch.length === 1 ? { by: sending.sendSingles, item: only } : undefined;
    return committer.run(
      `sending ${counted(batch, "task")}`,
      (changes) => sending.send(batch, changes),
      joint,
    );
  }

  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    const store = this.#opening.store ?? (await this.#opening.opened());
    store.claiming();
    // Most looks of an idle worker find nothing: they shall not take the write lock.
    if (store.committer.idle && !store.mayFind(request)) return [];
    const asked = Date.now();
    return this.#write("claiming tasks", ({ claims }, changes) => claims.claim(request, asked, changes));
  }

  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    return this.#write(`extending ${counted(leases, "lease")}`, ({ claims }, changes) =>
      claims.extend(leases, duration, changes),
    );
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    if (settlements.length === 0) return this.open().then(() => []);
    const [only] = settlements;
    if (settlements.length === 1 && only?.kind === "complete") return [await this.#complete(only)];
    return this.#write(`settling ${counted(settlements, "task")}`, (store, changes) =>
      settlements.map((settlement) => store.settlements.settle(settlement, changes)),
    );
  }

  /** Together with those that are asked for beside it. */
  async #complete(completion: Completion): Promise<boolean> {
    const { committer, settlements } = this.#opening.store ?? (await this.#opening.opened());
    return committer.run("settling 1 task", (changes) => settlements.settle(completion, changes), {
      by: settlements.completeAll,
      item: completion,
    });
  }

  async report(lease: Lease, report: Report): Promise<boolean> {
    return this.#write("keeping what a run tells", ({ reports }, changes) =>
      reports.report(lease, report, changes),
    );
  }

  onReady(queues: readonly string[], listener: () => void): () => void {
    // Where the file cannot be opened, the listener's claim will be told why.
    return this.#opening.listen((store) => store.listen(queues, listener), listener);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    return this.#read("looking up a task", ({ tasks }) => tasks.find(id));
  }

  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    signal?.throwIfAborted();
    const answering = await this.#read("looking up a task", ({ tasks }) => tasks.answering(id));
    const { ends } = await this.#opening.opened();
    return ends.wait(answering, signal);
  }

  watch(id: string, listener: () => void): () => void {
    // What has changed until the file is open, nobody knows.
    return this.#opening.listen(({ watch }) => watch.listen(id, listener), undefined, listener);
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    return this.#read("reading what was logged", ({ tasks }) => tasks.logs(id));
  }

  async list(request: ListRequest): Promise<TaskPage> {
    return this.#read("listing tasks", ({ database }) => listTasks(database, request));
  }

  async counts(): Promise<readonly QueueCount[]> {
    return this.#read("counting tasks", ({ tasks, path }) => tasks.counts(path));
  }

  async cancel(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#write(`cancelling ${counted(ids, "task")}`, ({ managing }, changes) =>
      managing.cancel(ids, reason, changes),
    );
  }

  onCancel(worker: string, listener: (leases: readonly Lease[]) => void): () => void {
    return this.#opening.listen(({ cancels }) => cancels.listen(worker, listener));
  }

  async retry(ids: readonly string[]): Promise<number> {
    return this.#write(`retrying ${counted(ids, "task")}`, ({ managing }, changes) =>
      managing.retry(ids, changes),
    );
  }

  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#write(`discarding ${counted(ids, "task")}`, ({ managing }, changes) =>
      managing.discard(ids, reason, changes),
    );
  }

  async pause(queue: string): Promise<void> {
    return this.#write(`pausing queue ${queue}`, ({ pauses }) => pauses.pause(queue));
  }

  async resume(queue: string): Promise<void> {
    return this.#write(`resuming queue ${queue}`, ({ pauses }, changes) => pauses.resume(queue, changes));
  }

  async paused(): Promise<readonly string[]> {
    return this.#read("reading which queues are paused", ({ pauses }) => pauses.paused());
  }

  async close(): Promise<void> {
    await this.#opening.close();
  }

  async #sendWithin(batch: readonly Outgoing[], sql: TransactionSql): Promise<SentWithin> {
    if (this.#opening.isClosed) throw closedError(this.#path);
    // Not opened here: that may have to write, and would wait for this transaction.
    const path = this.#opening.store?.path ?? realPath(this.#path);
    if (!this.#known.has(sql)) {
      await refuseElsewhere(sql, path);
      if (this.#opening.store === undefined) await refuseUnprepared(sql, path);
      this.#known.add(sql);
    }
    const { ids, changes } = await sendWithin(batch, sql);
    const committed = (): void => {
      if (this.#opening.store) this.#opening.store.committed(changes);
      // Whoever looks by itself finds them where this fails.
      else if (!this.#opening.isClosed)
        void this.#opening
          .opened()
          .then((store) => store.committed(changes))
          .catch(() => {});
    };
    return { ids, committed, withdraw };
  }

  async #write<T>(what: string, work: (store: Store, changes: Changes) => T): Promise<T> {
    const store = this.#opening.store ?? (await this.#opening.opened());
    return store.committer.run(what, (changes) => work(store, changes));
  }

  async #read<T>(what: string, read: (store: Store) => T | Promise<T>): Promise<T> {
    const store = this.#opening.store ?? (await this.#opening.opened());
    try {
      return await untilFree(() => {
        if (this.#opening.isClosed) throw closedError(this.#path);
        store.original.check();
        return read(store);
      }, this.#settings.busyTimeout);
    } catch (error) {
      throw engineError(error, store.path, what);
    }
  }
}

/** `1 task`, `3 tasks`. */
function counted(list: readonly unknown[], noun: string): string {
  return list.length === 1 ? `1 ${noun}` : `${list.length} ${noun}s`;
}
