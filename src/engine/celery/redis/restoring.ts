/**
 * Giving back what was taken by somebody who was lost: by a process of ours whose leases ran out, or by a worker of
 * Python's whose visibility timeout is over.
 *
 * Kombu does so under a lock, `unacked_mutex`. This does not need it: each message is moved by one script that finds it
 * as it was seen, so that nobody restores it twice; and a lock that its holder left behind would last for 5 minutes.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { queuesOf } from "./bindings.ts";
import type { Connection } from "./connection.ts";
import { heldOf, lostOf, wrap } from "./envelope.ts";
import type { Part } from "../../shared/redis/link.ts";
import { scripts } from "./scripts.ts";
import { listOf, type RedisSettings } from "./settings.ts";

/** So many at a time. */
const together = 100;
/** How long what nobody knows is held, to be parked. In seconds. */
const toPark = 60;
/**
 * So long after Redis was away nothing is restored, in milliseconds. Whose leases ran out meanwhile may live and connect
 * again: what they run is theirs as soon as they have renewed
 * it. The clients of this engine try each second.
 */
const graceAfterAway = 3000;

/** Puts what is lost back into its queue. */
export class Restoring {
  readonly #connection: Connection;
  readonly #settings: RedisSettings;
  readonly #wake: (queues: readonly string[]) => void;
  /** What is to be done with what is of no known form, if anything is. */
  onStrange: ((tag: string, raw: Buffer) => void) | undefined;
  readonly #heldUntil: (tag: string) => number | undefined;
  #running: { readonly asked: number; readonly over: Promise<void> } | undefined;
  readonly #deaf: () => void;
  #wasReady: boolean;
  /** Set for as long as nothing is restored. */
  #grace: NodeJS.Timeout | undefined;

  /**
   * @param wake called with the queues to which something was given back, or is to be by whoever takes from them
   * @param heldUntil until when this process has something, by `performance.now()`
   */
  constructor(
    connection: Connection,
    settings: RedisSettings,
    wake: (queues: readonly string[]) => void,
    heldUntil: (tag: string) => number | undefined,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#wake = wake;
    this.#heldUntil = heldUntil;
    this.#wasReady = connection.hub.isReady;
    this.#deaf = connection.hub.commands.listen({ ready: () => this.#ready() });
  }

  stop(): void {
    this.#deaf();
    clearTimeout(this.#grace);
  }

  #ready(): void {
    if (this.#wasReady) {
      clearTimeout(this.#grace);
      this.#grace = setTimeout(() => {
        this.#grace = undefined;
        // Redis is away again: it is tried once more when it is there.
        this.restoreOthers().catch(() => undefined);
      }, graceAfterAway).unref();
    }
    this.#wasReady = true;
  }

  /** Restores all that is lost, but for what this process has: it lives, and may run that. Several calls are one. */
  restoreOthers(): Promise<void> {
    return this.#running?.over ?? this.restore(-Infinity);
  }

  /**
   * Restores all that is lost, but for what this process had when that was asked for (`performance.now()`), however long
   * Redis was away since. Several calls are one. While others may still be on their way back to Redis, nothing is.
   */
  async restore(asked: number): Promise<void> {
    if (this.#grace !== undefined) return;
    while (this.#running !== undefined && this.#running.asked < asked)
      await this.#running.over.catch(() => {});
    this.#running ??= {
      asked,
      over: this.#restoreAll(asked).finally(() => (this.#running = undefined)),
    };
    return this.#running.over;
  }

  async #restoreAll(asked: number): Promise<void> {
    const { keyPrefix, visibilityTimeout } = this.#settings;
    let passOver = 0;
    for (;;) {
      const found = (await this.#connection.run("looking for lost tasks", scripts.expired, [
        keyPrefix,
        String(visibilityTimeout / 1000),
        String(passOver),
        String(together),
      ])) as readonly Buffer[];
      const count = found.length / 3;
      // That it was asked may have waited for Redis, too.
      if (count === 0 || this.#grace !== undefined) return;
      const moved = await this.#move(found, asked);
      passOver += count - moved;
      if (count < together) return;
    }
  }

  /** Resolves to how many there are no more. */
  async #move(found: readonly Buffer[], asked: number): Promise<number> {
    const parameters: Part[] = [];
    const queues = new Set<string>();
    let moved = 0;
    for (let at = 0; at < found.length; at += 3) {
      const [tag, score, held] = [found[at]!, found[at + 1]!, found[at + 2]!];
      const lost = lostOf(held.toString());
      if (lost === undefined) {
        moved += await this.#adopt(tag, score, held);
        continue;
      }
      const targets = await queuesOf(this.#connection, this.#settings.keyPrefix, lost);
      for (const queue of targets) queues.add(queue);
      const until = this.#heldUntil(tag.toString());
      if (until !== undefined && until > asked) continue;
      const lists = targets.map((queue) => listOf(queue, lost.priority));
      parameters.push(tag, score, lost.text, String(lists.length), ...lists);
    }
    if (parameters.length === 0) {
      this.#wake([...queues]);
      return moved;
    }
    const answers = (await this.#connection.run("restoring lost tasks", scripts.restore, [
      this.#settings.keyPrefix,
      ...parameters,
    ])) as readonly number[];
    this.#wake([...queues]);
    return moved + answers.filter((answer) => answer === 1).length;
  }

  async #adopt(tag: Buffer, score: Buffer, held: Buffer): Promise<number> {
    if (this.onStrange === undefined) return 0;
    const own = randomUUID();
    // Celery's own queue: nobody knows where it was.
    const answer = await this.#connection.run("putting aside what is no task", scripts.adopt, [
      this.#settings.keyPrefix,
      String(this.#settings.visibilityTimeout / 1000),
      String(toPark),
      tag,
      score,
      own,
      heldOf(wrap(held, "celery"), "celery"),
    ]);
    if (answer === 1) this.onStrange(own, held);
    return Number(answer);
  }
}
