/**
 * Accepting tasks. Everything here runs within the committer's transaction.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Outgoing, UniqueKey } from "../../engine.ts";
import type { Changes } from "./committer.ts";
import { mayHoldKey } from "./schema.ts";
import { fromColumn, toColumn } from "../shared/text.ts";

interface Holder {
  readonly sequence: number;
  readonly id: string;
}

/** So many are inserted by one statement, which takes a quarter less time than one by one. */
const insertedAtOnce = 10;

/**
 * What stands in the place of a lease until there is one: as much as a row grows by what a claim and an end write. A row
 * that outgrows its page makes SQLite move others to further pages, and write all of them.
 */
const room = " ".repeat(48);

/** The columns of a task that is sent. */
export const insertedColumns = [
  "id",
  "task",
  "queue",
  "lane",
  "priority",
  "state",
  "sent_at",
  "run_at",
  "unique_key",
  "unique_until",
  "headers",
  "payload",
  "lease_token",
] as const;

/** Their values. */
export function rowOf(outgoing: Outgoing, now: number): (string | number | null)[] {
  const { message, priority = 0, lane = "", unique } = outgoing;
  const at = firstRun(outgoing, now);
  return [
    toColumn(message.id),
    toColumn(message.task),
    toColumn(message.queue),
    toColumn(lane),
    priority,
    at > now ? "scheduled" : "waiting",
    now,
    at,
    unique === undefined ? null : toColumn(unique.key),
    unique?.until === undefined ? null : Math.min(Math.ceil(unique.until), Number.MAX_SAFE_INTEGER),
    JSON.stringify(message.headers),
    toColumn(message.payload),
    room,
  ];
}

/** Says what a task that was sent may mean to whoever waits. */
export function tell(outgoing: Outgoing, now: number, changes: Changes): void {
  const at = firstRun(outgoing, now);
  if (at > now) changes.scheduled = Math.min(changes.scheduled, at);
  else changes.ready.add(outgoing.message.queue);
}

function firstRun({ runAt }: Outgoing, now: number): number {
  return Math.ceil(Math.max(runAt, now));
}

/** Accepts tasks, unless they are there already or their key is held. */
export class Sending {
  readonly #insert: StatementSync;
  readonly #insertMany: StatementSync;
  readonly #isKnown: StatementSync;
  readonly #followed: StatementSync;
  readonly #holder: StatementSync;
  readonly #follow: StatementSync;

  constructor(database: DatabaseSync) {
    const row = `(${insertedColumns.map(() => "?").join(", ")})`;
    const insert = (count: number): StatementSync =>
      database.prepare(
        `INSERT INTO tasks (${insertedColumns.join(", ")}) VALUES ${Array(count).fill(row).join(", ")}
         ON CONFLICT (id) DO NOTHING`,
      );
    this.#insert = insert(1);
    this.#insertMany = insert(insertedAtOnce);
    this.#isKnown = database.prepare("SELECT 1 FROM tasks WHERE id = ?");
    this.#followed = database.prepare(
      "SELECT sequence, tasks.id FROM aliases JOIN tasks ON sequence = holder WHERE aliases.id = ?",
    );
    const holding = (until: string): string =>
      `SELECT sequence, id FROM tasks INDEXED BY tasks_unique
       WHERE ${mayHoldKey} AND task = $task AND unique_key = $key AND unique_until ${until}`;
    this.#holder = database.prepare(`${holding("IS NULL")} UNION ALL ${holding("> $now")} LIMIT 1`);
    this.#follow = database.prepare(
      "INSERT INTO aliases (id, holder) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
    );
  }

  /** See {@link Engine.send}. */
  send(batch: readonly Outgoing[], changes: Changes): string[] {
    const now = Date.now();
    let keyless: Outgoing[] = [];
    const ids = batch.map((outgoing) => {
      const { message, unique } = outgoing;
      if (unique === undefined) {
        keyless.push(outgoing);
        return message.id;
      }
      // Those before it first: it may have the id of one of them.
      this.#insertAll(keyless, now, changes);
      keyless = [];
      const holder = this.#holderOf(toColumn(message.id), toColumn(message.task), unique, now);
      if (holder === undefined) this.#insertAll([outgoing], now, changes);
      return holder ?? message.id;
    });
    this.#insertAll(keyless, now, changes);
    return ids;
  }

  /** Like {@link send}, for several batches of one task each. */
  readonly sendSingles = (singles: readonly Outgoing[], changes: Changes): readonly string[][] =>
    this.send(singles, changes).map((id) => [id]);

  /** Those that are there already stay as they are; that something may be ready is told of them too. */
  #insertAll(tasks: readonly Outgoing[], now: number, changes: Changes): void {
    let done = 0;
    for (; tasks.length - done >= insertedAtOnce; done += insertedAtOnce) {
      const rows = tasks.slice(done, done + insertedAtOnce).flatMap((outgoing) => rowOf(outgoing, now));
      this.#insertMany.run(...rows);
    }
    for (const outgoing of tasks.slice(done)) this.#insert.run(...rowOf(outgoing, now));
    for (const outgoing of tasks) tell(outgoing, now, changes);
  }

  /** Who holds the key instead; undefined when the task is to be sent, or is there already. */
  #holderOf(id: string, task: string, unique: UniqueKey, now: number): string | undefined {
    if (this.#isKnown.get(id) !== undefined) return undefined;
    const followed = this.#followed.get(id) as Holder | undefined;
    const holder =
      followed ??
      (this.#holder.get({ $task: task, $key: toColumn(unique.key), $now: now }) as Holder | undefined);
    if (holder === undefined) return undefined;
    if (followed === undefined && unique.follow === true) this.#follow.run(id, holder.sequence);
    return fromColumn(holder.id);
  }
}
