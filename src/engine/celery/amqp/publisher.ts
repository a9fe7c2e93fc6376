/**
 * Publishing: what is accepted is confirmed, and what no queue takes is an error.
 *
 * @module
 */
import { PetioleError } from "../../../errors.ts";
import { OwnChannel } from "./channel.ts";
import type { AmqpConnection } from "./connection.ts";
import { within } from "./connection.ts";
import { failure, refusalCode, refused } from "./errors.ts";
import type { AmqpConfirmChannelLike, AmqpDelivery, AmqpPublishOptions } from "./like.ts";

/** So many are on their way at once: each such batch has its time. */
const together = 1000;

/** What is published. */
export interface Publishing {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: AmqpPublishOptions;
}

/** One that has no confirm yet. */
interface Pending {
  readonly publishing: Publishing;
  returned: boolean;
}

/** Publishes. */
export class Publisher {
  readonly #connection: AmqpConnection;
  readonly #channel: OwnChannel<"confirm">;
  readonly #pending = new Set<Pending>();
  /** Why RabbitMQ has closed a channel: what was under way is told only that it did. */
  readonly #refusals = new WeakMap<object, unknown>();

  constructor(connection: AmqpConnection) {
    this.#connection = connection;
    this.#channel = new OwnChannel(connection, {
      kind: "confirm",
      prepare: async (channel) => {
        channel.on("return", (back) => this.#returned(back as AmqpDelivery));
        channel.on("error", (error) => this.#refusals.set(channel, error));
      },
    });
  }

  async open(): Promise<void> {
    await this.#channel.open("connecting");
  }

  /**
   * Resolves once the broker has accepted all of them, to those that no queue took, of those with `mandatory`.
   *
   * @param what the thing that is done, for errors
   */
  async publish(what: string, publishings: readonly Publishing[]): Promise<readonly Publishing[]> {
    const returned: Publishing[] = [];
    for (let at = 0; at < publishings.length; at += together)
      returned.push(...(await this.#publish(what, publishings.slice(at, at + together))));
    return returned;
  }

  close(): Promise<void> {
    return this.#channel.close();
  }

  async #publish(what: string, publishings: readonly Publishing[]): Promise<readonly Publishing[]> {
    const channel = await this.#channel.open(what);
    const pendings: Pending[] = [];
    const confirms: Promise<void>[] = [];
    let refusal: PetioleError | undefined;
    for (const publishing of publishings) {
      const pending = { publishing, returned: false };
      try {
        confirms.push(this.#send(channel, pending));
        pendings.push(pending);
      } catch (error) {
        refusal = refusalOf(what, error);
        if (!refusal) confirms.push(Promise.reject(error));
        break;
      }
    }
    try {
      await within(this.#connection.timeout, Promise.all(confirms));
    } catch (error) {
      // Frozen, or out of memory and blocked: another channel may do better.
      if (this.#channel.has(channel)) this.#channel.drop(channel);
      const cause = this.#refusals.get(channel);
      throw failure(what, true, this.#connection.again, refusalCode(cause) === undefined ? error : cause);
    } finally {
      for (const pending of pendings) this.#pending.delete(pending);
    }
    if (refusal) throw refusal;
    return pendings.filter(({ returned }) => returned).map(({ publishing }) => publishing);
  }

  #send(channel: AmqpConfirmChannelLike, pending: Pending): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { exchange, routingKey, content, options } = pending.publishing;
    channel.publish(exchange, routingKey, content, options, (error) => {
      if (error) reject(error instanceof Error ? error : new Error(String(error)));
      else resolve();
    });
    promise.catch(() => undefined);
    this.#pending.add(pending);
    return promise;
  }

  /** It comes before the confirm. All of one id that are for one queue share its fate. */
  #returned({ fields, properties }: AmqpDelivery): void {
    for (const pending of this.#pending) {
      const { routingKey, options } = pending.publishing;
      if (routingKey === fields.routingKey && options.correlationId === properties.correlationId)
        pending.returned = true;
    }
  }
}

/** What amqplib refuses to write is refused for good; that its channel was closed meanwhile is not. */
function refusalOf(what: string, error: unknown): PetioleError | undefined {
  if (error instanceof RangeError)
    return new PetioleError(
      "ERR_PAYLOAD_LIMIT",
      `Celery engine: ${what} failed: the headers of a message are more than the 64 KiB that amqplib writes ` +
        `(${error.message}). Put less beside the payload.`,
      { cause: error },
    );
  if (error instanceof TypeError) return refused(what, error);
  return undefined;
}
