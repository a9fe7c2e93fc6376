/**
 * What people do with tasks and queues.
 *
 * @module
 */
import type {
  ListRequest,
  LogLine,
  QueueCount,
  Reason,
  TaskPage,
  TaskRecord,
  TaskState,
} from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import type { Connection, Script } from "./connection.ts";
import { shownOf } from "./job.ts";
import { fromText, toJobId, toQueue, toText } from "./names.ts";
import { lineOf, recordOf, type RecordReply } from "./records.ts";
import { scripts } from "./scripts.ts";
import { keepText } from "./settlements.ts";

/** Looks after tasks. */
export class Managing {
  readonly #connection: Connection;
  readonly #retention: number;

  constructor(connection: Connection, retention: number) {
    this.#connection = connection;
    this.#retention = retention;
  }

  async list(request: ListRequest): Promise<TaskPage> {
    const { limit = 100, after = "0", queue, task, states } = request;
    if (!Number.isSafeInteger(Number(after)))
      throw new PetioleError(
        "ERR_OPTION_INVALID",
        `list: "after" is the "next" of a page before, not "${after}".`,
      );
    if (states?.length === 0 || limit < 1) return { records: [] };
    const reply = await this.#connection.run("listing tasks", scripts.list, [
      String(limit),
      after,
      queue === undefined ? "" : toQueue(queue),
      task === undefined ? "" : toText(task),
      ...(states === undefined ? ["all"] : new Set(states)),
    ]);
    const [replies, next] = reply as readonly [readonly RecordReply[], string];
    const records = replies.map(recordOf).filter((record): record is TaskRecord => record !== undefined);
    return next === "" ? { records } : { records, next };
  }

  async counts(): Promise<readonly QueueCount[]> {
    const reply = (await this.#connection.run("counting tasks", scripts.counts, [])) as readonly (
      | string
      | number
    )[];
    const counts: QueueCount[] = [];
    for (let index = 0; index < reply.length; index += 3)
      counts.push({
        queue: fromText(String(reply[index])),
        state: reply[index + 1] as TaskState,
        count: Number(reply[index + 2]),
      });
    return counts;
  }

  async logs(id: string): Promise<readonly LogLine[]> {
    const reply = await this.#connection.run("reading what was logged", scripts.logs, [toJobId(id)]);
    return (reply as readonly string[]).map(lineOf);
  }

  cancel(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#end("cancelling", scripts.cancel, "cancelled", ids, reason);
  }

  discard(ids: readonly string[], reason: Reason): Promise<number> {
    return this.#end("discarding", scripts.discard, "discarded", ids, reason);
  }

  async retry(ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0;
    const reply = await this.#connection.run(counted("retrying", ids), scripts.retry, jobIds(ids));
    return Number(reply);
  }

  async pause(queue: string): Promise<void> {
    await this.#connection.run("pausing a queue", scripts.pause, [toQueue(queue)]);
  }

  async resume(queue: string): Promise<void> {
    await this.#connection.run("resuming a queue", scripts.resume, [toQueue(queue)]);
  }

  async paused(): Promise<readonly string[]> {
    const reply = await this.#connection.run("looking for paused queues", scripts.paused, []);
    return (reply as readonly string[]).map(fromText).toSorted();
  }

  async #end(
    what: string,
    script: Script,
    state: TaskState,
    ids: readonly string[],
    reason: Reason,
  ): Promise<number> {
    if (ids.length === 0) return 0;
    const reply = await this.#connection.run(counted(what, ids), script, [
      JSON.stringify(reason),
      shownOf(state, reason).text,
      keepText(this.#retention),
      ...jobIds(ids),
    ]);
    return Number(reply);
  }
}

function jobIds(ids: readonly string[]): string[] {
  return [...new Set(ids)].map(toJobId);
}

function counted(what: string, list: readonly unknown[]): string {
  return list.length === 1 ? `${what} 1 task` : `${what} ${list.length} tasks`;
}
