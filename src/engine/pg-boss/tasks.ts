/**
 * Looking tasks up.
 *
 * @module
 */
import type { ListRequest, LogLine, QueueCount, TaskPage, TaskRecord, TaskState } from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import type { Database } from "./database.ts";
import { jobId } from "./ids.ts";
import { fromQueue, toQueue } from "./queue-names.ts";
import { readRecord, recordColumns, recordTables, type RecordRow } from "./records.ts";
import { readableColumn, toColumn } from "../shared/text.ts";

/** pg-boss's states that a state of ours may be. */
const bossStates: Readonly<Record<TaskState, readonly string[]>> = {
  scheduled: ["created", "retry"],
  waiting: ["created", "retry"],
  running: ["active"],
  succeeded: ["completed"],
  failed: ["failed"],
  parked: ["failed"],
  skipped: ["cancelled"],
  discarded: ["cancelled"],
  expired: ["cancelled"],
  cancelled: ["cancelled"],
};

/** The tasks in the database, to be read. */
export class Tasks {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async find(id: string): Promise<TaskRecord | undefined> {
    const { names } = this.#database;
    const [row] = await this.#database.query(
      "looking up a task",
      `SELECT ${recordColumns(names)}::text AS json FROM ${recordTables(names)} WHERE t.job = ${this.#answering()}`,
      [jobId(id)],
    );
    return row && readRecord(JSON.parse(String(row["json"])) as RecordRow);
  }

  /** The job that answers for an id: its own, or that of the holder of its key. */
  async answering(id: string): Promise<string> {
    const [row] = await this.#database.query(
      "looking up a task",
      `SELECT ${this.#answering()}::text AS job`,
      [jobId(id)],
    );
    return String(row?.["job"]);
  }

  /** Of some jobs those that are there: where they are, and of those at an end everything. */
  async ends(jobs: readonly string[]): Promise<ReadonlyMap<string, TaskRecord | undefined>> {
    const { names } = this.#database;
    const rows = await this.#database.query(
      "waiting for tasks to end",
      `SELECT t.job::text AS job, CASE WHEN j.state > 'active' THEN ${recordColumns(names)}::text END AS json
       FROM ${recordTables(names)} WHERE t.job = ANY ($1::uuid[])`,
      [jobs],
    );
    return new Map(
      rows.map(({ job, json }) => [
        String(job),
        typeof json === "string" ? readRecord(JSON.parse(json) as RecordRow) : undefined,
      ]),
    );
  }

  /** What a change of a job would change, by job. */
  async signatures(jobs: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { names } = this.#database;
    const rows = await this.#database.query(
      "watching tasks",
      `SELECT t.job::text AS job, json_build_array(${names.own}.state(j.state, j.start_after, t.ended), t.attempts,
         t.deferrals, j.start_after, j.retry_count, md5(t.progress))::text AS json
       FROM ${recordTables(names)} WHERE t.job = ANY ($1::uuid[])`,
      [jobs],
    );
    return new Map(rows.map(({ job, json }) => [String(job), String(json)]));
  }

  async logs(id: string): Promise<LogLine[]> {
    const rows = await this.#database.query(
      "reading what was logged",
      `SELECT json_build_array(at, text)::text AS json FROM ${this.#database.names.own}.log
       WHERE job = ${this.#answering()} ORDER BY number`,
      [jobId(id)],
    );
    return rows.map(({ json }) => {
      const [at, text] = JSON.parse(String(json)) as [number, string];
      return { at, text: readableColumn(text) };
    });
  }

  async counts(): Promise<QueueCount[]> {
    const { own, boss } = this.#database.names;
    const rows = await this.#database.query(
      "counting tasks",
      `SELECT t.queue, ${own}.state(j.state, j.start_after, t.ended) AS state, count(*)::text AS count
       FROM ${own}.task t JOIN ${boss}.job j ON j.name = t.queue AND j.id = t.job GROUP BY 1, 2`,
    );
    return rows.map(({ queue, state, count }) => ({
      queue: fromQueue(String(queue)),
      state: state as TaskState,
      count: Number(count),
    }));
  }

  /** One page of tasks, oldest first; its mark is the sequence of its last task. */
  async list(request: ListRequest): Promise<TaskPage> {
    const limit = Math.floor(request.limit ?? 100);
    const after = Number(request.after ?? 0);
    if (!Number.isSafeInteger(after)) {
      throw new PetioleError(
        "ERR_OPTION_INVALID",
        `list: "after" is the "next" of a page before, not "${request.after}".`,
      );
    }
    const { names } = this.#database;
    const values: unknown[] = [after, limit + 1];
    const conditions = ["t.seq > $1"];
    if (request.states !== undefined) {
      const states = request.states.filter((state) => Object.hasOwn(bossStates, state));
      if (states.length === 0) return { records: [] };
      conditions.push(
        `${names.own}.state(j.state, j.start_after, t.ended) = ANY ($${values.push(states)}::text[])`,
      );
      // Said once more, so that those in other states need not be looked at.
      const jobStates = [...new Set(states.flatMap((state) => bossStates[state]))];
      conditions.push(`j.state = ANY ($${values.push(jobStates)}::${names.boss}.job_state[])`);
    }
    if (request.queue !== undefined) conditions.push(`t.queue = $${values.push(toQueue(request.queue))}`);
    if (request.task !== undefined) conditions.push(`t.task = $${values.push(toColumn(request.task))}`);
    const rows = await this.#database.query(
      "listing tasks",
      `SELECT t.seq::text AS seq, ${recordColumns(names)}::text AS json FROM ${recordTables(names)}
       WHERE ${conditions.join(" AND ")} ORDER BY t.seq LIMIT $2`,
      values,
    );
    const records = rows
      .slice(0, limit)
      .map((row) => readRecord(JSON.parse(String(row["json"])) as RecordRow));
    const last = rows[limit - 1];
    return rows.length > limit && last !== undefined ? { records, next: String(last["seq"]) } : { records };
  }

  #answering(): string {
    const { own } = this.#database.names;
    return `coalesce((SELECT a.holder FROM ${own}.alias a WHERE a.job = $1::uuid
      AND NOT EXISTS (SELECT FROM ${own}.task t WHERE t.job = a.job)), $1::uuid)`;
  }
}
