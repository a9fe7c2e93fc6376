/**
 * A queue that is worked on: messages are asked for one by one, and an idle worker is woken by a consumer, its bell.
 *
 * Each queue has a channel of its own: what RabbitMQ refuses of one, or takes away with it, is no other's.
 *
 * @module
 */
import { PetioleError } from "../../../errors.ts";
import { OwnChannel } from "./channel.ts";
import type { AmqpConnection } from "./connection.ts";
import type { Declaring } from "./declaring.ts";
import { refusalCode } from "./errors.ts";
import type { AmqpChannelLike, AmqpDelivery } from "./like.ts";

/** For how long the message that rang the bell is kept for the next take, in milliseconds: others may be idle. */
const ringKept = 1000;

/** A delivery, and the channel to acknowledge it on. */
export interface Got {
  readonly channel: AmqpChannelLike;
  readonly delivery: AmqpDelivery;
}

/** What a queue tells. */
export interface WorkQueueEvents {
  /** The channel is gone. */
  readonly lost: (channel: AmqpChannelLike) => void;
  /** Nobody took what rang the bell. */
  readonly untaken: (got: Got) => void;
}

/** A consumer that takes one message. */
interface Bell {
  channel: AmqpChannelLike | undefined;
  consumer: string | undefined;
  unwanted: boolean;
}

/** One queue. */
export class WorkQueue {
  readonly name: string;
  readonly #channel: OwnChannel<"plain">;
  readonly #declaring: Declaring;
  readonly #events: WorkQueueEvents;
  readonly #listeners = new Set<() => void>();
  /** What rang the bell, and when. */
  #rung: (Got & { readonly timer: NodeJS.Timeout })[] = [];
  #bell: Bell | undefined;
  /** The bell is to be set as soon as that can be. */
  #wanted = false;
  #closed = false;

  constructor(name: string, connection: AmqpConnection, declaring: Declaring, events: WorkQueueEvents) {
    this.name = name;
    this.#declaring = declaring;
    this.#events = events;
    this.#channel = new OwnChannel(connection, {
      kind: "plain",
      // Of a consumer: the bell takes one.
      prepare: async (channel) => void (await channel.prefetch(1)),
      lost: (channel) => this.#lost(channel),
      lasting: () => this.#listeners.size > 0,
      back: () => this.#ring(),
    });
  }

  /** At most `limit` messages; never waits for one. */
  async take(limit: number): Promise<readonly Got[]> {
    const taken = this.#unkept(limit);
    const what = `taking from the queue ${this.name}`;
    for (let again = true; taken.length < limit;) {
      try {
        await this.#declaring.queue(this.name);
        const channel = await this.#channel.open(what);
        while (taken.length < limit) {
          const delivery = await this.#channel.ask(what, (channel) => channel.get(this.name), channel);
          if (delivery === false) return this.#inOrder(taken, limit);
          taken.push({ channel, delivery });
        }
      } catch (error) {
        const isGone = error instanceof PetioleError && refusalCode(error.cause) === 404;
        if (isGone) this.#declaring.forget(this.name);
        if (isGone && again) again = false;
        else if (this.#still(taken).length > 0) break;
        else throw error;
      }
    }
    return this.#inOrder(taken, limit);
  }

  /** Sets the bell, where somebody listens and it is not set. */
  listen(): void {
    this.#wanted = true;
    if (this.#closed || this.#listeners.size === 0 || this.#bell) return;
    this.#wanted = false;
    const bell: Bell = { channel: undefined, consumer: undefined, unwanted: false };
    this.#bell = bell;
    this.#set(bell).catch(() => {
      if (this.#bell === bell) this.#bell = undefined;
      // It may be there again: that is heard when the channel is.
      if (this.#listeners.size > 0) void this.#channel.reopen();
    });
  }

  /** Calls `listener` when there may be something. Returns the function that stops it. */
  onArrival(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.listen();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) void this.#unset(this.#bell);
    };
  }

  /** There may be something, as somebody here knows. */
  wake(): void {
    this.#ring();
  }

  /** Whether the channel that a message came on is still there. */
  has(channel: AmqpChannelLike): boolean {
    return this.#channel.has(channel);
  }

  /**
   * Acknowledges, or gives back, and resolves once the broker has heard it: whether it has.
   *
   * @param call what is done on the channel
   */
  async tell(channel: AmqpChannelLike, call: () => void): Promise<boolean> {
    if (!this.#channel.has(channel)) return false;
    try {
      call();
      // Of a channel, all is done in order: what is answered comes after what is not.
      await this.#channel.ask("acknowledging", (it) => it.prefetch(1), channel);
      return true;
    } catch {
      return false;
    }
  }

  /** Listens no more, and hands out what rang and was not taken. */
  async quieten(): Promise<readonly Got[]> {
    this.#closed = true;
    this.#listeners.clear();
    await this.#unset(this.#bell);
    for (const { timer } of this.#rung) clearTimeout(timer);
    return this.#rung.splice(0);
  }

  /** After {@link quieten}. */
  close(): Promise<void> {
    return this.#channel.close();
  }

  async #set(bell: Bell): Promise<void> {
    const what = `listening to the queue ${this.name}`;
    await this.#declaring.queue(this.name);
    const channel = (bell.channel = await this.#channel.open(what));
    const rang = (delivery: AmqpDelivery | null): void => {
      if (delivery) {
        this.#keep({ channel, delivery });
        void this.#unset(bell);
      } else {
        // The broker has cancelled it: its queue is gone.
        this.#declaring.forget(this.name);
        this.#bell = undefined;
      }
      this.#ring();
    };
    const { consumerTag } = await this.#channel.ask(what, (it) => it.consume(this.name, rang), channel);
    bell.consumer = consumerTag;
    if (bell.unwanted) await this.#unset(bell);
  }

  /** Cancels its consumer. Until that is done, no other is set. */
  async #unset(bell: Bell | undefined): Promise<void> {
    if (!bell) return;
    bell.unwanted = true;
    const { channel, consumer } = bell;
    if (channel === undefined || consumer === undefined) return;
    bell.consumer = undefined;
    // Where that fails the channel is gone, and the consumer with it.
    await this.#channel.ask("listening no more", (it) => it.cancel(consumer), channel).catch(() => undefined);
    if (this.#bell === bell) this.#bell = undefined;
    // A take may have wanted it meanwhile.
    if (this.#wanted) this.listen();
  }

  /** The bell may have rung meanwhile: what RabbitMQ has handed out first goes first, and the rest is for the next take. */
  #inOrder(taken: readonly Got[], limit: number): readonly Got[] {
    const still = this.#still(taken);
    if (this.#rung.length === 0) return still;
    const all = [...still, ...this.#unkept(this.#rung.length)].toSorted(
      (one, other) => placeOf(one) - placeOf(other),
    );
    for (const got of all.slice(limit)) this.#keep(got);
    return all.slice(0, limit);
  }

  /** Takes out what rang the bell. */
  #unkept(limit: number): Got[] {
    return this.#rung.splice(0, limit).map(({ timer, ...got }) => {
      clearTimeout(timer);
      return got;
    });
  }

  #still(taken: readonly Got[]): readonly Got[] {
    return taken.filter(({ channel }) => this.#channel.has(channel));
  }

  #keep(got: Got): void {
    const timer = setTimeout(() => {
      this.#rung = this.#rung.filter((kept) => kept.timer !== timer);
      this.#events.untaken(got);
    }, ringKept);
    this.#rung.push({ ...got, timer });
  }

  #ring(): void {
    if (this.#closed) return;
    for (const listener of this.#listeners) listener();
  }

  #lost(channel: AmqpChannelLike): void {
    this.#rung = this.#rung.filter((kept) => {
      if (kept.channel === channel) clearTimeout(kept.timer);
      return kept.channel !== channel;
    });
    if (this.#bell?.channel === channel) this.#bell = undefined;
    this.#events.lost(channel);
  }
}

/** Of the messages of one channel, what came first has the smaller number. */
function placeOf({ delivery }: Got): number {
  return delivery.fields.deliveryTag ?? 0;
}
