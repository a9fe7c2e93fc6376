/**
 * An open database with everything that works on it.
 *
 * @module
 */
import type { Outgoing, SentWithin, Settlement, TransactionSql } from "../../engine.ts";
import { CancelWatch } from "./cancels.ts";
import { Claims } from "./claims.ts";
import { Cycle, type Settled } from "./cycle.ts";
import type { Database } from "./database.ts";
import { EndWatch } from "./ends.ts";
import { closedError, codeOf } from "./errors.ts";
import { install } from "./install.ts";
import { Leases } from "./leases.ts";
import { Managing, type Managed } from "./managing.ts";
import { Notices } from "./notices.ts";
import type { Settings } from "./options.ts";
import { ReadyWatch } from "./ready.ts";
import { Reports } from "./reports.ts";
import { SameDatabase, unsupported } from "./same-database.ts";
import type { EncodedSettlement } from "./settlements.ts";
import { Sending } from "./sending.ts";
import { Sweeper } from "./sweeper.ts";
import { Tasks } from "./tasks.ts";
import { TaskWatch } from "./watch.ts";

/** Checks pg-boss, creates what is missing, and puts together what works on it. */
export async function openStore(database: Database, settings: Settings): Promise<Store> {
  await install(database);
  const store = new Store(database, settings);
  await store.start();
  return store;
}

/** How often to look, in milliseconds, where notices are heard and where not. */
const looks = { heard: 1000, deaf: 500 };

/** Everything that works on one database. */
export class Store {
  readonly sending: Sending;
  readonly claims: Claims;
  readonly leases: Leases;
  readonly reports: Reports;
  readonly tasks: Tasks;
  readonly managing: Managing;
  readonly ready: ReadyWatch;
  readonly ends: EndWatch;
  readonly watch: TaskWatch;
  readonly cancels: CancelWatch;
  readonly notices: Notices;
  readonly #cycle: Cycle;
  readonly #sweeper: Sweeper;
  readonly #same: SameDatabase;
  readonly #interval: () => number;
  #isHeard = false;

  constructor(database: Database, { retention, pollInterval, maxSilence }: Settings) {
    this.#interval = () => pollInterval ?? (this.#isHeard ? looks.heard : looks.deaf);
    this.notices = new Notices(database, {
      ready: (queue) => this.ready.ready(queue === undefined ? undefined : [queue]),
      ended: (jobs) => {
        this.ends.ended(jobs);
        this.watch.changed(jobs);
      },
      changed: (jobs) => this.watch.changed(jobs),
      cancelled: (worker) => this.cancels.changed(worker),
    });
    const { who } = this.notices;
    // Later times need no telling: the others will have looked by then.
    const soon = 2 * (pollInterval ?? looks.heard);
    this.tasks = new Tasks(database);
    this.ready = new ReadyWatch(database, this.#interval);
    this.ends = new EndWatch(this.tasks, this.#interval);
    this.watch = new TaskWatch(this.tasks, () => Math.min(this.#interval(), 500));
    this.cancels = new CancelWatch(database, this.#interval);
    this.leases = new Leases(database, maxSilence);
    this.sending = new Sending(database, who, soon, (queues, soonest) => {
      this.ready.ready(queues);
      if (soonest !== Infinity) this.ready.in(soonest - Date.now());
    });
    this.#cycle = new Cycle(
      database,
      who,
      soon,
      retention,
      (job, token) => this.leases.isFree(job, token),
      (settlements, settled) => this.#settled(settlements, settled),
    );
    this.claims = new Claims(this.#cycle, this.leases, ({ jobs, room }) => {
      if (jobs.length > 0) this.watch.changed(jobs);
      if (room !== null) this.ready.roomIn(room);
    });
    this.reports = new Reports(database, who, (jobs) => this.watch.changed(jobs));
    this.managing = new Managing(database, retention, who, (managed) => this.#managed(managed));
    this.#sweeper = new Sweeper(database);
    this.#same = new SameDatabase(database);
  }

  async start(): Promise<void> {
    this.#isHeard = await this.notices.start();
  }

  /** See {@link Engine.settle}. */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    return this.#cycle.settle(settlements);
  }

  /** See {@link Engine.sendWithin}. */
  async sendWithin(batch: readonly Outgoing[], sql: TransactionSql): Promise<SentWithin> {
    await this.#same.check(sql);
    const sent = await this.sending.within(batch, async (text, parameters) => {
      try {
        const [row] = await sql.query(text, parameters);
        return String(row?.["json"]);
      } catch (error) {
        if (codeOf(error) !== "PTIL1" && codeOf((error as Error).cause) !== "PTIL1") throw error;
        throw unsupported(
          "A task with a key cannot be sent in a transaction that is not READ COMMITTED",
          error,
        );
      }
    });
    return { ...sent, withdraw: (ids, within) => this.sending.withdraw(ids, within) };
  }

  /** Finishes what was asked for, and lets go. */
  async close(): Promise<void> {
    await Promise.all([this.sending.idle(), this.#cycle.idle(), this.reports.idle()]);
    this.ready.stop();
    this.ends.stop(closedError());
    this.watch.stop();
    this.cancels.stop();
    await Promise.all([this.#sweeper.stop(), this.leases.stop(), this.notices.close()]);
  }

  #settled(settlements: readonly EncodedSettlement[], { ended, changed, ready, freed }: Settled): void {
    for (const { settlement, job, token } of settlements) {
      this.leases.letGo(job, token);
      if ("keep" in settlement && settlement.keep !== undefined && settlement.keep < 2 ** 31)
        this.#sweeper.in(settlement.keep + 1);
      // A task that waits again has its time then.
      if ("at" in settlement) this.ready.in(Math.max(0, settlement.at - Date.now()));
    }
    this.ends.ended(ended);
    if (ended.length > 0) this.watch.changed(ended);
    if (changed.length > 0) this.watch.changed(changed);
    this.ready.ready(ready);
    if (freed) this.ready.ready(undefined);
  }

  #managed({ ended = [], changed = [], ready = [], marked = [] }: Managed): void {
    this.ends.ended(ended);
    if (ended.length + changed.length > 0) this.watch.changed([...ended, ...changed]);
    this.ready.ready(ready);
    for (const worker of marked) this.cancels.changed(worker);
  }
}
