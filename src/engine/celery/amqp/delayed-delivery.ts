/**
 * Celery's native delayed delivery: messages that wait for their time in queues of RabbitMQ's own, and in no worker.
 *
 * There are 28 queues, each of which holds a message for twice as long as the next one: a second, two, four. A message's
 * routing key begins with the 28 bits of its delay, and says of each level whether it waits there or passes by. What has
 * passed all of them comes to the exchange `celery_delayed_delivery`, to which the queues, or their exchanges, are bound.
 *
 * Source: `kombu/transport/native_delayed_delivery.py`
 *
 * @module
 */
import type { AmqpChannelLike, AmqpQueueOptions } from "./like.ts";

/** The levels, and so the bits of the longest delay: more than eight years of seconds. */
const levels = 28;

/** The exchange that a delayed message is published to. */
export const delayedExchange = levelName(levels - 1);

/** The exchange that it comes to when its time has come. */
export const deliveryExchange = "celery_delayed_delivery";

/** The longest delay, in whole seconds. */
const longest = 2 ** levels - 1;

/** The longest routing key of AMQP, in bytes. */
const longestKey = 255;

/** Kombu's kinds of them; Celery's setting `broker_native_delayed_delivery_queue_type`. */
export type DelayedQueueType = "quorum" | "classic";

function levelName(level: number): string {
  return `celery_delayed_${level}`;
}

/**
 * What a message is published with that is to be delayed; undefined where it cannot be.
 *
 * @param milliseconds until its time; it arrives within the last second before it, or long before it is over
 */
export function delayedKey(milliseconds: number, routingKey: string): string | undefined {
  const seconds = Math.min(Math.floor(milliseconds / 1000), longest);
  if (!(seconds >= 1) || routingKey === "") return undefined;
  const key = `${[...seconds.toString(2).padStart(levels, "0")].join(".")}.${routingKey}`;
  return Buffer.byteLength(key) <= longestKey ? key : undefined;
}

/** What a delayed message for one queue alone is published with, whatever else is bound to that queue's exchange. */
export function ownKeyOf(queue: string): string {
  // In a pattern these would stand for words, or part them: what is for "eu.orders" is not for "orders".
  return `${encodeURIComponent(queue).replaceAll("*", "%2A").replaceAll(".", "%2E")}.petiole-queue`;
}

/** The pattern that lets everything with this routing key through, whatever its delay. */
export function anyDelay(routingKey: string): string {
  return routingKey.startsWith("#") ? routingKey : `#.${routingKey}`;
}

/** How the queue of a level is declared: as Kombu does, to the letter. */
export function levelOptions(level: number, type: DelayedQueueType): AmqpQueueOptions {
  return {
    durable: true,
    arguments: {
      "x-queue-type": type,
      "x-overflow": "reject-publish",
      "x-message-ttl": 2 ** level * 1000,
      "x-dead-letter-exchange": level > 0 ? levelName(level - 1) : deliveryExchange,
      ...(type === "quorum" && { "x-dead-letter-strategy": "at-least-once" }),
    },
  };
}

/**
 * Declares all of it. What is there already is left as it is.
 *
 * @param ask does one thing with a channel, and waits for it
 * @param queue declares the queue of a level
 */
export async function declareDelayed(
  ask: (call: (channel: AmqpChannelLike) => Promise<unknown>) => Promise<unknown>,
  queue: (name: string, level: number) => Promise<void>,
): Promise<void> {
  const exchange = (name: string) => ask((it) => it.assertExchange(name, "topic", { durable: true }));
  for (let level = levels - 1; level >= 0; level--) {
    const name = levelName(level);
    await exchange(name);
    await queue(name, level);
    await ask((it) => it.bindQueue(name, name, `${"*.".repeat(levels - 1 - level)}1.#`));
  }
  await exchange(deliveryExchange);
  for (let level = levels - 1; level >= 0; level--) {
    const next = level > 0 ? levelName(level - 1) : deliveryExchange;
    const passes = `${"*.".repeat(levels - 1 - level)}0.#`;
    await ask((it) => it.bindExchange(next, levelName(level), passes));
  }
}
