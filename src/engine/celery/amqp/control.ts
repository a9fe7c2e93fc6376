/**
 * Celery's remote control and events, by exchanges of RabbitMQ.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Answer, Listening, Mailbox } from "../control/mailbox.ts";
import {
  replyExchange,
  controlBody,
  malformed,
  readControl,
  type ControlMessage,
  type ReplyAddress,
} from "../control/message.ts";
import { OwnChannel } from "./channel.ts";
import type { AmqpConnection } from "./connection.ts";
import { refusalCode } from "./errors.ts";
import { headersOf } from "./exact-headers.ts";
import type { AmqpChannelLike, AmqpDelivery, AmqpPublishOptions } from "./like.ts";
import { toBuffer } from "./message.ts";
import { Publisher } from "./publisher.ts";

const exchange = "celery.pidbox";
const eventExchange = "celeryev";

/** Answers and events longer than this are left alone, in bytes. */
const longest = 16 * 1024 ** 2;

/** What is told waits for nobody for longer than this, in milliseconds. */
const eventLasts = 5000;

/** Broadcasts, hears what is broadcast, and answers. */
export class Control implements Mailbox {
  readonly #connection: AmqpConnection;
  readonly #publisher: Publisher;
  /** Of what may be lost: that a broker refuses it disturbs nothing else. */
  readonly #telling: Publisher;
  readonly #hostname: string;
  readonly #channel: OwnChannel<"plain">;
  readonly #others = new Set<OwnChannel<"plain">>();
  readonly #listeners = new Set<(message: ControlMessage) => void>();
  #declared = false;
  #eventsDeclared = false;
  #exclusive = false;
  #clock = 0;

  /** @param hostname unique to this process: its mailbox has this name */
  constructor(connection: AmqpConnection, publisher: Publisher, hostname: string) {
    this.#connection = connection;
    this.#publisher = publisher;
    this.#telling = new Publisher(connection);
    this.#hostname = hostname;
    this.#channel = new OwnChannel(connection, {
      kind: "plain",
      prepare: (channel) => this.#consume(channel),
      lasting: () => this.#listeners.size > 0,
    });
  }

  async broadcast(message: ControlMessage): Promise<void> {
    const what = `broadcasting ${message.method}`;
    const publishing = publishingOf(exchange, "", controlBody(message), {
      headers: { clock: ++this.#clock, expires: 0 },
    });
    for (let again = true; ; again = false) {
      if (!this.#declared) {
        await this.#declare(exchange, "fanout", false, what);
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

  onBroadcast(listener: (message: ControlMessage) => void): () => void {
    this.#listeners.add(listener);
    void this.#channel.reopen();
    return () => void this.#listeners.delete(listener);
  }

  async answer({ exchange, routingKey, ticket }: ReplyAddress, reply: object, clock: number): Promise<void> {
    // Whoever waits has declared it.
    const publishing = publishingOf(exchange, routingKey, reply, { headers: { ticket, clock } });
    await this.#telling.publish("answering", [publishing]);
  }

  async onAnswers(listener: (answer: Answer) => void): Promise<Listening> {
    const what = "asking workers";
    const routingKey = randomUUID();
    let isOver = false;
    const channel = this.#hearing(
      async (channel) => {
        // Another name each time: RabbitMQ may not know yet that the connection is lost that has the one before.
        const queue = `${randomUUID()}.${replyExchange}`;
        await channel.assertExchange(replyExchange, "direct", { durable: false });
        await channel.assertQueue(queue, { durable: false, exclusive: true, autoDelete: true });
        await channel.bindQueue(queue, replyExchange, routingKey);
        return queue;
      },
      (delivery) => listener({ ticket: ticketOf(delivery), body: bodyOf(delivery) }),
      () => !isOver,
    );
    // Its queue goes with its consumer, and so with the channel: the connection may be the user's, and go on.
    const stop = async (): Promise<void> => {
      isOver = true;
      this.#others.delete(channel);
      await channel.close();
    };
    try {
      await channel.open(what);
    } catch (error) {
      await stop();
      throw error;
    }
    return {
      address: { exchange: replyExchange, routingKey },
      hears: async () => void (await channel.open(what)),
      stop,
    };
  }

  async emit(routingKey: string, events: object, hostname: string): Promise<void> {
    const what = "telling of events";
    if (!this.#eventsDeclared) {
      // One that is there with other properties is used as it is.
      await this.#declare(eventExchange, "topic", true, what).catch((error: unknown) => {
        if (refusalCode((error as Error).cause ?? error) === undefined) throw error;
      });
      this.#eventsDeclared = true;
    }
    try {
      await this.#telling.publish(what, [
        publishingOf(eventExchange, routingKey, events, { headers: { hostname } }),
      ]);
    } catch (error) {
      this.#eventsDeclared = false;
      throw error;
    }
  }

  onEvents(listener: (body: unknown) => void, hears: () => void): () => void {
    let isOver = false;
    const channel = this.#hearing(
      async (channel) => {
        // As for answers: another name each time, and it goes with its consumer.
        const name = `${eventExchange}.${randomUUID()}`;
        const options = { durable: false, exclusive: true, autoDelete: true, messageTtl: eventLasts };
        await channel.assertExchange(eventExchange, "topic", { durable: true });
        await channel.assertQueue(name, options);
        await channel.bindQueue(name, eventExchange, "#");
        return name;
      },
      (delivery) => listener(bodyOf(delivery)),
      () => !isOver,
      hears,
    );
    void channel.reopen();
    return () => {
      isOver = true;
      this.#others.delete(channel);
      void channel.close();
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await Promise.all([
      this.#channel.close(),
      this.#telling.close(),
      ...[...this.#others].map((channel) => channel.close()),
    ]);
  }

  /** A channel that hears a queue. */
  #hearing(
    declare: (channel: AmqpChannelLike) => Promise<string>,
    heard: (delivery: AmqpDelivery) => void,
    lasting: () => boolean,
    hears: () => void = () => undefined,
  ): OwnChannel<"plain"> {
    const own: OwnChannel<"plain"> = new OwnChannel(this.#connection, {
      kind: "plain",
      prepare: async (channel) => {
        const queue = await declare(channel);
        const listener = (delivery: AmqpDelivery | null): void => {
          if (delivery) heard(delivery);
          else own.drop(channel);
        };
        await channel.consume(queue, listener, { noAck: true });
        hears();
      },
      lasting,
    });
    this.#others.add(own);
    return own;
  }

  async #declare(exchange: string, type: string, durable: boolean, what: string): Promise<void> {
    const channel = await this.#connection.channel("plain", what);
    await channel.assertExchange(exchange, type, { durable });
    await channel.close();
  }

  async #consume(channel: AmqpChannelLike): Promise<void> {
    const queue = `${this.#hostname}.celery.pidbox`;
    // As Celery's own. RabbitMQ may be set to refuse transient queues that are not exclusive: then one that is.
    const options = this.#exclusive
      ? { exclusive: true, autoDelete: true, messageTtl: 300_000 }
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
    const body = bodyOf(delivery);
    const message = body === undefined ? malformed("it is no JSON") : readControl(body, this.#hostname);
    if (message === undefined) return;
    for (const listener of this.#listeners) listener(message);
  }
}

function publishingOf(exchange: string, routingKey: string, body: object, options: AmqpPublishOptions) {
  return {
    exchange,
    routingKey,
    content: Buffer.from(JSON.stringify(body)),
    options: {
      contentType: "application/json",
      contentEncoding: "utf-8",
      deliveryMode: 1,
      priority: 0,
      ...options,
    },
  };
}

/** What a message holds, from anyone; undefined for what is no JSON. */
function bodyOf({ content }: AmqpDelivery): unknown {
  if (content.byteLength > longest) return undefined;
  try {
    return JSON.parse(toBuffer(content).toString("utf8"));
  } catch {
    return undefined;
  }
}

function ticketOf({ properties }: AmqpDelivery): unknown {
  try {
    return headersOf(properties)?.["ticket"];
  } catch {
    return undefined;
  }
}
