/**
 * Declaring queues as Celery does, and leaving those of others as they are.
 *
 * @module
 */
import { PetioleError } from "../../../errors.ts";
import type { AmqpConnection } from "./connection.ts";
import { within } from "./connection.ts";
import { failure, refusalCode } from "./errors.ts";
import type { AmqpChannelLike } from "./like.ts";

/** Declares queues, each once. */
export class Declaring {
  readonly #connection: AmqpConnection;
  readonly #declared = new Map<string, Promise<void>>();

  constructor(connection: AmqpConnection) {
    this.#connection = connection;
  }

  /** A durable queue without arguments; one that is there with other arguments is used as it is. */
  async queue(name: string): Promise<void> {
    refuseName(name);
    let declared = this.#declared.get(name);
    if (!declared) {
      declared = this.#declare(name);
      this.#declared.set(name, declared);
      declared.catch(() => this.forget(name));
    }
    await declared;
  }

  /** The queue may be there no more. */
  forget(name: string): void {
    this.#declared.delete(name);
  }

  /** How many messages wait in it; 0 where it is not there. */
  async length(name: string): Promise<number> {
    try {
      return (
        await this.#ask(`counting what waits in the queue ${name}`, (channel) => channel.checkQueue(name))
      ).messageCount;
    } catch (error) {
      if (refusalCode((error as Error).cause) === 404) return 0;
      throw error;
    }
  }

  async #declare(name: string): Promise<void> {
    const what = `declaring the queue ${name}`;
    try {
      await this.#ask(what, (channel) => channel.assertQueue(name, { durable: true }));
    } catch (error) {
      // It has other arguments, or this user may not declare queues.
      if (![403, 406].includes(refusalCode((error as Error).cause) ?? 0)) throw error;
      await this.#ask(what, (channel) => channel.checkQueue(name));
      return;
    }
    // Celery's own exchange of the queue, for those who publish to it. Nothing of ours needs it.
    try {
      await this.#ask(what, async (channel) => {
        await channel.assertExchange(name, "direct", { durable: true });
        await channel.bindQueue(name, name, name);
      });
    } catch (error) {
      if (refusalCode((error as Error).cause) === undefined) throw error;
    }
  }

  /** On a channel of its own, which a refusal closes. */
  async #ask<Answer>(what: string, call: (channel: AmqpChannelLike) => Promise<Answer>): Promise<Answer> {
    const channel = await this.#connection.channel("plain", what);
    try {
      return await within(this.#connection.timeout, call(channel));
    } catch (error) {
      throw failure(what, true, this.#connection.again, error);
    } finally {
      closeQuietly(channel);
    }
  }
}

/** An empty name would make a queue that RabbitMQ names. */
function refuseName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes > 0 && bytes <= 255) return;
  throw new PetioleError(
    "ERR_OPTION_INVALID",
    `Celery engine: the name of a queue of RabbitMQ has 1 to 255 bytes; this one has ${bytes}: ` +
      `${JSON.stringify(name.slice(0, 50))}${name.length > 50 ? "…" : ""}`,
  );
}

function closeQuietly(channel: AmqpChannelLike): void {
  try {
    channel.close().catch(() => undefined);
  } catch {
    // A refusal has closed it.
  }
}
