/**
 * Results by RabbitMQ, Celery's `rpc://`: each goes to whoever has sent the task, and to nobody else.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { PetioleError, describe } from "../../../errors.ts";
import type { Results } from "../broker.ts";
import { isOtherContent } from "../protocol/content.ts";
import { unreadableResult, type TaskEnd } from "../protocol/result.ts";
import { OwnChannel } from "./channel.ts";
import type { AmqpConnection } from "./connection.ts";
import { closedError } from "./errors.ts";
import type { AmqpChannelLike, AmqpDelivery, AmqpProperties } from "./like.ts";
import { toBuffer } from "./message.ts";
import { Publisher, type Publishing } from "./publisher.ts";

/** Of the ends of own tasks, so many are held unless told. */
const endsHeld = 10_000;

/** What `RpcResults` is told. */
export interface RpcSettings {
  /** The body of a result: what Celery reads. */
  readonly toText: (end: TaskEnd) => string;
  /** The end that a body tells of; undefined for what is none, as `RETRY` and `STARTED`. Throws for what is no result. */
  readonly fromText: (text: string) => TaskEnd | undefined;
  /** For how many milliseconds the queue of answers outlives this process; 86,400,000 unless told. */
  readonly resultExpires?: number;
  /** How many ends of own tasks are held; the oldest go first. 10,000 unless told. */
  readonly limit?: number;
}

/** Sends ends to those who wait for them, and holds those of own tasks. */
export class RpcResults implements Results {
  readonly shared = false;
  readonly replyTo: string = randomUUID();
  readonly #connection: AmqpConnection;
  readonly #settings: RpcSettings;
  readonly #publisher: Publisher;
  readonly #channel: OwnChannel<"plain">;
  /** Of what came and is no JSON, the refusal. */
  readonly #ends = new Map<string, TaskEnd | PetioleError>();
  readonly #listeners = new Map<string, Set<() => void>>();
  #wanted = false;
  #closed = false;

  constructor(connection: AmqpConnection, settings: RpcSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#publisher = new Publisher(connection);
    this.#channel = new OwnChannel(connection, {
      kind: "plain",
      prepare: (channel) => this.#consume(channel),
      lasting: () => this.#wanted,
    });
    connection.join();
  }

  async open(): Promise<void> {
    this.#refuseClosed();
    await this.#channel.open("opening the queue of results");
    this.#wanted = true;
  }

  async store(
    ends: readonly { readonly end: TaskEnd; readonly replyTo: string | undefined }[],
  ): Promise<void> {
    this.#refuseClosed();
    // Of its own tasks it knows at once.
    for (const { end, replyTo } of ends) if (replyTo === this.replyTo) this.#ended(this.#copyOf(end));
    const answers = ends.flatMap(({ end, replyTo }) =>
      replyTo === undefined || replyTo === this.replyTo ? [] : [this.#answer(end, replyTo)],
    );
    // That no queue takes it means that nobody waits any more.
    if (answers.length === 0) return;
    await this.#publisher.publish(
      answers.length === 1 ? "sending 1 result" : `sending ${answers.length} results`,
      answers,
    );
  }

  async find(id: string): Promise<TaskEnd | undefined> {
    this.#refuseClosed();
    const end = this.#ends.get(id);
    if (end instanceof PetioleError) throw end;
    return end;
  }

  async forget(tasks: readonly { readonly id: string }[]): Promise<void> {
    for (const { id } of tasks) this.#ends.delete(id);
  }

  onEnd(id: string, listener: () => void): () => void {
    this.#refuseClosed();
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    if (!this.#wanted) {
      this.#wanted = true;
      void this.#channel.reopen();
    }
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  /** Its queue goes, and with it what came too late. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wanted = false;
    this.#listeners.clear();
    const what = "closing the queue of results";
    const gone = this.#channel.isOpen
      ? this.#channel.ask(what, (it) => it.deleteQueue(this.replyTo))
      : undefined;
    await gone?.catch(() => undefined);
    await Promise.all([this.#channel.close(), this.#publisher.close()]);
    await this.#connection.leave();
  }

  #refuseClosed(): void {
    if (this.#closed) throw closedError();
  }

  #answer(end: TaskEnd, replyTo: string): Publishing {
    return {
      exchange: "",
      routingKey: replyTo,
      content: Buffer.from(this.#settings.toText(end)),
      options: {
        contentType: "application/json",
        contentEncoding: "utf-8",
        correlationId: end.id,
        deliveryMode: 1,
        priority: 0,
      },
    };
  }

  /**
   * The queue outlives a lost connection, so that what is answered meanwhile is not lost: it is no exclusive one, and
   * RabbitMQ removes it when it was not used for long.
   */
  async #consume(channel: AmqpChannelLike): Promise<void> {
    const expires = Math.min(Math.max(1, this.#settings.resultExpires ?? 86_400_000), 2 ** 31 - 1);
    await channel.prefetch(100);
    await channel.assertQueue(this.replyTo, { durable: true, expires });
    await channel.consume(this.replyTo, (delivery) => this.#heard(channel, delivery));
  }

  #heard(channel: AmqpChannelLike, delivery: AmqpDelivery | null): void {
    if (!delivery) {
      this.#channel.drop(channel);
      return;
    }
    const end = this.#read(delivery);
    channel.ack(delivery);
    if (end) this.#ended(end);
    else this.#refuse(delivery.properties);
  }

  #ended(end: TaskEnd): void {
    this.#keep(end.id, end);
  }

  /** What is no JSON is never decoded. Whoever waits is told: no other answer of its worker's will be readable. */
  #refuse({ contentType, correlationId: id }: AmqpProperties): void {
    if (typeof id !== "string" || id === "" || !isOtherContent(contentType)) return;
    const why = `its content is ${describe(contentType)}.`;
    this.#keep(id, unreadableResult(`The result of task ${id}`, why));
  }

  /** As it arrives. */
  #copyOf(end: TaskEnd): TaskEnd {
    return this.#settings.fromText(this.#settings.toText(end)) ?? end;
  }

  /** Anybody may publish there anything. */
  #read({ content, properties }: AmqpDelivery): TaskEnd | undefined {
    if (isOtherContent(properties.contentType)) return undefined;
    try {
      return this.#settings.fromText(toBuffer(content).toString("utf8"));
    } catch {
      return undefined;
    }
  }

  #keep(id: string, end: TaskEnd | PetioleError): void {
    const before = this.#ends.get(id);
    // What was a success stays one, and an end is not undone by what is none.
    const isFinal = before && (end instanceof PetioleError || (before as TaskEnd).status === "SUCCESS");
    if (!isFinal) {
      this.#ends.delete(id);
      this.#ends.set(id, end);
      const [oldest] = this.#ends.keys();
      if (this.#ends.size > (this.#settings.limit ?? endsHeld)) this.#ends.delete(oldest!);
    }
    for (const listener of this.#listeners.get(id) ?? []) listener();
  }
}
