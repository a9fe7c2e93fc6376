/**
 * The pg-boss engine: tasks are jobs in the PostgreSQL that pg-boss keeps its own in.
 *
 * @module
 */
import type {
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
import { capabilities } from "./pg-boss/capabilities.ts";
import { Database } from "./pg-boss/database.ts";
import { closedError } from "./pg-boss/errors.ts";
import { namesOf } from "./pg-boss/names.ts";
import { settingsOf, type PgBossOptions, type Settings } from "./pg-boss/options.ts";
import {
  sqlOf,
  type PgBossDatabaseLike,
  type PgBossLike,
  type PgClientLike,
  type PgPoolLike,
  type PgRowsLike,
} from "./pg-boss/sql.ts";
import { openStore, type Store } from "./pg-boss/store.ts";
import { Opening } from "./shared/opening.ts";

export type { PgBossDatabaseLike, PgBossLike, PgBossOptions, PgClientLike, PgPoolLike, PgRowsLike };

/**
 * Makes an engine that keeps its tasks as jobs of pg-boss 12.
 *
 * It takes a `PgBoss` that was started, or a `Pool` of `pg`'s on a database in which one was. Neither is stopped with
 * the engine. What pg-boss has no column for lies in a schema beside its own, `pgboss_petiole`, which is created with
 * the first use.
 *
 * Listening with `onReady`, `watch` or `onCancel` does not keep the process alive; waiting with `ended` does,
 * until it is told.
 *
 * The methods reject with `ERR_ENGINE_UNREACHABLE`, `ERR_ENGINE_UNSUPPORTED` (a schema of another version),
 * `ERR_ENGINE_CLOSED`, or, for anything else PostgreSQL says, `ERR_ENGINE_FAILED`.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for what is neither, or an option that cannot be
 *
 * @example
 * const boss = new PgBoss(process.env.DATABASE_URL);
 * await boss.start();
 * const app = new Petiole({ engine: pgBoss(boss) });
 */
export function pgBoss(source: PgBossLike | PgPoolLike, options: PgBossOptions = {}): Engine {
  const settings = settingsOf(options);
  const names = namesOf(options.schema ?? "pgboss");
  return new PgBossEngine(new Database(sqlOf(source, settings.timeout), names, settings.timeout), settings);
}

class PgBossEngine implements Engine {
  readonly name = "pg-boss";
  readonly capabilities = capabilities;
  readonly silence: number;

  readonly #opening: Opening<Store>;

  constructor(database: Database, settings: Settings) {
    this.silence = settings.maxSilence;
    this.#opening = new Opening({
      open: () => openStore(database, settings),
      closed: closedError,
      retryAfter: settings.pollInterval ?? 1000,
    });
  }

  async open(): Promise<void> {
    await this.#opening.opened();
  }

  async send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    if (batch.length === 0) return this.open().then(() => []);
    return this.#opening.call(({ sending }) => sending.send(batch));
  }

  async sendWithin(batch: readonly Outgoing[], sql: TransactionSql): Promise<SentWithin> {
    return this.#opening.call((store) => store.sendWithin(batch, sql));
  }

  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    return this.#opening.call(({ claims, notices }) => {
      if (request.adopts !== undefined && request.queues.some(request.adopts)) notices.hearBoss();
      return claims.claim(request);
    });
  }

  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    return this.#opening.call((store) => store.leases.extend(leases, duration));
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    if (settlements.length === 0) return this.open().then(() => []);
    return this.#opening.call((store) => store.settle(settlements));
  }

  async report(lease: Lease, report: Report): Promise<boolean> {
    return this.#opening.call(({ reports }) => reports.report(lease, report));
  }

  onReady(queues: readonly string[], listener: () => void): () => void {
    // Where the database cannot be opened, the listener's claim will be told why.
    return this.#opening.listen(({ ready }) => ready.listen(queues, listener), listener);
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    return this.#opening.call(({ tasks }) => tasks.find(id));
  }

  async ended(id: string, signal?: AbortSignal): Promise<TaskRecord | undefined> {
    signal?.throwIfAborted();
    const { tasks, ends } = await this.#opening.opened();
    const job = await this.#opening.call(() => tasks.answering(id));
    if (this.#opening.isClosed) throw closedError();
    return ends.wait(job, signal);
  }

  watch(id: string, listener: () => void): () => void {
    // What has changed until the database is open, nobody knows.
    return this.#opening.listen(({ watch }) => watch.listen(id, listener), undefined, listener);
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    return this.#opening.call(({ tasks }) => tasks.logs(id));
  }

  async list(request: ListRequest): Promise<TaskPage> {
    return this.#opening.call(({ tasks }) => tasks.list(request));
  }

  async counts(): Promise<readonly QueueCount[]> {
    return this.#opening.call(({ tasks }) => tasks.counts());
  }

  async cancel(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#opening.call(({ managing }) => managing.cancel(ids, reason));
  }

  onCancel(worker: string, listener: (leases: readonly Lease[]) => void): () => void {
    return this.#opening.listen(({ cancels }) => cancels.listen(worker, listener));
  }

  async retry(ids: readonly string[]): Promise<number> {
    return this.#opening.call(({ managing }) => managing.retry(ids));
  }

  async discard(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#opening.call(({ managing }) => managing.discard(ids, reason));
  }

  async pause(queue: string): Promise<void> {
    return this.#opening.call(({ managing }) => managing.pause(queue));
  }

  async resume(queue: string): Promise<void> {
    return this.#opening.call(({ managing }) => managing.resume(queue));
  }

  async paused(): Promise<readonly string[]> {
    return this.#opening.call(({ managing }) => managing.paused());
  }

  async close(): Promise<void> {
    await this.#opening.close();
  }
}
