/**
 * Counting a great many tasks, a slice at a time, so that the event loop turns in between: a million take a tenth of a
 * second. All slices see the file as it was when the count began.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { TaskState } from "../../engine.ts";
import { distinct } from "./distinct.ts";
import { closeGuarded, openGuarded } from "./file-guard.ts";
import type { Place } from "./place.ts";
import { knownState, type Row } from "./records.ts";
import { ended } from "./schema.ts";

/** So many entries of an index are counted at once, in a few milliseconds. */
const slice = 20_000;

/** With fewer tasks than this, all are counted at once. */
const many = 50_000;

/** Counts so many tasks of a queue, as it is stored. */
export type Count = (queue: string, state: TaskState, count: number) => void;

/** Whether there may be so many tasks that counting them takes long. */
export class Size {
  readonly #span: StatementSync;

  constructor(database: DatabaseSync) {
    this.#span = database.prepare(
      "SELECT (SELECT max(sequence) FROM tasks) - (SELECT min(sequence) FROM tasks) AS span",
    );
  }

  isMany(): boolean {
    return Number(this.#span.get()?.["span"] ?? 0) > many;
  }
}

/** Counts by queue and state, on a connection of its own to the engine's file. */
export async function countInSlices(path: string, place: Place, count: Count): Promise<void> {
  const database = openGuarded(path, () => place.open(path));
  try {
    database.exec("BEGIN");
    await countAll(database, count);
  } finally {
    closeGuarded(path, () => database.close());
  }
}

async function countAll(database: DatabaseSync, count: Count): Promise<void> {
  const waiting = new Entries(database, "tasks_waiting", "state = 'waiting'");
  for (const inQueue of waiting.by("queue")) {
    for (const inLane of inQueue.by("lane")) {
      for (const alike of inLane.by("priority"))
        count(String(inQueue.value), "waiting", await alike.countBy("run_at"));
    }
  }
  const scheduled = new Entries(database, "tasks_scheduled", "state = 'scheduled'");
  for (const each of scheduled.by("queue"))
    count(String(each.value), "scheduled", await each.countBy("run_at"));
  const running = new Entries(database, "tasks_running", "state = 'running'");
  for (const each of running.by("queue"))
    count(String(each.value), "running", await each.countBy("lease_until"));
  const atEnds = new Entries(database, "tasks_ended", ended);
  for (const inState of atEnds.by("state")) {
    for (const each of inState.by("queue"))
      count(String(each.value), knownState(inState.value), await each.count());
  }
}

/** Entries of an index that are alike in its first columns. */
class Entries {
  readonly #database: DatabaseSync;
  readonly #index: string;
  readonly #where: string;
  readonly #values: Readonly<Record<string, string | number>>;
  /** What they have in the last column in which they are alike. */
  readonly value: string | number;
  #total = 0;

  constructor(
    database: DatabaseSync,
    index: string,
    where: string,
    values: Readonly<Record<string, string | number>> = {},
    value: string | number = "",
  ) {
    this.#database = database;
    this.#index = index;
    this.#where = where;
    this.#values = values;
    this.value = value;
  }

  /** The same by the values of the index's next column. */
  by(column: string): Entries[] {
    const where = `${this.#where} AND ${column} = $${column}`;
    return this.#database
      .prepare(distinct(column, `SELECT min(${column}) ${this.#from}`))
      .all(this.#values)
      .map((row) => row[column] as string | number)
      .map(
        (value) =>
          new Entries(this.#database, this.#index, where, { ...this.#values, [`$${column}`]: value }, value),
      );
  }

  /** How many there are, where the index goes on with the sequence. */
  async count(): Promise<number> {
    await this.#addAll("sequence > $sequence", { $sequence: 0 });
    return this.#total;
  }

  /** How many there are, where the index goes on with a time, and then with the sequence. */
  async countBy(time: string): Promise<number> {
    for (let $time = -1; ;) {
      const last = this.#addSlice(`${time} > $time`, `${time}, sequence`, { $time });
      await turn();
      if (last === undefined) return this.#total;
      // The others at the time that the slice ended with: it may be all the others.
      $time = Number(last[time]);
      const $sequence = Number(last["sequence"]);
      await this.#addAll(`${time} = $time AND sequence > $sequence`, { $time, $sequence });
    }
  }

  get #from(): string {
    return `FROM tasks INDEXED BY ${this.#index} WHERE ${this.#where}`;
  }

  /** Counts what comes after a sequence. */
  async #addAll(condition: string, values: Readonly<Record<string, number>>): Promise<void> {
    for (let last: Row | undefined = { sequence: values["$sequence"]! }; ;) {
      last = this.#addSlice(condition, "sequence", { ...values, $sequence: Number(last["sequence"]) });
      await turn();
      if (last === undefined) return;
    }
  }

  /** Counts one slice. Returns its last entry; undefined when there are no more. */
  #addSlice(condition: string, order: string, values: Readonly<Record<string, number>>): Row | undefined {
    const parameters = { ...this.#values, ...values };
    const some = `${this.#from} AND ${condition}`;
    const last = this.#database
      .prepare(`SELECT ${order} ${some} ORDER BY ${order} LIMIT 1 OFFSET ${slice - 1}`)
      .get(parameters);
    const rest = last
      ? undefined
      : this.#database.prepare(`SELECT count(*) AS count ${some}`).get(parameters);
    this.#total += rest ? Number(rest["count"]) : slice;
    return last;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
