/**
 * Claiming tasks and keeping the leases. Everything here runs within the committer's transaction.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ClaimRequest, Delivery, Lease } from "../../engine.ts";
import type { Message } from "../../message.ts";
import type { Changes } from "./committer.ts";
import { messageColumns, problemOf, readMessage, unreadable } from "./records.ts";
import type { Row } from "./records.ts";
import { ended } from "./schema.ts";
import { fromColumn, toColumn } from "./text.ts";

/** At most so many tasks whose time has come are made waiting by one claim; the next claim goes on. */
const promotedAtOnce = 1000;

/** At most so often a claim fills up again for rows that it had to park. */
const rounds = 10;

/** Ranges of states that sort between the known ends: the only way to find an unknown state by an index. */
const betweenEnds = ["", "discarded", "failed", "parked", "skipped", "succeeded"];

/** Hands out tasks. */
export class Claims {
  readonly #lost: StatementSync;
  readonly #promote: StatementSync;
  readonly #first: StatementSync;
  readonly #take: StatementSync;
  readonly #park: StatementSync;
  readonly #unknown: readonly StatementSync[];
  readonly #extend: StatementSync;
  /** Makes tokens that no other engine makes: a random name for this one, and a count. */
  readonly #name = randomUUID();
  #count = 0;

  constructor(database: DatabaseSync) {
    this.#lost = database.prepare(
      `SELECT sequence FROM tasks WHERE state = 'running' AND queue = ? AND lease_until <= ?
       ORDER BY lease_until LIMIT ?`,
    );
    this.#promote = database.prepare(
      `UPDATE tasks SET state = 'waiting'
       WHERE sequence IN (
         SELECT sequence FROM tasks WHERE state = 'scheduled' AND queue = ? AND run_at <= ?
         ORDER BY run_at LIMIT ${promotedAtOnce})`,
    );
    this.#first = database.prepare(
      `SELECT sequence, run_at FROM tasks WHERE state = 'waiting' AND queue = ? ORDER BY run_at, sequence LIMIT ?`,
    );
    this.#take = database.prepare(
      `UPDATE tasks SET state = 'running', crashes = crashes + ?, lease_token = ?, lease_until = ?, worker = ?,
         started_at = ?
       WHERE sequence = ? RETURNING sequence, ${messageColumns}, attempts, crashes, deferrals`,
    );
    this.#park = database.prepare(
      `UPDATE tasks SET state = 'parked', lease_token = NULL, lease_until = NULL, ended_at = ?, reason = ?
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

  /** Takes lost tasks first, then waiting ones, oldest first. Parks rows that cannot be read, and goes on. */
  claim(request: ClaimRequest, changes: Changes): Delivery[] {
    const token = `${this.#name}-${++this.#count}`;
    const deliveries: Delivery[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const rows = this.#rows(request, token, request.limit - deliveries.length);
      const before = deliveries.length;
      for (const row of rows) {
        const message = this.#readOrPark(row, changes);
        if (message === undefined) continue;
        deliveries.push({
          message,
          lease: { id: message.id, token },
          attempts: Number(row["attempts"]),
          crashes: Number(row["crashes"]),
          deferrals: Number(row["deferrals"]),
        });
      }
      if (deliveries.length - before === rows.length) break;
    }
    if (deliveries.length < request.limit) this.parkUnknownStates(changes);
    if (deliveries.length > 0) changes.expires = Math.min(changes.expires, Date.now() + request.lease);
    return deliveries;
  }

  /** Extends leases and returns those that are lost. */
  extend(leases: readonly Lease[], duration: number, changes: Changes): Lease[] {
    const until = Math.ceil(Date.now() + duration);
    changes.expires = Math.min(changes.expires, until);
    return leases.filter(({ id, token }) => this.#extend.run(until, toColumn(id), token).changes === 0);
  }

  /** Parks rows whose state is none: something else has written to the file. */
  parkUnknownStates(changes: Changes): void {
    for (const statement of this.#unknown) {
      for (const row of statement.all())
        this.#parkRow(row, `state is ${JSON.stringify(row["state"])}`, changes);
    }
  }

  #rows(request: ClaimRequest, token: string, limit: number): Row[] {
    const now = Date.now();
    const until = Math.ceil(now + request.lease);
    const worker = toColumn(request.worker);
    const queues = request.queues.map(toColumn);
    const take = (sequence: number, crashes: number): Row =>
      this.#take.get(crashes, token, until, worker, now, sequence) as Row;
    const lost = this.#lostAt(now, queues, limit);
    for (const queue of queues) this.#promote.run(queue, now);
    const oldest = this.#oldest(queues, limit - lost.length);
    return [...lost.map((sequence) => take(sequence, 1)), ...oldest.map((sequence) => take(sequence, 0))];
  }

  /** Running tasks whose lease has run out. */
  #lostAt(now: number, queues: readonly string[], limit: number): number[] {
    return queues
      .flatMap((queue) => this.#lost.all(queue, now, limit))
      .slice(0, limit)
      .map((row) => Number(row["sequence"]));
  }

  /** Waiting tasks, of several queues together, oldest first. */
  #oldest(queues: readonly string[], limit: number): number[] {
    if (limit <= 0) return [];
    const rows = queues.flatMap(
      (queue) => this.#first.all(queue, limit) as { sequence: number; run_at: number }[],
    );
    if (queues.length > 1)
      rows.sort((one, other) => one.run_at - other.run_at || one.sequence - other.sequence);
    return rows.slice(0, limit).map((row) => row.sequence);
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
