/**
 * The broker on Redis, as Kombu keeps its queues: a list of messages for each queue and priority, and a hash of what
 * was taken.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { PetioleError } from "../../../errors.ts";
import { Unbound } from "../errors.ts";
import { Batcher } from "../../shared/batcher.ts";
import type { Reason } from "../../../engine.ts";
import type { Broker, ControlMessage, Finish, RevokedTask, Taken, Unreadable } from "../broker.ts";
import type { ReplyAddress } from "../control/message.ts";
import type { CeleryMessage } from "../protocol/message.ts";
import { isStamp } from "../revoked.ts";
import { Arrivals } from "./arrivals.ts";
import { bindingsOf, queueOptions, type Route } from "../queue-options.ts";
import { bind, bindTo, boundTo } from "./bindings.ts";
import { Connection } from "./connection.ts";
import { RedisMailbox } from "./control.ts";
import { envelopeOf } from "./envelope.ts";
import { databaseOf } from "../../shared/redis.ts";
import type { RedisClientLike } from "../../shared/redis/like.ts";
import { refused } from "./errors.ts";
import { Restoring } from "./restoring.ts";
import { scripts } from "./scripts.ts";
import { listOf, listsOf, priorityOf, separator, type RedisSettings } from "./settings.ts";
import { Taking } from "./taking.ts";
import { refuseOld } from "./version.ts";

/** What was called off, by when. */
const revokedKey = "petiole.revoked";
/** As long as Celery's workers remember it, in milliseconds. */
const rememberedFor = 3 * 3_600_000;
/** So long a message that is being finished is held at least, in seconds: its lease may be about to run out. */
const finishingWithin = 10;

/** Queues of Kombu's `Broadcast`: Python hears those by a channel, and nobody ever looks into their lists. */
const broadcast = /^bcast\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const keepsNothing =
  ", but those of a fanout, of which Redis keeps nothing for who does not listen just then: use a topic exchange";

/** A message as it goes into a list. */
type Entry = readonly [queue: string, list: string, text: string];

/** A {@link Finish}, its messages as they go into lists. */
interface Finishing {
  readonly tag: string;
  readonly entries: readonly Entry[];
  readonly front: boolean;
}

/** The broker on Redis. */
export class RedisBroker implements Broker {
  readonly name = "Redis";
  readonly atomic = true;
  readonly keepsPlace = true;
  readonly #settings: RedisSettings;
  readonly #connection: Connection;
  readonly #mailbox: RedisMailbox;
  readonly #arrivals: Arrivals;
  readonly #restoring: Restoring;
  readonly #taking: Taking;
  readonly #publishes: Batcher<Entry, true>;
  readonly #finishes: Batcher<Finishing, boolean>;
  readonly #looks: Batcher<string, boolean>;
  readonly #declared = new Set<string>();
  #onUnreadable: (unreadable: Unreadable) => void = () => undefined;
  #opening: Promise<void> | undefined;
  #isOpen = false;

  constructor(client: RedisClientLike, settings: RedisSettings) {
    this.#settings = settings;
    this.#connection = new Connection(client, settings.timeout);
    this.#mailbox = new RedisMailbox(this.#connection, settings, settings.database ?? databaseOf(client));
    this.#restoring = new Restoring(
      this.#connection,
      settings,
      (queues) => this.#arrivals.wake(queues),
      (tag) => this.#taking.heldUntil(tag),
    );
    this.#arrivals = new Arrivals(this.#connection, settings, () => this.#restoring.restoreOthers());
    this.#taking = new Taking(
      this.#connection,
      settings,
      (asked) => this.#restoring.restore(asked),
      (found) => this.#onUnreadable(found),
    );
    this.#publishes = new Batcher((messages) => this.#publish(messages));
    this.#finishes = new Batcher((finishes) => this.#finish(finishes));
    this.#looks = new Batcher((tags) => this.#areHeld(tags));
  }

  open(): Promise<void> {
    this.#opening ??= refuseOld(this.#connection, true).then(
      () => void (this.#isOpen = true),
      (error: unknown) => {
        this.#opening = undefined;
        throw error;
      },
    );
    return this.#opening;
  }

  async publish(messages: readonly CeleryMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const entries = messages.some((message) => this.#routeOf(message)) ? undefined : messages.map(entryOf);
    if (!this.#isOpen) await this.open();
    await this.#publishes.add(entries ?? (await this.#routed(messages)));
  }

  async take(queues: readonly string[], limit: number, lease: number): Promise<readonly Taken[]> {
    await this.open();
    if (queues.length === 0 || limit < 1) return [];
    const distinct = [...new Set(queues)];
    this.#declare(distinct);
    const { taken, isAll } = await this.#taking.take(distinct, Math.min(limit, 1000), lease);
    if (isAll) this.#arrivals.emptied(distinct);
    // Some could not be read: who asked for more takes that for all there is.
    else if (taken.length < limit) this.#arrivals.wake(distinct);
    return taken;
  }

  async extend(tags: readonly string[], lease: number): Promise<readonly string[]> {
    if (tags.length === 0) return [];
    await this.open();
    const asked = performance.now();
    const answers = (await this.#connection.run("extending leases", scripts.extend, [
      this.#settings.keyPrefix,
      String(this.#settings.visibilityTimeout / 1000),
      String(lease / 1000),
      ...tags,
    ])) as readonly number[];
    const lost = tags.filter((_, at) => answers[at] !== 1);
    this.#taking.extended(tags, lease, asked);
    this.#taking.forget(lost);
    return lost;
  }

  async finish(
    finishes: readonly Finish[],
    before: (held: readonly boolean[]) => Promise<void>,
  ): Promise<readonly boolean[]> {
    if (finishes.length === 0) return [];
    const isRouted = ({ publish }: Finish): boolean => publish.some((message) => this.#routeOf(message));
    const finishings = await Promise.all(
      finishes.map(async (finish) => {
        const { tag, publish, front = false } = finish;
        return { tag, entries: isRouted(finish) ? await this.#routed(publish) : publish.map(entryOf), front };
      }),
    );
    await this.open();
    const held = await this.#looks.add(finishes.map(({ tag }) => tag));
    if (held.includes(true)) await before(held);
    const still = finishings.filter((_, at) => held[at]);
    const answers = still.length === 0 ? [] : await this.#finishes.add(still);
    this.#taking.forget(finishes.map(({ tag }) => tag));
    let next = 0;
    return held.map((was) => was && answers[next++] === true);
  }

  async giveBack(tags: readonly string[]): Promise<void> {
    if (tags.length === 0) return;
    await this.open();
    this.#arrivals.wake(await this.#taking.giveBack(tags));
  }

  onArrival(queues: readonly string[], listener: () => void): () => void {
    this.#connection.refuseClosed();
    this.#declare(queues);
    return this.#arrivals.listen(queues, listener);
  }

  onUnreadable(listener: (unreadable: Unreadable) => void): void {
    this.#onUnreadable = listener;
    this.#restoring.onStrange = (tag, raw) => this.#taking.adopt(tag, raw);
  }

  async broadcast(message: ControlMessage): Promise<void> {
    await this.open();
    await this.#mailbox.broadcast(message);
  }

  onBroadcast(listener: (message: ControlMessage) => void): () => void {
    return this.#mailbox.onBroadcast(listener);
  }

  answer(to: ReplyAddress, reply: object, clock: number): Promise<void> {
    return this.#mailbox.answer(to, reply, clock);
  }

  emit(routingKey: string, events: object, hostname: string): Promise<void> {
    return this.#mailbox.emit(routingKey, events, hostname);
  }

  async remember(revoked: readonly RevokedTask[]): Promise<void> {
    if (revoked.length === 0) return;
    await this.open();
    const key = this.#settings.keyPrefix + revokedKey;
    const entries = revoked.flatMap(({ id, stamp, reason, terminate, at }) => [
      String(at),
      JSON.stringify(stamp === undefined ? [id, reason, terminate] : [id, reason, terminate, stamp]),
    ]);
    const what = "remembering what was called off";
    await this.#connection.call(what, ["ZADD", key, ...entries]);
    const before = Math.max(...revoked.map(({ at }) => at)) - rememberedFor;
    await this.#connection.call(what, ["ZREMRANGEBYSCORE", key, "-inf", String(before)]);
    await this.#connection.call(what, ["PEXPIRE", key, String(rememberedFor)]);
  }

  async remembered(since: number): Promise<readonly RevokedTask[]> {
    await this.open();
    const key = this.#settings.keyPrefix + revokedKey;
    const range = ["ZRANGEBYSCORE", key, String(since), "+inf", "WITHSCORES"];
    const reply = await this.#connection.call("looking for what was called off", range);
    return readRevoked(reply as readonly Buffer[]);
  }

  async lengths(): Promise<readonly { readonly queue: string; readonly count: number }[]> {
    await this.open();
    const { keyPrefix } = this.#settings;
    return Promise.all(
      [...this.#declared].map(async (queue) => {
        const counts = await Promise.all(
          listsOf(queue).map((list) => this.#connection.call("counting tasks", ["LLEN", keyPrefix + list])),
        );
        return { queue, count: counts.reduce<number>((sum, count) => sum + Number(count), 0) };
      }),
    );
  }

  async close(): Promise<void> {
    await this.#mailbox.close();
    this.#arrivals.stop();
    this.#restoring.stop();
    for (const batcher of [this.#publishes, this.#looks, this.#finishes]) batcher.flush();
    await this.#connection.close();
  }

  async #publish(messages: readonly Entry[]): Promise<readonly true[]> {
    const queues = new Set(messages.map(([queue]) => queue));
    this.#declare([...queues]);
    await this.#connection.run(counted("sending", messages), scripts.publish, [
      this.#settings.keyPrefix,
      ...this.#marker(),
      ...messages.flatMap(([, list, text]) => [list, text]),
    ]);
    this.#arrivals.wake([...queues]);
    return messages.map(() => true);
  }

  /** The exchange that a message is published to; undefined for one that goes to its queue. */
  #routeOf({ queue, route, isAgain }: CeleryMessage): Route | undefined {
    if (route !== undefined) return route;
    const { exchange, routingKey = queue } = queueOptions(this.#settings.queues ?? {}, queue) ?? {};
    return exchange === undefined || isAgain === true ? undefined : { exchange: exchange.name, routingKey };
  }

  /** A message for each queue that is bound to its exchange by its routing key. */
  async #routed(messages: readonly CeleryMessage[]): Promise<readonly Entry[]> {
    const all = await Promise.all(
      messages.map(async (message) => {
        const route = this.#routeOf(message);
        if (route === undefined) return [entryOf(message)];
        const bound = await boundTo(this.#connection, this.#settings.keyPrefix, route);
        // Its own queue is bound to it by this process, sooner or later.
        const kept = bound.filter((queue) => !broadcast.test(queue));
        const queues = message.route === undefined ? new Set([message.queue, ...kept]) : kept;
        const entries = [...queues].map((queue) => entryOf({ ...message, queue }));
        if (entries.length > 0) return entries;
        throw refused("sending 1 task", new Unbound(route, bound.length > 0 ? keepsNothing : ""));
      }),
    );
    return all.flat();
  }

  /** Whether they are still held. Then they are for as long as finishing them may take. */
  async #areHeld(tags: readonly string[]): Promise<readonly boolean[]> {
    const answers = await this.#connection.run("looking after tasks", scripts.prolong, [
      this.#settings.keyPrefix,
      String(this.#settings.visibilityTimeout / 1000),
      String(finishingWithin),
      ...tags,
    ]);
    return (answers as readonly number[]).map((answer) => answer === 1);
  }

  async #finish(finishings: readonly Finishing[]): Promise<readonly boolean[]> {
    const answer = await this.#connection.run(counted("finishing", finishings), scripts.finish, [
      this.#settings.keyPrefix,
      ...this.#marker(),
      ...finishings.flatMap(({ tag, entries, front }) => [
        tag,
        String(front ? -entries.length : entries.length),
        ...entries.flatMap(([, list, text]) => [list, text]),
      ]),
    ]);
    const queues = new Set(finishings.flatMap(({ entries }) => entries.map(([queue]) => queue)));
    this.#declare([...queues]);
    this.#arrivals.wake([...queues]);
    return [...String(answer)].map((held) => held === "1");
  }

  /** Where a script leaves its answer, and for how long: until nobody asks for it again. */
  #marker(): readonly [key: string, milliseconds: string] {
    return [`petiole:done:${randomUUID()}`, String(2 * this.#settings.timeout + 10_000)];
  }

  /** Tells Python's producers of queues that are used here. Nothing here depends on it. */
  #declare(queues: readonly string[]): void {
    for (const queue of queues) {
      if (this.#declared.has(queue)) continue;
      this.#declared.add(queue);
      this.#bind(queue).catch(() => this.#declared.delete(queue));
    }
  }

  async #bind(queue: string): Promise<void> {
    const { keyPrefix, queues = {} } = this.#settings;
    await bind(this.#connection, keyPrefix, queue);
    const options = queueOptions(queues, queue);
    if (options?.exchange === undefined) return;
    for (const pattern of bindingsOf(queue, options))
      await bindTo(this.#connection, keyPrefix, options.exchange, { queue, pattern });
  }
}

/** What is remembered; what is none of ours is left out. */
function readRevoked(reply: readonly Buffer[]): RevokedTask[] {
  const revoked: RevokedTask[] = [];
  for (let at = 0; at < reply.length; at += 2) {
    try {
      const [id, reason, terminate, stamp] = JSON.parse(String(reply[at])) as [
        unknown,
        Reason,
        unknown,
        unknown,
      ];
      if (typeof id !== "string" || typeof reason?.message !== "string") continue;
      const entry = { id, reason, terminate: terminate === true, at: Number(String(reply[at + 1])) };
      if (stamp === undefined) revoked.push(entry);
      else if (isStamp(stamp)) revoked.push({ ...entry, stamp });
    } catch {
      // Somebody else's.
    }
  }
  return revoked;
}

function entryOf(message: CeleryMessage): Entry {
  const { queue, headers } = message;
  if (typeof queue !== "string" || queue === "" || queue.includes(separator))
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `Celery engine: the queue ${JSON.stringify(queue)} of task "${headers.task}" has a name that Redis lists of Kombu cannot have.`,
    );
  return [queue, listOf(queue, priorityOf(message.priority)), envelopeOf(message)];
}

function counted(what: string, list: readonly unknown[]): string {
  return list.length === 1 ? `${what} 1 task` : `${what} ${list.length} tasks`;
}
