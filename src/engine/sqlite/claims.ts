/**
 * Claiming tasks and keeping the leases. What changes something here runs within the committer's transaction.
 *
 * @module
 */
import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { endStates } from "../../engine.ts";
import type { ClaimRequest, Delivery, Lease, Reason } from "../../engine.ts";
import type { Message } from "../../message.ts";
import type { Changes } from "./committer.ts";
import type { Rooms } from "./lanes.ts";
import { more, problemOf, readMessage, readReason, unreadable } from "./records.ts";
import type { Row } from "./records.ts";
import { ended } from "./schema.ts";
import { deliveryColumns, firstWaiting, type Selection } from "./selection.ts";
import { fromColumn, readableColumn, toColumn } from "../shared/text.ts";

/** At most so often a claim fills up again for rows that it had to park. */
const rounds = 10;

/** Ranges of states that sort between the known ends: the only way to find an unknown state by an index. */
const betweenEnds = ["", ...endStates.toSorted()];

/** Hands out tasks. */
export class Claims {
  readonly #selection: Selection;
  readonly #waiting: StatementSync;
  readonly #takeFirst: StatementSync;
  readonly #takeAndRead: StatementSync;
  readonly #park: StatementSync;
  readonly #unknown: readonly StatementSync[];
  readonly #extend: StatementSync;
  readonly #isHolding: StatementSync;
  readonly #lapse: StatementSync;
  /** Makes tokens that no other engine makes: the random name of this one's holder, and a count. */
  readonly #holder: string;
  #count = 0;

  /** @param holder - the name of the lock that says that this process lives */
  constructor(database: DatabaseSync, selection: Selection, holder: string) {
    this.#selection = selection;
    this.#holder = holder;
    // A token is its holder's name, a hyphen and a count; a full stop sorts after the hyphen.
    const heldBy = "state = 'running' AND lease_token > ? || '-' AND lease_token < ? || '.'";
    this.#isHolding = database.prepare(
      `SELECT EXISTS (SELECT 1 FROM tasks INDEXED BY tasks_running WHERE ${heldBy}) AS holding`,
    );
    this.#lapse = database.prepare(
      `UPDATE tasks INDEXED BY tasks_running SET lease_until = min(lease_until, ?) WHERE ${heldBy}
       RETURNING queue, lane`,
    );
    const take = `UPDATE tasks SET state = 'running', lease_token = ?, lease_until = ?, worker = ?, started_at = ?,
      progress = NULL, needs = NULL, ended_at = NULL`;
    this.#waiting = database.prepare(`SELECT ${deliveryColumns} ${firstWaiting}`);
    this.#waiting.setReturnArrays(true);
    // One statement for all of them: those that were just read. To return them as well would take half as long again.
    this.#takeFirst = database.prepare(`${take} WHERE sequence IN (SELECT sequence ${firstWaiting})`);
    this.#takeAndRead = database.prepare(
      `${take}, ${more("crashes", "?")} WHERE sequence = ? RETURNING ${deliveryColumns}`,
    );
    this.#park = database.prepare(
      `UPDATE tasks SET state = 'parked', lease_token = NULL, lease_until = NULL, cancel_reason = NULL, ended_at = ?,
         reason = ?, needs = NULL
       WHERE sequence = ? RETURNING id`,
    );
    this.#unknown = betweenEnds.map((after, index) => {
      const before = betweenEnds[index + 1];
      const range =
        before === undefined ? `state > '${after}'` : `state > '${after}' AND state < '${before}'`;
      return database.prepare(
        `SELECT sequence, state FROM tasks INDEXED BY tasks_ended WHERE ${ended} AND ${range} LIMIT 100`,
      );
    });
    this.#extend = database.prepare(
      `UPDATE tasks SET lease_until = ? WHERE id = ? AND lease_token = ? AND state = 'running'`,
    );
  }

  /**
   * See {@link Engine.claim}. Parks rows that cannot be read, and goes on.
   *
   * @param asked - when the claim was asked for (epoch milliseconds). Leases that ended later are let be: this process
   *   may have been blocked since, by a task whose end or heartbeat comes right after this
   */
  claim(request: ClaimRequest, asked: number, changes: Changes): Delivery[] {
    const now = Date.now();
    const token = `${this.#holder}-${(++this.#count).toString(36)}`;
    const rooms = this.#selection.rooms(request, now);
    const deliveries: Delivery[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const rows = this.#rows(request, token, request.limit - deliveries.length, rooms, now, asked);
      const before = deliveries.length;
      for (const row of rows) {
        const message = this.#readOrPark(row, changes);
        const lane = String(row["lane"]);
        if (message === undefined) {
          rooms.take(lane, -1);
          continue;
        }
        changes.freed(lane, -1);
        deliveries.push(deliveryOf(row, message, token));
      }
      if (deliveries.length - before === rows.length) break;
    }
    rooms.write();
    changes.roomAt = Math.min(changes.roomAt, rooms.nextTime());
    if (deliveries.length < request.limit) this.parkUnknownStates(changes);
    if (deliveries.length === 0) return deliveries;
    changes.touched = true;
    changes.expires = Math.min(changes.expires, now + request.lease);
    return deliveries;
  }

  /** Extends leases and returns those that are lost. */
  extend(leases: readonly Lease[], duration: number, changes: Changes): Lease[] {
    const until = Math.ceil(Date.now() + duration);
    changes.expires = Math.min(changes.expires, until);
    return leases.filter(({ id, token }) => this.#extend.run(until, toColumn(id), token).changes === 0);
  }

  /** Whether there are leases of this holder. Only reads. */
  isHolding(holder: string): boolean {
    return this.#isHolding.get(holder, holder)?.["holding"] === 1;
  }

  /** Ends the leases of a holder that has died. */
  lapse(holder: string, changes: Changes): void {
    for (const row of this.#lapse.all(Date.now(), holder, holder)) {
      changes.ready.add(readableColumn(String(row["queue"])));
      changes.freed(String(row["lane"]), 1);
    }
  }

  /** Parks rows whose state is none: something else has written to the file. */
  parkUnknownStates(changes: Changes): void {
    for (const statement of this.#unknown) {
      for (const row of statement.all())
        this.#parkRow(row, `state is ${JSON.stringify(row["state"])}`, changes);
    }
  }

  #rows(
    request: ClaimRequest,
    token: string,
    limit: number,
    rooms: Rooms,
    now: number,
    asked: number,
  ): Row[] {
    const until = Math.ceil(now + request.lease);
    const name = toColumn(request.worker);
    const rows: Row[] = [];
    this.#selection.take(
      request,
      limit,
      rooms,
      { now, asked },
      {
        one: (sequence, crashes) => {
          rows.push(this.#takeAndRead.get(token, until, name, now, crashes, sequence) as Row);
        },
        first: (queue, lane, most) => {
          const found = this.#waiting.all(queue, lane, most) as unknown as Values[];
          // `get`, as `run` would make an object that says how many there were.
          if (found.length > 0) this.#takeFirst.get(token, until, name, now, queue, lane, most);
          for (const values of found) rows.push(rowOf(values));
          return found.length;
        },
      },
    );
    return rows;
  }

  #readOrPark(row: Row, changes: Changes): Message | undefined {
    try {
      return readMessage(row);
    } catch (error) {
      this.#parkRow(row, problemOf(error), changes);
      return undefined;
    }
  }

  #parkRow(row: Row, problem: string, changes: Changes): void {
    const parked = this.#park.get(Date.now(), JSON.stringify(unreadable(problem)), row["sequence"] as number);
    try {
      changes.ended.push(fromColumn(String(parked?.["id"])));
    } catch {
      // Nobody waits for an id that cannot be read.
    }
  }
}

type Value = SQLOutputValue;

/** The values of {@link deliveryColumns}. */
type Values = readonly [Value, Value, Value, Value, Value, Value, Value, Value, Value, Value, Value, Value];

/** Their row: one of ours is smaller than one that `node:sqlite` makes, and sooner made. */
function rowOf(values: Values): Row {
  const [sequence, id, task, queue, payload, headers, lane] = values;
  const [, , , , , , , attempts, crashes, deferrals, deferred_at, cancel_reason] = values;
  return {
    sequence,
    id,
    task,
    queue,
    payload,
    headers,
    lane,
    attempts,
    crashes,
    deferrals,
    deferred_at,
    cancel_reason,
  };
}

function deliveryOf(row: Row, message: Message, token: string): Delivery {
  const deferredAt = row["deferred_at"];
  const cancelled = cancelReason(row);
  return {
    message,
    lease: { id: message.id, token },
    attempts: Number(row["attempts"]),
    crashes: Number(row["crashes"]),
    deferrals: Number(row["deferrals"]),
    ...(typeof deferredAt === "number" && { deferredAt }),
    ...(cancelled !== undefined && { cancelled }),
  };
}

/** Why a task was cancelled. A reason that is damaged does not undo it. */
function cancelReason(row: Row): Reason | undefined {
  try {
    return readReason(row, "cancel_reason");
  } catch (error) {
    return unreadable(problemOf(error));
  }
}
