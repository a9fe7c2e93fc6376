/**
 * Sending tasks.
 *
 * @module
 */
import type { Outgoing, TransactionSql } from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import { keptPayload } from "../shared/kept-payload.ts";
import { Batcher } from "./batcher.ts";
import type { Database } from "./database.ts";
import { idColumn, jobId } from "./ids.ts";
import { toQueue } from "./queue-names.ts";
import { readableColumn, toColumn } from "../shared/text.ts";

/** A task as the statement takes it. */
interface Encoded {
  readonly id: string;
  readonly job: string;
  readonly queue: string;
  readonly runAt: number;
  readonly json: string;
}

interface Sent {
  /** For each task that was a duplicate: its number, and the job and the id of the holder. */
  readonly held: readonly (readonly [number, string, string | null])[] | null;
  /** Microseconds: the last place that was given out. */
  readonly place: number;
}

/** At most so many tasks go in one statement, where they were not sent as one batch. */
const mostAtOnce = 1000;

const limits = { least: -(2 ** 31), most: 2 ** 31 - 1 };

/** What others must know of a send. */
export type OnReady = (queues: ReadonlySet<string>, soonest: number) => void;

/** Sends tasks, those of one turn in one statement. */
export class Sending {
  readonly #database: Database;
  readonly #who: string;
  readonly #soon: number;
  readonly #sent: OnReady;
  readonly #batcher: Batcher<readonly Encoded[], readonly string[]>;
  #place = 0;

  /** `soon`: for how many milliseconds of delay others are told at once: they would not look before. */
  constructor(database: Database, who: string, soon: number, sent: OnReady) {
    this.#database = database;
    this.#who = who;
    this.#soon = soon;
    this.#sent = sent;
    this.#batcher = new Batcher((batches) => this.#send(batches), mostAtOnce);
  }

  /** See {@link Engine.send}. */
  async send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    return this.#batcher.add(batch.map(encode));
  }

  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  /**
   * Sends by one statement of somebody's own, in a transaction that is not committed yet.
   *
   * @param run runs the statement with its parameters, and resolves to the column `json`
   */
  async within(
    batch: readonly Outgoing[],
    run: (text: string, parameters: readonly (string | number)[]) => Promise<string>,
  ): Promise<{ readonly ids: readonly string[]; readonly committed: () => void }> {
    const encoded = batch.map(encode);
    const { tasks, json } = together([encoded]);
    const sent = JSON.parse(await run(...this.#statement(json))) as Sent;
    const ids = idsOf(encoded, tasks, sent);
    return { ids, committed: () => this.#tell(tasks) };
  }

  /** Takes back what was sent in the same transaction. */
  async withdraw(ids: readonly string[], sql: TransactionSql): Promise<void> {
    const { boss, own } = this.#database.names;
    await sql.query(
      `WITH gone AS (
         DELETE FROM ${own}.task WHERE job IN (SELECT value::uuid FROM json_array_elements_text($1::text::json))
         RETURNING job, queue)
       DELETE FROM ${boss}.job j USING gone WHERE j.name = gone.queue AND j.id = gone.job`,
      [JSON.stringify(ids.map(jobId))],
    );
  }

  async #send(batches: readonly (readonly Encoded[])[]): Promise<readonly (readonly string[])[]> {
    const { tasks, json } = together(batches);
    const what = `sending ${tasks.length === 1 ? "1 task" : `${tasks.length} tasks`}`;
    const sent = await this.#database.json<Sent>(what, ...this.#statement(json));
    this.#place = Math.max(this.#place, sent.place);
    this.#tell(tasks);
    return batches.map((batch) => idsOf(batch, tasks, sent));
  }

  #statement(json: string): [string, (string | number)[]] {
    const { own } = this.#database.names;
    return [
      `SELECT ${own}.send($1::text, $2::double precision, $3::double precision, $4::text) AS json`,
      [json, this.#place, this.#soon, this.#who],
    ];
  }

  #tell(tasks: readonly Encoded[]): void {
    const queues = new Set<string>();
    let soonest = Infinity;
    const now = Date.now();
    for (const { queue, runAt } of tasks) {
      if (runAt <= now) queues.add(queue);
      else soonest = Math.min(soonest, runAt);
    }
    this.#sent(queues, soonest);
  }
}

/** Refuses here and now what cannot be written, so that nobody else's tasks are refused with it. */
function encode({ message, runAt, priority = 0, lane = "", unique }: Outgoing): Encoded {
  if (!Number.isInteger(priority) || priority < limits.least || priority > limits.most) {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `pg-boss engine: a priority is a whole number from ${limits.least} to ${limits.most}, not ${priority}.`,
    );
  }
  const job = jobId(message.id);
  const queue = toQueue(message.queue);
  const { data, form } = keptPayload(message.payload, "jsonb");
  const until = unique?.until;
  const json = JSON.stringify({
    j: job,
    i: idColumn(message.id),
    q: queue,
    t: toColumn(message.task),
    l: toColumn(lane),
    d: data,
    f: formColumn(form),
    h: JSON.stringify(message.headers),
    r: Math.min(Math.ceil(runAt), Number.MAX_SAFE_INTEGER),
    p: priority,
    ...(unique !== undefined && { k: toColumn(unique.key), w: unique.follow === true }),
    ...(until !== undefined && { u: Math.min(Math.ceil(until), Number.MAX_SAFE_INTEGER) }),
  });
  return { id: message.id, job, queue, runAt, json };
}

/** What to store of a payload's form: nothing for plain JSON. */
export function formColumn(form: ReturnType<typeof keptPayload>["form"]): string | null {
  return form === "json" ? null : JSON.stringify(form);
}

/** All tasks of some batches, each id once, and their JSON. */
function together(batches: readonly (readonly Encoded[])[]): { tasks: readonly Encoded[]; json: string } {
  const tasks = new Map<string, Encoded>();
  for (const batch of batches) {
    for (const task of batch) if (!tasks.has(task.job)) tasks.set(task.job, task);
  }
  const list = [...tasks.values()];
  return { tasks: list, json: `[${list.map(({ json }) => json).join(",")}]` };
}

function idsOf(batch: readonly Encoded[], tasks: readonly Encoded[], { held }: Sent): string[] {
  if (held === null || held.length === 0) return batch.map(({ id }) => id);
  const holders = new Map(
    held.map(([number, job, id]) => [tasks[number]?.job, id === null ? job : readableColumn(id)]),
  );
  return batch.map(({ id, job }) => holders.get(job) ?? id);
}
