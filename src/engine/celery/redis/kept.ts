/**
 * Tasks that wait for a person, in keys of the engine's own.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { ListRequest, QueueCount, TaskState } from "../../../engine.ts";
import { PetioleError } from "../../../errors.ts";
import type { Kept, KeptTask } from "../broker.ts";
import { Connection } from "./connection.ts";
import { parseExactly } from "../protocol/json-text.ts";
import type { RedisClientLike } from "../../shared/redis/like.ts";
import { scripts } from "./scripts.ts";
import type { RedisSettings } from "./settings.ts";
import { refuseOld } from "./version.ts";

/** The states that there are here. */
const states = ["failed", "parked"] as const satisfies readonly TaskState[];

/** Tasks that wait for a person. */
export class RedisKept implements Kept {
  readonly #connection: Connection;
  readonly #settings: RedisSettings;
  #opening: Promise<void> | undefined;

  constructor(client: RedisClientLike, settings: RedisSettings) {
    this.#settings = settings;
    this.#connection = new Connection(client, settings.timeout);
  }

  open(): Promise<void> {
    this.#opening ??= refuseOld(this.#connection).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async put(tasks: readonly KeptTask[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.open();
    await this.#connection.run("keeping tasks", scripts.keep, [
      this.#settings.keyPrefix,
      ...tasks.flatMap((task) => [
        task.id,
        String(task.endedAt),
        JSON.stringify([task.queue.toWellFormed(), task.state, task.task.toWellFormed()]),
        JSON.stringify(task),
      ]),
    ]);
  }

  async find(id: string): Promise<KeptTask | undefined> {
    await this.open();
    const [text] = (await this.#connection.run("looking up a task", scripts.findKept, [
      this.#settings.keyPrefix,
      id,
    ])) as readonly (Buffer | null)[];
    return text ? taskOf(text) : undefined;
  }

  async list(request: ListRequest): Promise<{ readonly tasks: readonly KeptTask[]; readonly next?: string }> {
    const { limit = 100, after, queue, task } = request;
    const [score, id] = after === undefined ? ["", ""] : placeOf(after);
    await this.open();
    const wanted = states.filter((state) => request.states?.includes(state) ?? true);
    if (limit < 1 || wanted.length === 0) return { tasks: [] };
    const [lastScore, lastId, ...texts] = (await this.#connection.run("listing tasks", scripts.listKept, [
      this.#settings.keyPrefix,
      String(Math.floor(limit)),
      score,
      id,
      queue === undefined ? "" : JSON.stringify([queue.toWellFormed()]),
      task === undefined ? "" : JSON.stringify([task.toWellFormed()]),
      ...wanted,
    ])) as readonly Buffer[];
    const tasks = texts.map(taskOf);
    const next = `${String(lastScore)}:${String(lastId)}`;
    return next === ":" ? { tasks } : { tasks, next };
  }

  async counts(): Promise<readonly QueueCount[]> {
    await this.open();
    const reply = (await this.#connection.run("counting tasks", scripts.countKept, [
      this.#settings.keyPrefix,
    ])) as readonly Buffer[];
    const counts: QueueCount[] = [];
    for (let at = 0; at < reply.length; at += 2) {
      const [queue, state] = JSON.parse(String(reply[at])) as [string, TaskState];
      counts.push({ queue, state, count: Number(String(reply[at + 1])) });
    }
    return counts;
  }

  async remove(
    ids: readonly string[],
    settle: (tasks: readonly KeptTask[]) => Promise<void>,
  ): Promise<number> {
    if (ids.length === 0) return 0;
    await this.open();
    const { keyPrefix, timeout } = this.#settings;
    const distinct = [...new Set(ids)];
    const borrower = randomUUID();
    const lent = (await this.#connection.run("looking up tasks", scripts.lendKept, [
      keyPrefix,
      borrower,
      // Longer than what is done with them may take, and not for ever: this process may be lost.
      String(4 * timeout + 10_000),
      ...distinct,
    ])) as readonly Buffer[];
    if (lent.length === 0) return 0;
    const giveBack = async (isDone: boolean): Promise<void> => {
      const parameters = [keyPrefix, borrower, isDone ? "1" : "0", ...distinct];
      await this.#connection.run("removing tasks", scripts.removeKept, parameters);
    };
    try {
      await settle(lent.map(taskOf));
    } catch (error) {
      await giveBack(false).catch(() => undefined);
      throw error;
    }
    await giveBack(true);
    return lent.length;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

function taskOf(text: Buffer): KeptTask {
  return parseExactly(text.toString()) as KeptTask;
}

/** After which task a page begins. */
function placeOf(after: string): readonly [score: string, id: string] {
  const [, score, id] = /^(\d+(?:\.\d+)?):(.+)$/s.exec(after) ?? [];
  if (score !== undefined && id !== undefined) return [score, id];
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `list: "after" is the "next" of a page before, not "${after}".`,
  );
}
