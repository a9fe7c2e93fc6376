/**
 * Results on Redis, as Celery's result backend keeps them.
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import { Soon } from "../../shared/soon.ts";
import { Batcher } from "../../shared/batcher.ts";
import type { ChordParts, Results } from "../broker.ts";
import { unreadableResult, type TaskEnd } from "../protocol/result.ts";
import { RedisChords } from "./chords.ts";
import { Connection } from "./connection.ts";
import type { RedisClientLike } from "../../shared/redis/like.ts";
import { scripts } from "./scripts.ts";
import type { RedisSettings } from "./settings.ts";
import { refuseOld } from "./version.ts";

/** Of one call, so many are stored together. */
const together = 500;

/** How the end of a task is written and read. */
export interface EndCodec {
  /** The text that Celery's result backends keep. */
  write(end: TaskEnd): string;
  /** The end that a text tells; undefined for what is no end, or no text of theirs. */
  read(text: string): TaskEnd | undefined;
  /** What a task returned or raised alone, as the parts of chords are kept. Left out where there are no chords. */
  readonly resultOf?: (end: TaskEnd) => string;
}

/** Results on Redis. */
export class RedisResults implements Results {
  readonly shared = true;
  readonly replyTo = undefined;
  readonly chords?: ChordParts;
  readonly #connection: Connection;
  readonly #codec: EndCodec;
  readonly #prefix: string;
  readonly #settings: RedisSettings;
  readonly #stores: Batcher<TaskEnd, true>;
  readonly #finds: Batcher<string, Buffer | null>;
  /** Who waits, by the key that it waits for. */
  readonly #waiting = new Map<string, Set<Soon>>();
  readonly #stops = new Set<() => void>();
  #poll: NodeJS.Timeout | undefined;
  #opening: Promise<void> | undefined;

  constructor(client: RedisClientLike, settings: RedisSettings, codec: EndCodec) {
    this.#settings = settings;
    this.#codec = codec;
    this.#prefix = settings.resultPrefix ?? settings.keyPrefix;
    this.#connection = new Connection(client, settings.timeout);
    this.#stores = new Batcher((ends) => this.#store(ends));
    this.#finds = new Batcher((ids) => this.#find(ids));
    const { resultOf } = codec;
    if (resultOf !== undefined)
      this.chords = new RedisChords(this.#connection, { ...settings, prefix: this.#prefix, resultOf });
  }

  open(): Promise<void> {
    this.#opening ??= refuseOld(this.#connection).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async store(
    ends: readonly { readonly end: TaskEnd; readonly replyTo: string | undefined }[],
  ): Promise<void> {
    if (ends.length === 0) return;
    await this.open();
    // A chain from anyone may have very many: neither this process nor Redis is kept from all else by them.
    for (let at = 0; at < ends.length; at += together)
      await this.#stores.add(ends.slice(at, at + together).map(({ end }) => end));
  }

  async find(id: string): Promise<TaskEnd | undefined> {
    await this.open();
    const [bytes] = await this.#finds.add([id]);
    // Here, so that of those that are looked up together only whoever wants an unreadable one is refused.
    return bytes ? this.#read(id, bytes) : undefined;
  }

  async forget(tasks: readonly { readonly id: string }[]): Promise<void> {
    if (tasks.length === 0) return;
    await this.open();
    const keys = tasks.map(({ id }) => this.#prefix + keyOf(id));
    await this.#connection.call("forgetting results", ["DEL", ...keys]);
  }

  onEnd(id: string, listener: () => void): () => void {
    this.#connection.refuseClosed();
    const key = keyOf(id);
    const call = new Soon(listener);
    const waiting = this.#waiting.get(key) ?? new Set();
    waiting.add(call);
    this.#waiting.set(key, waiting);
    const leave = this.#connection.hub.channels.listen(this.#prefix + key, () => call.wake());
    this.#poll ??= setInterval(() => void this.#look(), this.#settings.pollInterval).unref();
    const stop = (): void => {
      call.stop();
      leave();
      this.#stops.delete(stop);
      waiting.delete(call);
      if (waiting.size > 0 || this.#waiting.get(key) !== waiting) return;
      this.#waiting.delete(key);
      if (this.#waiting.size > 0) return;
      clearInterval(this.#poll);
      this.#poll = undefined;
    };
    this.#stops.add(stop);
    return stop;
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    this.#stores.flush();
    this.#finds.flush();
    await this.#connection.close();
  }

  async #store(ends: readonly TaskEnd[]): Promise<readonly true[]> {
    const parameters = ends.flatMap((end) => [
      keyOf(end.id),
      this.#codec.write(end),
      keepOf(end.keep ?? this.#settings.resultExpires),
    ]);
    await this.#connection.run("storing results", scripts.storing, [this.#prefix, ...parameters]);
    return ends.map(() => true);
  }

  async #find(ids: readonly string[]): Promise<readonly (Buffer | null)[]> {
    const keys = ids.map((id) => this.#prefix + keyOf(id));
    return (await this.#connection.call("looking up results", [
      "MGET",
      ...keys,
    ])) as readonly (Buffer | null)[];
  }

  /** A pickle, or what else is no text, is refused as bytes: never decoded, nor read as if they were nearly text. */
  #read(id: string, bytes: Buffer): TaskEnd | undefined {
    if (isUtf8(bytes)) return this.#codec.read(bytes.toString());
    throw unreadableResult(
      `The stored result of task ${id}`,
      "it is no text, but bytes, as of Python's pickle.",
    );
  }

  /** For messages that were lost. */
  async #look(): Promise<void> {
    const keys = [...this.#waiting.keys()];
    try {
      const answers = await this.#connection.run("looking for results", scripts.stored, [
        this.#prefix,
        ...keys,
      ]);
      for (const [at, there] of (answers as readonly number[]).entries())
        if (there === 1) for (const call of this.#waiting.get(keys[at]!) ?? []) call.wake();
    } catch {
      // Redis is away: the next look will tell.
    }
  }
}

/** The key of a result, and its channel. */
function keyOf(id: string): string {
  return `celery-task-meta-${id}`;
}

/** In whole milliseconds; 0 for good, so that what is to be gone at once is kept for one. */
function keepOf(milliseconds: number): string {
  return milliseconds > Number.MAX_SAFE_INTEGER / 2 ? "0" : String(Math.max(1, Math.ceil(milliseconds)));
}
