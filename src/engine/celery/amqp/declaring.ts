/**
 * Declaring queues as Celery does, and leaving those of others as they are.
 *
 * @module
 */
import { PetioleError } from "../../../errors.ts";
import { bindingsOf, queueOptions, type CeleryExchange, type CeleryQueueOptions } from "../queue-options.ts";
import { OwnChannel } from "./channel.ts";
import type { AmqpConnection } from "./connection.ts";
import { within } from "./connection.ts";
import {
  anyDelay,
  declareDelayed,
  deliveryExchange,
  levelOptions,
  ownKeyOf,
  type DelayedQueueType,
} from "./delayed-delivery.ts";
import { failure, refusalCode } from "./errors.ts";
import type { AmqpChannelLike, AmqpQueueOptions } from "./like.ts";
import { Routing } from "./routing.ts";

/** What is told of queues. */
export interface DeclaringSettings {
  readonly routing: Routing;
  /** How the queues are declared in which messages wait for their time. */
  readonly delayedDelivery: DelayedQueueType;
}

/** Declares queues, each once. */
export class Declaring {
  readonly #connection: AmqpConnection;
  readonly #settings: DeclaringSettings;
  readonly #declared = new Map<string, Promise<void>>();
  #delayed: Promise<void> | undefined;

  constructor(
    connection: AmqpConnection,
    settings: DeclaringSettings = { routing: new Routing({}), delayedDelivery: "quorum" },
  ) {
    this.#connection = connection;
    this.#settings = settings;
  }

  /** A durable queue, as the options say; one that is there with other arguments is used as it is. */
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

  /** Where messages wait for their time, as Kombu declares it; what is there with other arguments is used as it is. */
  async delayed(): Promise<void> {
    this.#delayed ??= this.#declareDelayed();
    try {
      await this.#delayed;
    } catch (error) {
      this.#delayed = undefined;
      throw error;
    }
  }

  /** It may be there no more. */
  forgetDelayed(): void {
    this.#delayed = undefined;
    for (const name of this.#declared.keys()) if (this.#settings.routing.isDelaying(name)) this.forget(name);
  }

  /** How many messages wait in it; 0 where it is not there, or is another connection's alone. */
  async length(name: string): Promise<number> {
    try {
      return (
        await this.#ask(`counting what waits in the queue ${name}`, (channel) => channel.checkQueue(name))
      ).messageCount;
    } catch (error) {
      if ([404, 405].includes(refusalCode((error as Error).cause) ?? 0)) return 0;
      throw error;
    }
  }

  async #declare(name: string): Promise<void> {
    const what = `declaring the queue ${name}`;
    const { routing } = this.#settings;
    const options = queueOptions(routing.queues, name) ?? {};
    const { type, exchange, arguments: others } = options;
    const given = { ...(type === "quorum" && { "x-queue-type": type }), ...others };
    const isThere = await this.#declareQueue(what, name, {
      durable: true,
      ...(Object.keys(given).length > 0 && { arguments: given }),
    });
    if (exchange !== undefined) await this.#bind(what, name, options, exchange);
    else if (!isThere) await this.#bindToOwn(what, name);
    if (!routing.isDelaying(name)) return;
    await this.delayed();
    await this.#ask(what, (it) => it.bindQueue(name, deliveryExchange, anyDelay(ownKeyOf(name))));
  }

  /** Resolves to whether it was there already, with other arguments. */
  async #declareQueue(what: string, name: string, options: AmqpQueueOptions): Promise<boolean> {
    try {
      await this.#ask(what, (channel) => channel.assertQueue(name, options));
      return false;
    } catch (error) {
      // It has other arguments, or this user may not declare queues.
      if (![403, 406].includes(refusalCode((error as Error).cause) ?? 0)) throw error;
      await this.#ask(what, (channel) => channel.checkQueue(name));
      return true;
    }
  }

  /** Celery's own exchange of the queue, for those who publish to it. Nothing of ours needs it. */
  async #bindToOwn(what: string, name: string): Promise<void> {
    try {
      await this.#ask(what, async (channel) => {
        await channel.assertExchange(name, "direct", { durable: true });
        await channel.bindQueue(name, name, name);
      });
    } catch (error) {
      if (refusalCode((error as Error).cause) === undefined) throw error;
    }
  }

  /** To the exchange that the options name, and to what is delayed for that, as Celery's workers bind it. */
  async #bind(
    what: string,
    name: string,
    options: CeleryQueueOptions,
    exchange: CeleryExchange,
  ): Promise<void> {
    const { type = "direct" } = exchange;
    try {
      await this.#ask(what, (it) => it.assertExchange(exchange.name, type, { durable: true }));
    } catch (error) {
      // This user may not declare it: then who may has.
      if (refusalCode((error as Error).cause) !== 403) throw error;
    }
    const { routing } = this.#settings;
    const isDelayed = type !== "direct" && routing.isDelaying(name);
    if (isDelayed) await this.delayed();
    for (const pattern of bindingsOf(name, options)) {
      await this.#ask(what, (it) => it.bindQueue(name, exchange.name, pattern));
      if (!isDelayed) continue;
      await this.#ask(what, (it) => it.bindExchange(exchange.name, deliveryExchange, anyDelay(pattern)));
      await this.#ask(what, (it) => it.bindQueue(name, exchange.name, anyDelay(pattern)));
    }
  }

  async #declareDelayed(): Promise<void> {
    const what = "declaring the queues of delayed tasks";
    const { delayedDelivery: first } = this.#settings;
    const other = first === "quorum" ? "classic" : "quorum";
    const channel = new OwnChannel(this.#connection, { kind: "plain" });
    try {
      await declareDelayed(
        (call) => channel.ask(what, call),
        async (name, level) => {
          for (const type of [first, other] as const) {
            try {
              await channel.ask(what, (it) => it.assertQueue(name, levelOptions(level, type)));
              return;
            } catch (error) {
              if (![403, 406].includes(refusalCode((error as Error).cause) ?? 0)) throw error;
            }
          }
          await channel.ask(what, (it) => it.checkQueue(name));
        },
      );
    } finally {
      await channel.close();
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
