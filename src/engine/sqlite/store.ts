/**
 * An open file with everything that works on it.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { ClaimRequest } from "../../engine.ts";
import { Bell } from "./bell.ts";
import { CancelWatch } from "./cancels.ts";
import { Checkpointer } from "./checkpointer.ts";
import { Claims } from "./claims.ts";
import { Committer } from "./committer.ts";
import type { Changes } from "./committer.ts";
import { connect } from "./connection.ts";
import type { Connection, Durability } from "./connection.ts";
import { EndWatch } from "./ends.ts";
import { closedError, engineError } from "./errors.ts";
import { Holder } from "./holder.ts";
import { Lanes } from "./lanes.ts";
import { Liveness } from "./liveness.ts";
import { Managing } from "./managing.ts";
import { Original } from "./original.ts";
import { ownFile, userFile, type Place } from "./place.ts";
import { Pauses } from "./pauses.ts";
import { ReadyWatch } from "./ready.ts";
import { Reports } from "./reports.ts";
import { Retention } from "./retention.ts";
import { Selection } from "./selection.ts";
import { Sending } from "./sending.ts";
import { Settlements } from "./settlements.ts";
import { Sweeper } from "./sweeper.ts";
import { Tasks } from "./tasks.ts";
import { TaskWatch } from "./watch.ts";

/** What the options of `sqlite()` come to. All times in milliseconds. */
export interface Settings {
  readonly durability: Durability;
  readonly retention: number;
  readonly busyTimeout: number;
  readonly pollInterval: number;
  /** Whether the file is the user's own database. */
  readonly sameDatabase: boolean;
}

function placeOf({ sameDatabase }: Settings): Place {
  return sameDatabase ? userFile : ownFile;
}

/** Opens the file and puts together what works on it. */
export async function openStore(path: string, settings: Settings): Promise<Store> {
  const connection = await connect(path, placeOf(settings), settings.durability, settings.busyTimeout);
  try {
    return new Store(connection, settings);
  } catch (error) {
    connection.close();
    throw engineError(error, connection.path, "opening the file");
  }
}

/** Everything that works on one open file. */
export class Store {
  readonly path: string;
  readonly database: DatabaseSync;
  readonly original: Original;
  readonly committer: Committer;
  readonly sending: Sending;
  readonly claims: Claims;
  readonly reports: Reports;
  readonly settlements: Settlements;
  readonly tasks: Tasks;
  readonly managing: Managing;
  readonly pauses: Pauses;
  readonly ends: EndWatch;
  readonly watch: TaskWatch;
  readonly cancels: CancelWatch;
  readonly #ready: ReadyWatch;
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly #lanes: Lanes;
  readonly #selection: Selection;
  readonly #sweeper: Sweeper;
  readonly #checkpointer: Checkpointer;
  readonly #holder: Holder;
  readonly #liveness: Liveness;
  /** A bell for each kind of news, so that nobody is woken for what concerns others only. */
  readonly #bells: Readonly<Record<"ready" | "ended" | "changed" | "cancelled", Bell>>;

  constructor(connection: Connection, settings: Settings) {
    const { database, path } = connection;
    const { retention, pollInterval } = settings;
    this.#connection = connection;
    this.#settings = settings;
    this.path = path;
    this.database = database;
    this.#bells = {
      ready: new Bell(`${path}-bell`, path),
      ended: new Bell(`${path}-bell-ended`, path),
      changed: new Bell(`${path}-bell-changed`, path),
      cancelled: new Bell(`${path}-bell-cancelled`, path),
    };
    this.original = new Original(path);
    this.committer = new Committer(
      database,
      path,
      this.original,
      settings.busyTimeout,
      (changes, duration) => {
        this.#checkpointer.committed(duration);
        this.committed(changes);
      },
    );
    this.#checkpointer = new Checkpointer(database, path);
    this.#lanes = new Lanes(database);
    this.pauses = new Pauses(database);
    this.#selection = new Selection(database, this.#lanes, this.pauses);
    this.sending = new Sending(database);
    this.#holder = new Holder(path);
    this.claims = new Claims(database, this.#selection, this.#holder.name);
    this.#liveness = new Liveness(path, this.#holder, this.claims, this.committer);
    this.reports = new Reports(database);
    this.settlements = new Settlements(database, retention);
    this.tasks = new Tasks(database, placeOf(settings));
    this.managing = new Managing(database, retention);
    this.#ready = new ReadyWatch(database, this.#bells.ready, this.pauses, this.original, pollInterval);
    this.ends = new EndWatch(database, this.tasks, this.#bells.ended, this.original, pollInterval, (error) =>
      engineError(error, path, "waiting for a task to end"),
    );
    this.watch = new TaskWatch(database, this.#bells.changed, pollInterval);
    this.cancels = new CancelWatch(database, this.#bells.cancelled, pollInterval);
    this.#sweeper = new Sweeper(new Retention(database), this.committer, retention);
  }

  /** To be called before the first claim: from then on others can tell whether this process lives, and it looks at them. */
  claiming(): void {
    this.#holder.take();
    this.#liveness.start();
  }

  /** See {@link Engine.onReady}. */
  listen(queues: readonly string[], listener: () => void): () => void {
    this.#liveness.start();
    return this.#ready.listen(queues, listener);
  }

  /** Whether a claim would find something. Only reads; true as well when that cannot be told just now. */
  mayFind(request: ClaimRequest): boolean {
    try {
      this.original.check();
      if (this.#selection.hasKnown(request)) return true;
      if (!this.#ready.mayBeReady(request.queues)) return false;
      if (request.limits === undefined || request.limits.size === 0) return true;
      const now = Date.now();
      const rooms = this.#selection.rooms(request, now);
      if (this.#selection.mayFind(request, rooms, now)) return true;
      this.#ready.roomAt(rooms.nextTime());
      return false;
    } catch {
      return true; // The claim will wait, or tell.
    }
  }

  /** Writes what is pending and lets go of the file. */
  async close(): Promise<void> {
    await this.committer.close();
    this.#sweeper.stop();
    this.#liveness.stop();
    this.#holder.release();
    this.#ready.stop();
    this.ends.stop(closedError(this.path));
    this.watch.stop();
    this.cancels.stop();
    for (const bell of Object.values(this.#bells)) bell.close();
    await this.#checkpointer.close();
    this.#connection.close();
  }

  /** Tells of what was committed, here and to other processes. */
  committed(changes: Changes): void {
    this.#tellOfRoom(changes);
    // Later times need no ring: the others will have looked by then.
    const soon = changes.scheduled - Date.now() < 2 * this.#settings.pollInterval;
    const hasEnds = changes.ended.length > 0;
    if (changes.ready.size > 0 || soon) this.#bells.ready.ring();
    if (hasEnds) this.#bells.ended.ring();
    if (hasEnds || changes.touched) this.#bells.changed.ring();
    if (changes.marked) this.#bells.cancelled.ring();
    this.#ready.committed(changes);
    this.ends.committed(changes);
    if (hasEnds || changes.touched) this.watch.changed();
    if (changes.marked) this.cancels.changed();
    this.#sweeper.committed(changes);
  }

  /** Tasks that wait for a lane of which runs have ended are ready. */
  #tellOfRoom(changes: Changes): void {
    try {
      for (const [lane, count] of changes.lanes) {
        if (count <= 0) continue;
        for (const queue of this.#lanes.queuesOf(lane)) changes.ready.add(queue);
      }
    } catch {
      // Busy: they will look by themselves.
    }
  }
}
