/**
 * The Celery engine over RabbitMQ under test: on a private RabbitMQ, whose queues are removed between tests. Results are
 * RabbitMQ's own, by rpc, or in a Redis where `redisPort` says so.
 *
 * @module
 */
import { connect, type Channel, type ChannelModel } from "amqplib";
import { Redis } from "ioredis";
import type { Engine } from "../../src/engine.ts";
import { celery, type CeleryOptions } from "../../src/engine/celery.ts";
import type { Json } from "../../src/message.ts";
import { noOwnRabbitmq, startOwnRabbitmq } from "../services/rabbitmq.ts";
import type { EngineStore } from "./engine-store.ts";

/** What {@link open} takes: the server, and what else `celery()` does. */
export interface CeleryRabbitmqConfig extends Omit<CeleryOptions, "broker" | "results"> {
  readonly url: string;
  readonly redisPort?: number;
}

/** Why it cannot be tested here; undefined where it can. */
export const missing: string | undefined = noOwnRabbitmq;

/** The queues of the contract, and the engine's own. */
const queues = [
  "default",
  "other",
  "poison",
  "a",
  "b",
  "c",
  "even",
  "odd",
  "petiole.kept",
  "petiole.kept.lock",
];

/** A RabbitMQ of its own. */
export async function start(): Promise<EngineStore> {
  const { url, port, pid, restart, stop } = await startOwnRabbitmq();
  const emptier = new Emptier(url);
  return {
    config: { url },
    port,
    through: (other) => ({ url: url.replace(`:${port}`, `:${other}`) }),
    pid,
    restart,
    async fresh() {
      await emptier.empty();
      return { url };
    },
    async close() {
      await emptier.close();
      await stop();
    },
  };
}

/** Removes the queues, by one connection for all tests; another where the server was started again. */
class Emptier {
  readonly #url: string;
  #open: Promise<{ readonly connection: ChannelModel; readonly channel: Channel }> | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async empty(): Promise<void> {
    this.#open ??= this.#connect().catch((error: unknown) => {
      this.#open = undefined;
      throw error;
    });
    const { channel } = await this.#open;
    await Promise.all(queues.map((queue) => channel.deleteQueue(queue)));
  }

  async close(): Promise<void> {
    const open = await this.#open;
    this.#open = undefined;
    await open?.connection.close();
  }

  async #connect() {
    const connection = await connect(this.#url);
    const lost = (): void => void (this.#open = undefined);
    connection.on("error", lost).on("close", lost);
    return { connection, channel: await connection.createChannel() };
  }
}

/** An engine by connections of its own. */
export function open(config: Json): Engine {
  const { url, redisPort, ...options } = config as unknown as CeleryRabbitmqConfig;
  return celery({
    broker: () => connect(url),
    ...(redisPort !== undefined && { results: new Redis(redisPort, "127.0.0.1", { lazyConnect: true }) }),
    dialect: "exact",
    ...options,
  });
}
