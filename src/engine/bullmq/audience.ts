/**
 * Who waits for a task's end, or watches it.
 *
 * @module
 */
import { endStates } from "../../engine.ts";
import type { TaskRecord } from "../../engine.ts";
import type { Channels } from "./channels.ts";
import type { Connection } from "./connection.ts";
import { closedError } from "./errors.ts";
import { toJobId } from "./names.ts";
import { recordOf, type RecordReply } from "./records.ts";
import { scripts } from "./scripts.ts";
import { Soon } from "../shared/soon.ts";

interface Watcher {
  readonly jobId: string;
  readonly call: Soon;
  /** What was seen of the task when it was last looked at. */
  seen: string | undefined;
  /** Who answers for it, when that is another, and the function that stops hearing of that. */
  holder: string | undefined;
  leaveHolder: () => void;
}

const ends: ReadonlySet<string> = new Set(endStates);

/** Hears of changes by messages, and by looking now and then: BullMQ's own workers send none. */
export class Audience {
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #interval: number;
  /** After a look, changes are told for so long: several looks may come late. */
  readonly #toldFor: string;
  readonly #watchers = new Set<Watcher>();
  /** Rejects those who wait for ends. */
  readonly #waiting = new Set<(error: unknown) => void>();
  #poll: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(connection: Connection, channels: Channels, interval: number) {
    this.#connection = connection;
    this.#channels = channels;
    this.#interval = interval;
    this.#toldFor = String(Math.ceil(5 * interval + 10_000));
  }

  /** Everything about a task. */
  async find(id: string): Promise<TaskRecord | undefined> {
    const [reply] = (await this.#connection.run("looking up a task", scripts.find, [
      toJobId(id),
    ])) as readonly [RecordReply];
    return recordOf(reply);
  }

  /** See {@link Engine.ended}. */
  async ended(id: string, signal: AbortSignal | undefined): Promise<TaskRecord | undefined> {
    signal?.throwIfAborted();
    const first = await this.find(id);
    if (first === undefined || ends.has(first.state)) return first;
    const { promise, resolve, reject } = Promise.withResolvers<TaskRecord | undefined>();
    if (this.#closed) throw closedError();
    const abort = (): void => reject(signal?.reason);
    if (signal?.aborted === true) abort();
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.add(reject);
    const stop = this.watch(id, () => {
      this.find(id).then(
        (record) => {
          if (record === undefined || ends.has(record.state)) resolve(record);
        },
        // Redis is away: it looks again when that is back.
        () => undefined,
      );
    });
    // Nothing else may keep the process alive until the end is there.
    const alive = setInterval(() => undefined, 2 ** 30);
    try {
      return await promise;
    } finally {
      stop();
      clearInterval(alive);
      this.#waiting.delete(reject);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** See {@link Engine.watch}. */
  watch(id: string, listener: () => void): () => void {
    const watcher: Watcher = {
      jobId: toJobId(id),
      call: new Soon(listener),
      seen: undefined,
      holder: undefined,
      leaveHolder: () => undefined,
    };
    this.#watchers.add(watcher);
    const leave = this.#channels.listen(`t:${watcher.jobId}`, (message) => {
      if (message === undefined || message === "alias") void this.#look([watcher]);
      watcher.call.wake();
    });
    this.#poll ??= setInterval(() => void this.#look([...this.#watchers]), this.#interval).unref();
    return () => {
      watcher.call.stop();
      this.#watchers.delete(watcher);
      leave();
      watcher.leaveHolder();
      if (this.#watchers.size > 0) return;
      clearInterval(this.#poll);
      this.#poll = undefined;
    };
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    for (const { call } of this.#watchers) call.stop();
    this.#watchers.clear();
    for (const reject of this.#waiting) reject(closedError());
  }

  async #look(watchers: readonly Watcher[]): Promise<void> {
    if (watchers.length === 0) return;
    try {
      const reply = (await this.#connection.run("looking at tasks", scripts.glance, [
        this.#toldFor,
        ...watchers.map(({ jobId }) => jobId),
      ])) as readonly string[];
      for (const [index, watcher] of watchers.entries())
        this.#seen(watcher, reply[2 * index] ?? "", reply[2 * index + 1] ?? "");
    } catch {
      // Redis is away: the next look will tell.
    }
  }

  #seen(watcher: Watcher, answering: string, state: string): void {
    if (!this.#watchers.has(watcher)) return;
    const seen = `${answering} ${state}`;
    // The first sight too: what the listener found when it was called at first may be from before it.
    if (watcher.seen !== seen) watcher.call.wake();
    watcher.seen = seen;
    if (answering === "" || answering === watcher.jobId || answering === watcher.holder) return;
    watcher.leaveHolder();
    watcher.holder = answering;
    watcher.leaveHolder = this.#channels.listen(`t:${answering}`, () => watcher.call.wake());
  }
}
