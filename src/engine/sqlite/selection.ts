/**
 * Which tasks a claim takes, and in which order.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ClaimRequest } from "../../engine.ts";
import { distinct } from "./distinct.ts";
import type { Lanes, Rooms } from "./lanes.ts";
import type { Pauses } from "./pauses.ts";
import { messageColumns, numbers, type Row } from "./records.ts";
import { left } from "./schema.ts";
import { toColumn } from "../shared/text.ts";

/** At most so many tasks whose time has come are made waiting by one claim; the next claim goes on. */
const promotedAtOnce = 1000;

/**
 * A limit that is a parameter, as an expression: SQLite 3.47 and later plan a statement with a bare `LIMIT ?` anew each
 * time that it is run, which takes longer than the rest of it.
 */
const bound = "? + 0";

/** At most so many lost tasks are looked at to tell whether a claim would find one. */
const lookedAt = 100;

interface Candidate {
  readonly sequence: number;
  readonly lane: string;
  readonly priority: number;
  readonly run_at: number;
}

/** Takes what was found. */
export interface Take {
  /** A task, with `crashes` of 1 when its lease was lost. */
  one(sequence: number, crashes: number): void;
  /** The first tasks that wait in a lane of a queue, at most so many. How many there were. */
  first(queue: string, lane: string, limit: number): number;
}

/** Epoch milliseconds. */
export interface Times {
  /** When the claim was asked for: leases that ended by then are lost. */
  readonly asked: number;
  readonly now: number;
}

/** What a delivery is made of. */
export const deliveryColumns = `sequence, ${messageColumns}, lane, ${numbers("attempts", "crashes", "deferrals", "deferred_at")}, cancel_reason`;

/** Where the first tasks are that wait in a lane: of a queue, a lane, and a limit. */
export const firstWaiting =
  "FROM tasks INDEXED BY tasks_waiting WHERE state = 'waiting' AND queue = ? AND lane = ? " +
  `ORDER BY tasks.priority DESC, tasks.run_at, sequence LIMIT ${bound}`;

type TakeOne = (sequence: number, lane: string, crashes: number) => void;
type TakeFirst = (queue: string, lane: string, most: number) => void;

/** Finds what a claim takes. */
export class Selection {
  readonly #lanes: Lanes;
  readonly #pauses: Pauses;
  readonly #lost: StatementSync;
  readonly #lostElsewhere: StatementSync;
  readonly #anyLeft: StatementSync;
  readonly #needs: StatementSync;
  readonly #left: StatementSync;
  readonly #leftElsewhere: StatementSync;
  readonly #promote: StatementSync;
  readonly #isDue: StatementSync;
  readonly #look: StatementSync;
  readonly #outerLanes: StatementSync;
  readonly #waitingLanes: StatementSync;
  readonly #waiting: StatementSync;

  constructor(database: DatabaseSync, lanes: Lanes, pauses: Pauses) {
    this.#lanes = lanes;
    this.#pauses = pauses;
    const lost =
      "SELECT sequence, lane FROM tasks WHERE state = 'running' AND queue = ? AND lease_until <= ?";
    const elsewhere = "AND lane NOT IN (SELECT value FROM json_each(?))";
    this.#lost = database.prepare(`${lost} ORDER BY lease_until LIMIT ${bound}`);
    this.#lostElsewhere = database.prepare(`${lost} ${elsewhere} ORDER BY lease_until LIMIT ${bound}`);
    const needing = `SELECT sequence, lane FROM tasks WHERE ${left} AND queue = ? AND needs = ?`;
    this.#left = database.prepare(`${needing} ORDER BY sequence LIMIT ${bound}`);
    this.#leftElsewhere = database.prepare(`${needing} ${elsewhere} ORDER BY sequence LIMIT ${bound}`);
    this.#anyLeft = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM tasks WHERE ${left} AND queue = ?) AS any`,
    );
    const needs = `SELECT min(needs) FROM tasks WHERE ${left} AND queue = $queue`;
    this.#needs = database.prepare(distinct("needs", needs));
    this.#promote = database.prepare(
      `UPDATE tasks SET state = 'waiting'
       WHERE sequence IN (
         SELECT sequence FROM tasks WHERE state = 'scheduled' AND queue = ? AND run_at <= ?
         ORDER BY run_at LIMIT ${promotedAtOnce})`,
    );
    this.#isDue = database.prepare(
      "SELECT EXISTS (SELECT 1 FROM tasks WHERE state = 'scheduled' AND queue = ? AND run_at <= ?) AS due",
    );
    // All that most claims find nothing of, in one statement: each costs more than what it asks.
    this.#look = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM tasks WHERE state = 'running' AND queue = ? AND lease_until <= ?),
         EXISTS (SELECT 1 FROM tasks WHERE ${left} AND queue = ?),
         EXISTS (SELECT 1 FROM tasks WHERE state = 'scheduled' AND queue = ? AND run_at <= ?)`,
    );
    this.#look.setReturnArrays(true);
    const waiting = "SELECT min(lane) FROM tasks WHERE state = 'waiting' AND queue = $queue";
    const outer = waiting.replace("$queue", "?");
    this.#outerLanes = database.prepare(`SELECT (${outer}), (${outer.replace("min", "max")})`);
    this.#outerLanes.setReturnArrays(true);
    this.#waitingLanes = database.prepare(distinct("lane", waiting));
    this.#waiting = database.prepare(
      `SELECT sequence, lane, ${numbers("priority", "run_at")} ${firstWaiting}`,
    );
  }

  /**
   * Takes at most `limit` tasks: queue by queue, those that were lost first, then those that were parked and need
   * what is known, then those that wait.
   */
  take(
    { queues, knows }: ClaimRequest,
    limit: number,
    rooms: Rooms,
    { now, asked }: Times,
    take: Take,
  ): void {
    let left = limit;
    const takeOne: TakeOne = (sequence, lane, crashes) => {
      left -= 1;
      rooms.take(lane, 1);
      take.one(sequence, crashes);
    };
    const takeFirst: TakeFirst = (queue, lane, most) => {
      const count = take.first(queue, lane, most);
      left -= count;
      rooms.take(lane, count);
    };
    for (const queue of this.#pauses.open(queues).map(toColumn)) {
      const [isLost, isLeft, isDue] = this.#look.get(queue, asked, queue, queue, now) as unknown as number[];
      if (isLost === 1) {
        const lost = { all: this.#lost, elsewhere: this.#lostElsewhere, of: [queue, asked], crashes: 1 };
        takeFrom(lost, () => left, rooms, takeOne);
      }
      for (const needs of isLeft === 1 ? this.#known(queue, knows) : []) {
        const parked = { all: this.#left, elsewhere: this.#leftElsewhere, of: [queue, needs], crashes: 0 };
        takeFrom(parked, () => left, rooms, takeOne);
      }
      if (left <= 0) return;
      if (isDue === 1) this.#promote.run(queue, now);
      this.#takeFirst(queue, left, rooms, takeOne, takeFirst);
      if (left <= 0) return;
    }
  }

  /** Whether a claim would find something in spite of the limits. Only reads. */
  mayFind({ queues }: ClaimRequest, rooms: Rooms, now: number): boolean {
    return this.#pauses.open(queues).some((name) => {
      const queue = toColumn(name);
      if (this.#isDue.get(queue, now)?.["due"] === 1) return true;
      const lost = this.#lost.all(queue, now, lookedAt);
      if (lost.length === lookedAt || lost.some((row) => rooms.of(String(row["lane"])) > 0)) return true;
      return this.#lanesOf(queue).some((lane) => rooms.of(lane) > 0);
    });
  }

  /** Whether there are parked tasks that need nothing but what is known. Only reads. */
  hasKnown({ queues, knows }: ClaimRequest): boolean {
    if (knows === undefined) return false;
    return this.#pauses.open(queues).some((queue) => this.#known(toColumn(queue), knows).length > 0);
  }

  /** What these limits leave for one claim. */
  rooms({ limits }: ClaimRequest, now: number): Rooms {
    return this.#lanes.rooms(limits, now);
  }

  /** The needs of a queue's parked tasks that are known, each set as it is stored. */
  #known(queue: string, knows: ClaimRequest["knows"]): string[] {
    if (knows === undefined || this.#anyLeft.get(queue)?.["any"] !== 1) return [];
    const sets = this.#needs.all({ $queue: queue }).map((row) => String(row["needs"]));
    return sets.filter((needs) => needsOf(needs)?.every((need) => knows(need)) === true);
  }

  /** Takes the first waiting tasks of a queue, from all lanes that have room. */
  #takeFirst(queue: string, limit: number, rooms: Rooms, take: TakeOne, takeFirst: TakeFirst): void {
    const lanes = this.#lanesOf(queue);
    const [only] = lanes;
    if (only !== undefined && lanes.length === 1) {
      const most = Math.min(limit, rooms.of(only));
      if (most > 0) takeFirst(queue, only, most);
      return;
    }
    const candidates = lanes.flatMap((lane) => {
      const most = Math.min(limit, rooms.of(lane));
      return most > 0 ? (this.#waiting.all(queue, lane, most) as unknown as Candidate[]) : [];
    });
    for (const { sequence, lane } of candidates.toSorted(order).slice(0, limit)) take(sequence, lane, 0);
  }

  #lanesOf(queue: string): string[] {
    const [least, most] = this.#outerLanes.get(queue, queue) as unknown as (string | null)[];
    if (least === most) return typeof least === "string" ? [least] : [];
    return this.#waitingLanes.all({ $queue: queue }).map((row) => String(row["lane"]));
  }
}

/** Tasks that are taken where they are, found by two statements with the same parameters in front. */
interface Source {
  readonly all: StatementSync;
  /** The same but for some lanes. */
  readonly elsewhere: StatementSync;
  readonly of: readonly (string | number)[];
  readonly crashes: number;
}

/** Takes what a source has. Those whose lane is full stay where they are until it has room. */
function takeFrom(
  { all, elsewhere, of, crashes }: Source,
  left: () => number,
  rooms: Rooms,
  take: TakeOne,
): void {
  const full = new Set<string>();
  let again = true;
  while (again && left() > 0) {
    again = false;
    const rows: Row[] =
      full.size === 0 ? all.all(...of, left()) : elsewhere.all(...of, JSON.stringify([...full]), left());
    for (const row of rows) {
      const lane = String(row["lane"]);
      if (rooms.of(lane) > 0) {
        take(Number(row["sequence"]), lane, crashes);
      } else {
        // Others may be behind those of the full lane.
        full.add(lane);
        again = true;
      }
    }
  }
}

/** Needs as they were given; undefined when the column holds something else. */
function needsOf(column: string): string[] | undefined {
  try {
    const needs: unknown = JSON.parse(column);
    return Array.isArray(needs) && needs.every((need) => typeof need === "string") ? needs : undefined;
  } catch {
    return undefined;
  }
}

function order(one: Candidate, other: Candidate): number {
  return other.priority - one.priority || one.run_at - other.run_at || one.sequence - other.sequence;
}
