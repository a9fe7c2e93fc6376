/**
 * Celery's brokers, as both languages reach them.
 *
 * @module
 */
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { celery, type CeleryOptions } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { noPython } from "../services/python.ts";
import { noOwnRabbitmq, startOwnRabbitmq } from "../services/rabbitmq.ts";
import { noOwnRedis, startOwnRedis } from "../services/redis.ts";
import type { SitePlaces } from "./site.ts";

/** A broker that runs, and what reaches it. */
export interface RunningBroker {
  /** The same, for Celery. */
  readonly places: SitePlaces;
  /** An engine on it, which the test closes. */
  readonly engine: (options?: Omit<CeleryOptions, "broker" | "results">) => Engine;
  /** The broker, as `celeryControl` and `celeryEvents` take it. */
  readonly source: () => CeleryOptions["broker"];
  readonly restart: (downFor?: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A broker of one kind. */
export interface BrokerKind {
  readonly name: string;
  /** Why it cannot be tested here; undefined where it can. */
  readonly missing: string | undefined;
  readonly start: () => Promise<RunningBroker>;
}

const redis: BrokerKind = {
  name: "Redis",
  missing: noPython ?? noOwnRedis,
  async start() {
    const server = await startOwnRedis({ durable: true });
    const clients: Redis[] = [];
    const places = { broker: `${server.url}/0`, backend: `${server.url}/0` };
    const source = (): Redis => {
      const broker = new Redis(server.port, "127.0.0.1", { lazyConnect: true });
      broker.on("error", () => undefined);
      clients.push(broker);
      return broker;
    };
    return {
      places,
      source,
      engine: (options = {}) => celery({ broker: source(), ...options }),
      restart: server.restart,
      async close() {
        for (const client of clients) client.disconnect();
        await server.stop();
      },
    };
  },
};

const rabbitmq: BrokerKind = {
  name: "RabbitMQ",
  missing: noPython ?? noOwnRabbitmq,
  async start() {
    const server = await startOwnRabbitmq();
    return {
      places: { broker: server.url.replace(/^amqp:/, "pyamqp:"), backend: "rpc://" },
      source: () => () => connect(server.url),
      engine: (options = {}) => celery({ broker: () => connect(server.url), ...options }),
      restart: server.restart,
      close: server.stop,
    };
  },
};

/** All kinds. */
export const brokers: readonly BrokerKind[] = [redis, rabbitmq];

/** The same broker, with results in a Redis of their own: closing it leaves the broker open. */
export async function withResultsInRedis(broker: RunningBroker): Promise<RunningBroker> {
  const server = await startOwnRedis();
  const clients: Redis[] = [];
  return {
    ...broker,
    places: { ...broker.places, backend: `${server.url}/0` },
    engine(options = {}) {
      const results = new Redis(server.port, "127.0.0.1", { lazyConnect: true });
      clients.push(results);
      return celery({ broker: broker.source(), results, ...options });
    },
    async close() {
      for (const client of clients) client.disconnect();
      await server.stop();
    },
  };
}
