/**
 * The parts on the transport that the options name.
 *
 * @module
 */
import { AmqpBroker } from "./amqp/broker.ts";
import { AmqpConnection } from "./amqp/connection.ts";
import { AmqpKept } from "./amqp/kept.ts";
import { RpcResults } from "./amqp/rpc.ts";
import type { Results } from "./broker.ts";
import type { Settings } from "./options.ts";
import { endOf, metaOf, pythonResult, type TaskEnd } from "./protocol/result.ts";
import { RedisBroker } from "./redis/broker.ts";
import { RedisKept } from "./redis/kept.ts";
import { RedisResults } from "./redis/results.ts";
import type { Parts } from "./store.ts";

/** Makes the parts. They connect when they are opened. */
export function partsOf(settings: Settings): Parts {
  const { broker, keyPrefix, pollInterval, timeout, queues, delayedDelivery, results } = settings;
  const { events, sentEvents } = settings;
  const chords = results !== false && results !== "rpc";
  const protocol = { ...settings.protocol, chords, fanouts: !("redis" in broker) };
  const shared = { protocol, pollInterval, events, sentEvents, queues };
  const { hostname } = protocol;
  if ("redis" in broker) {
    const own = { ...settings, keyPrefix, hostname };
    return {
      ...shared,
      broker: new RedisBroker(broker.redis, own),
      kept: new RedisKept(broker.redis, own),
      results: resultsOf(settings, undefined),
    };
  }
  const connection = new AmqpConnection(broker.amqp, { timeout });
  return {
    ...shared,
    broker: new AmqpBroker(connection, { hostname, queues, delayedDelivery }),
    kept: new AmqpKept(connection),
    results: resultsOf(settings, connection),
  };
}

function resultsOf(settings: Settings, connection: AmqpConnection | undefined): Results | undefined {
  const { results, protocol, resultExpires } = settings;
  if (results === false) return undefined;
  const write = (end: TaskEnd): string => metaOf(end, protocol);
  const read = (text: string): TaskEnd | undefined => endOf(text);
  const resultOf = (end: TaskEnd): string => pythonResult(end, protocol);
  if (results !== "rpc") return new RedisResults(results.redis, settings, { write, read, resultOf });
  // The options are refused where there is none.
  return connection && new RpcResults(connection, { toText: write, fromText: read, resultExpires });
}
