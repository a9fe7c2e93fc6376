/**
 * RabbitMQ as the broker of Celery's messages.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { PetioleError } from "../../../errors.ts";
import { Unbound } from "../errors.ts";
import type { Broker, ControlMessage, Finish, Taken, Unreadable } from "../broker.ts";
import type { ReplyAddress } from "../control/message.ts";
import type { CeleryMessage } from "../protocol/message.ts";
import type { CeleryQueues } from "../queue-options.ts";
import type { AmqpConnection } from "./connection.ts";
import { Control } from "./control.ts";
import { Declaring } from "./declaring.ts";
import type { DelayedQueueType } from "./delayed-delivery.ts";
import { closedError, refusalCode, refused } from "./errors.ts";
import { type Held, HeldDeliveries } from "./held.ts";
import type { AmqpDelivery, AmqpPublishOptions } from "./like.ts";
import { optionsOf, readDelivery, toBuffer } from "./message.ts";
import { Publisher, type Publishing } from "./publisher.ts";
import { Routing, type Target } from "./routing.ts";
import { type Got, WorkQueue } from "./work-queue.ts";

/** What the broker is told. */
export interface AmqpBrokerSettings {
  /** Unique to this process: its mailbox for remote control has this name. */
  readonly hostname: string;
  /** How queues are declared and reached. Default: as Celery does unless told. */
  readonly queues?: CeleryQueues;
  /** How the queues are declared in which messages wait for their time. Default: `quorum`. */
  readonly delayedDelivery?: DelayedQueueType;
}

/** Carries messages by RabbitMQ. */
export class AmqpBroker implements Broker {
  readonly name = "RabbitMQ";
  readonly atomic = false;
  readonly keepsPlace = false;
  /** RabbitMQ closes the channel of who holds a message for longer than its `consumer_timeout`: 30 minutes, as a rule. */
  readonly holdsFor = 600_000;
  readonly #connection: AmqpConnection;
  readonly #publisher: Publisher;
  readonly #routing: Routing;
  readonly #declaring: Declaring;
  readonly #control: Control;
  readonly #queues = new Map<string, WorkQueue>();
  readonly #used = new Set<string>();
  readonly #held = new HeldDeliveries({
    due: ({ queue }) => this.#queue(queue).wake(),
    over: (held) => void this.#requeue([held]),
  });
  readonly #onUnreadable = new Set<(unreadable: Unreadable) => void>();
  #closed = false;

  constructor(connection: AmqpConnection, settings: AmqpBrokerSettings) {
    const { hostname, queues = {}, delayedDelivery = "quorum" } = settings;
    this.#connection = connection;
    this.#publisher = new Publisher(connection);
    this.#routing = new Routing(queues);
    this.#declaring = new Declaring(connection, { routing: this.#routing, delayedDelivery });
    this.#control = new Control(connection, this.#publisher, hostname);
    connection.join();
  }

  async open(): Promise<void> {
    this.#refuseClosed();
    await this.#publisher.open();
  }

  async publish(messages: readonly CeleryMessage[]): Promise<void> {
    this.#refuseClosed();
    const what = messages.length === 1 ? "sending 1 task" : `sending ${messages.length} tasks`;
    await this.#publish(what, this.#publishings(what, messages));
  }

  async take(queues: readonly string[], limit: number, lease: number): Promise<readonly Taken[]> {
    this.#refuseClosed();
    // Unlike others, RabbitMQ itself does not know of leases.
    const expired = this.#held.takeExpired(queues);
    if (expired.length > 0) await this.#requeue(expired);
    const taken: Taken[] = [];
    let count = 0;
    for (const name of queues) {
      if (count >= limit) break;
      const queue = this.#queue(name);
      let got: readonly Got[];
      try {
        got = await queue.take(limit - count);
      } catch (error) {
        // What was taken of others is this process's by now.
        if (count > 0) break;
        throw error;
      }
      count += got.length;
      for (const it of got) {
        const held = this.#hold(name, it, lease);
        if (held?.message)
          taken.push({
            tag: held.tag,
            message: held.message,
            redelivered: it.delivery.fields.redelivered === true,
          });
      }
    }
    // Whoever got less than was asked for is idle, also where the rest could not be read.
    if (taken.length < limit) for (const name of queues) this.#queue(name).listen();
    return taken;
  }

  async extend(tags: readonly string[], lease: number): Promise<readonly string[]> {
    this.#refuseClosed();
    return tags.filter((tag) => !this.#held.extend(tag, lease));
  }

  async finish(
    finishes: readonly Finish[],
    before: (held: readonly boolean[]) => Promise<void>,
  ): Promise<readonly boolean[]> {
    this.#refuseClosed();
    const found = finishes.map(({ tag }) => {
      const held = this.#held.get(tag);
      if (!held || held.busy) return undefined;
      held.busy = true;
      return held;
    });
    const helds = found.filter((held) => held !== undefined);
    try {
      if (helds.length > 0) await before(found.map((held) => held !== undefined));
      const what = "sending what follows";
      const messages = finishes.flatMap(({ publish }, index) => (found[index] ? publish : []));
      await this.#publish(what, this.#publishings(what, messages));
    } catch (error) {
      for (const held of helds) held.busy = false;
      throw error;
    }
    for (const { tag } of helds) this.#held.remove(tag);
    const told = await this.#tell(helds, ({ channel, delivery }) => channel.ack(delivery));
    return found.map((held) => held !== undefined && told.has(held));
  }

  async giveBack(tags: readonly string[]): Promise<void> {
    this.#refuseClosed();
    await this.#giveBack(this.#remove(tags));
  }

  onArrival(queues: readonly string[], listener: () => void): () => void {
    this.#refuseClosed();
    const stops = [...new Set(queues)].map((name) => this.#queue(name).onArrival(listener));
    return () => {
      for (const stop of stops) stop();
    };
  }

  onUnreadable(listener: (unreadable: Unreadable) => void): void {
    this.#onUnreadable.add(listener);
  }

  async broadcast(message: ControlMessage): Promise<void> {
    this.#refuseClosed();
    await this.#control.broadcast(message);
  }

  onBroadcast(listener: (message: ControlMessage) => void): () => void {
    this.#refuseClosed();
    return this.#control.onBroadcast(listener);
  }

  async answer(to: ReplyAddress, reply: object, clock: number): Promise<void> {
    this.#refuseClosed();
    await this.#control.answer(to, reply, clock);
  }

  async emit(routingKey: string, events: object, hostname: string): Promise<void> {
    this.#refuseClosed();
    await this.#control.emit(routingKey, events, hostname);
  }

  async lengths(): Promise<readonly { readonly queue: string; readonly count: number }[]> {
    this.#refuseClosed();
    return Promise.all(
      [...this.#used].map(async (queue) => ({ queue, count: await this.#declaring.length(queue) })),
    );
  }

  /** What is held goes back to its queues. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const held = [...this.#held.clear()];
    await Promise.all(
      [...this.#queues.values()].map(async (queue) => {
        for (const got of await queue.quieten()) held.push(this.#asHeld(queue.name, got));
      }),
    );
    await this.#giveBack(held).catch(() => undefined);
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    await Promise.all([this.#control.close(), this.#publisher.close()]);
    await this.#connection.leave();
  }

  #refuseClosed(): void {
    if (this.#closed) throw closedError();
  }

  #queue(name: string): WorkQueue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = new WorkQueue(name, this.#connection, this.#declaring, {
        lost: (channel) => this.#held.lost(channel),
        untaken: (got) => void this.#giveBack([this.#asHeld(name, got)]).catch(() => undefined),
      });
      this.#queues.set(name, queue);
      this.#used.add(name);
    }
    return queue;
  }

  #asHeld(queue: string, { channel, delivery }: Got): Held {
    return {
      tag: randomUUID(),
      queue,
      channel,
      delivery,
      message: undefined,
      until: 0,
      isDue: false,
      busy: false,
    };
  }

  #hold(queue: string, got: Got, lease: number): Held | undefined {
    const read = readDelivery(queue, got.delivery);
    const message = "message" in read ? read.message : undefined;
    const held = { ...this.#asHeld(queue, got), message, until: performance.now() + lease };
    this.#held.add(held);
    if (!("message" in read))
      for (const listener of this.#onUnreadable)
        listener({ tag: held.tag, queue, text: read.text, reason: read.reason });
    return held;
  }

  async #requeue(helds: readonly Held[]): Promise<void> {
    await this.#tell(helds, ({ channel, delivery }) => channel.nack(delivery, false, true));
  }

  #remove(tags: readonly string[]): readonly Held[] {
    return tags.flatMap((tag) => {
      const held = this.#held.get(tag);
      if (!held || held.busy) return [];
      this.#held.remove(tag);
      return [held];
    });
  }

  /**
   * RabbitMQ marks what is given back as redelivered, as if its worker had been lost. So what was new is published again,
   * behind the others, and what was marked before goes back to its place.
   */
  async #giveBack(helds: readonly Held[]): Promise<void> {
    const isNew = ({ delivery }: Held): boolean => delivery.fields.redelivered !== true;
    const fresh = helds.filter(isNew);
    try {
      const copies = fresh.map(({ queue, delivery }) => copyOf(queue, delivery));
      await this.#publish("giving tasks back", copies);
    } catch {
      // Then they are marked, and not lost.
      await this.#tell(helds, ({ channel, delivery }) => channel.nack(delivery, false, true));
      return;
    }
    await this.#tell(helds, (held) => {
      if (isNew(held)) held.channel.ack(held.delivery);
      else held.channel.nack(held.delivery, false, true);
    });
  }

  /** Tells the broker, and waits until it has heard it. Resolves to those of which it has. */
  async #tell(helds: readonly Held[], call: (held: Held) => void): Promise<ReadonlySet<Held>> {
    const told = new Set<Held>();
    const byQueue = Map.groupBy(helds, ({ queue }) => queue);
    await Promise.all(
      [...byQueue].map(async ([name, all]) => {
        const queue = this.#queue(name);
        const there = all.filter(({ channel }) => queue.has(channel));
        const [first] = there;
        if (first && (await queue.tell(first.channel, () => there.forEach(call))))
          for (const held of there) told.add(held);
      }),
    );
    return told;
  }

  #publishings(what: string, messages: readonly CeleryMessage[]): readonly Routed[] {
    const now = Date.now();
    return messages.map((message) => publishingOf(what, message, this.#routing.of(message, now)));
  }

  async #publish(what: string, publishings: readonly Routed[]): Promise<void> {
    // Of an exchange that is gone nothing was accepted, so that all of it can be repeated: hence each for itself.
    for (const [, all] of Map.groupBy(publishings, ({ exchange }) => exchange))
      await this.#publishTo(what, all);
  }

  /** Publishes to queues that are declared; where one is gone meanwhile, it is declared again. */
  async #publishTo(what: string, publishings: readonly Routed[]): Promise<void> {
    let rest: readonly Routed[] = publishings;
    for (let again = true; rest.length > 0; again = false) {
      const names = new Set(rest.flatMap(({ queue }) => queue ?? []));
      for (const name of names) this.#used.add(name);
      await Promise.all([...names].map((name) => this.#declaring.queue(name)));
      if (rest.some(({ isDelayed }) => isDelayed)) await this.#declaring.delayed();
      try {
        rest = (await this.#publisher.publish(what, rest)) as readonly Routed[];
      } catch (error) {
        if (!again || refusalCode((error as Error).cause) !== 404) throw error;
      }
      if (rest.length === 0) return;
      for (const { queue } of rest) if (queue !== undefined) this.#declaring.forget(queue);
      if (rest.some(({ isDelayed }) => isDelayed)) this.#declaring.forgetDelayed();
      if (!again) throw refused(what, untaken(rest));
    }
  }
}

/** What is published, and what has to be there for it. */
interface Routed extends Publishing {
  readonly queue: string | undefined;
  readonly isDelayed: boolean;
}

function untaken(rest: readonly Routed[]): Error {
  const [first] = rest as readonly [Routed];
  if (first.queue !== undefined) return new Error(`no queue ${first.queue} takes ${rest.length} of them`);
  return new Unbound(first);
}

function publishingOf(
  what: string,
  message: CeleryMessage,
  { queue, exchange, routingKey, isDelayed }: Target,
): Routed {
  try {
    const content = toBuffer(message.body);
    return { queue, exchange, routingKey, isDelayed, content, options: optionsOf(message) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new PetioleError(
      "ERR_PAYLOAD_REFUSED",
      `Celery engine: ${what} failed: a header of the task ${message.headers.task} cannot travel: ${error.message}`,
      { cause: error },
    );
  }
}

/** The same message again, with all its properties. What could not be read goes as far as amqplib has understood it. */
function copyOf(queue: string, delivery: AmqpDelivery): Routed {
  const read = readDelivery(queue, delivery);
  const own = "message" in read ? optionsOf(read.message) : undefined;
  const options = { ...delivery.properties, ...own, mandatory: true } as AmqpPublishOptions;
  const content = toBuffer(delivery.content);
  return { queue, exchange: "", routingKey: queue, isDelayed: false, content, options };
}
