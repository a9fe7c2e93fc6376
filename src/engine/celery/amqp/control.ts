/**
 * Celery's remote control: what is broadcast to all workers, through the exchange `celery.pidbox`.
 *
 * @module
 */
import type { ControlMessage } from "../broker.ts";
import { OwnChannel } from "./channel.ts";
import type { AmqpConnection } from "./connection.ts";
import { refusalCode } from "./errors.ts";
import type { AmqpChannelLike, AmqpDelivery } from "./like.ts";
import { toBuffer } from "./message.ts";
import type { Publisher } from "./publisher.ts";

const exchange = "celery.pidbox";

/** Broadcasts, and hears what is broadcast. */
export class Control {
  readonly #connection: AmqpConnection;
  readonly #publisher: Publisher;
  readonly #hostname: string;
  readonly #channel: OwnChannel<"plain">;
  readonly #listeners = new Set<(message: ControlMessage) => void>();
  #declared = false;
  #exclusive = false;
  #clock = 0;

  /** @param hostname unique to this process: its mailbox has this name */
  constructor(connection: AmqpConnection, publisher: Publisher, hostname: string) {
    this.#connection = connection;
    this.#publisher = publisher;
    this.#hostname = hostname;
    this.#channel = new OwnChannel(connection, {
      kind: "plain",
      prepare: (channel) => this.#consume(channel),
      lasting: () => this.#listeners.size > 0,
    });
  }

  /** See {@link Broker.broadcast}. */
  async broadcast({ method, arguments: parameters }: ControlMessage): Promise<void> {
    const what = `broadcasting ${method}`;
    const text = JSON.stringify({
      method,
      arguments: parameters,
      destination: null,
      pattern: null,
      matcher: null,
    });
    const publishing = {
      exchange,
      routingKey: "",
      content: Buffer.from(text),
      options: {
        contentType: "application/json",
        contentEncoding: "utf-8",
        headers: { clock: ++this.#clock, expires: 0 },
        deliveryMode: 1,
        priority: 0,
      },
    };
    for (let again = true; ; again = false) {
      if (!this.#declared) {
        const channel = await this.#connection.channel("plain", what);
        await channel.assertExchange(exchange, "fanout", { durable: false });
        await channel.close();
        this.#declared = true;
      }
      try {
        await this.#publisher.publish(what, [publishing]);
        return;
      } catch (error) {
        // It does not survive the broker.
        this.#declared = false;
        if (!again || refusalCode((error as Error).cause) !== 404) throw error;
      }
    }
  }

  /** See {@link Broker.onBroadcast}. */
  onBroadcast(listener: (message: ControlMessage) => void): () => void {
    this.#listeners.add(listener);
    void this.#channel.reopen();
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await this.#channel.close();
  }

  async #consume(channel: AmqpChannelLike): Promise<void> {
    const queue = `${this.#hostname}.celery.pidbox`;
    // As Celery's own. RabbitMQ may be set to refuse transient queues that are not exclusive: then one that is.
    const options = this.#exclusive
      ? { exclusive: true }
      : { autoDelete: true, expires: 10_000, messageTtl: 300_000 };
    await channel.assertExchange(exchange, "fanout", { durable: false });
    try {
      await channel.assertQueue(queue, { durable: false, ...options });
    } catch (error) {
      this.#exclusive = !this.#exclusive;
      throw error;
    }
    await channel.bindQueue(queue, exchange, "");
    await channel.consume(queue, (delivery) => this.#heard(channel, delivery), { noAck: true });
  }

  #heard(channel: AmqpChannelLike, delivery: AmqpDelivery | null): void {
    if (!delivery) {
      this.#channel.drop(channel);
      return;
    }
    const message = read(delivery);
    const { destination } = message ?? {};
    if (!message || (Array.isArray(destination) && !destination.includes(this.#hostname))) return;
    for (const listener of this.#listeners)
      listener({ method: message.method, arguments: message.arguments });
  }
}

interface Heard extends ControlMessage {
  readonly destination?: unknown;
}

/** What others publish there may be anything. */
function read({ content }: AmqpDelivery): Heard | undefined {
  try {
    const heard: unknown = JSON.parse(toBuffer(content).toString("utf8"));
    if (typeof heard !== "object" || heard === null) return undefined;
    const { method, arguments: parameters } = heard as Partial<ControlMessage>;
    if (typeof method !== "string" || typeof parameters !== "object" || parameters === null) return undefined;
    return heard as Heard;
  } catch {
    return undefined;
  }
}
