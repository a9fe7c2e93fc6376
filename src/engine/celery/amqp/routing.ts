/**
 * Where a message is published: to its queue, to that one's exchange, or to where it waits for its time.
 *
 * @module
 */
import type { CeleryMessage } from "../protocol/message.ts";
import { parseTime } from "../protocol/times.ts";
import { queueOptions, type CeleryQueues, type Route } from "../queue-options.ts";
import { delayedExchange, delayedKey, ownKeyOf } from "./delayed-delivery.ts";

/** A {@link Route}, and what has to be there for it. */
export interface Target extends Route {
  /** The queue to be declared before; undefined where the sender has named an exchange. */
  readonly queue?: string;
  readonly isDelayed: boolean;
}

/** Finds out where messages go. */
export class Routing {
  readonly queues: CeleryQueues;
  /** As in Celery, one quorum queue makes everything that is not direct be delayed by RabbitMQ. */
  readonly #delays: boolean;
  /** The exchanges of which what is delayed comes back to: they are bound to the delivery of it. */
  readonly #indirect: ReadonlySet<string>;

  constructor(queues: CeleryQueues) {
    this.queues = queues;
    const all = Object.values(queues);
    this.#delays = all.some(({ type }) => type === "quorum");
    this.#indirect = new Set(
      all.flatMap(({ exchange }) => (exchange && isIndirect(exchange) ? [exchange.name] : [])),
    );
  }

  /** Whether RabbitMQ itself delays what is for a queue. */
  isDelaying(queue: string): boolean {
    const options = queueOptions(this.queues, queue);
    if (options === undefined || !this.#delays) return false;
    return options.type === "quorum" || (options.exchange !== undefined && isIndirect(options.exchange));
  }

  /** @param now epoch milliseconds */
  of({ queue, route, isAgain, headers }: CeleryMessage, now: number): Target {
    const eta = headers["eta"];
    const time = typeof eta === "string" ? parseTime(eta) : undefined;
    const wait = time === undefined ? 0 : time - now;
    if (route !== undefined) return this.#toRoute(route, wait);
    const exchange = queueOptions(this.queues, queue)?.exchange;
    // What was in the queue goes there alone: others that are bound to its exchange have their own.
    const isShared = exchange !== undefined && isAgain !== true;
    const direct = isShared
      ? { exchange: exchange.name, routingKey: queueOptions(this.queues, queue)?.routingKey ?? queue }
      : { exchange: "", routingKey: queue };
    if (this.isDelaying(queue)) {
      const isTheirs = isShared && isIndirect(exchange);
      const routingKey = delayedKey(wait, isTheirs ? direct.routingKey : ownKeyOf(queue));
      if (routingKey !== undefined) return { queue, exchange: delayedExchange, routingKey, isDelayed: true };
    }
    return { queue, ...direct, isDelayed: false };
  }

  #toRoute(route: Route, wait: number): Target {
    const isDelayed = this.#delays && this.#indirect.has(route.exchange);
    const routingKey = isDelayed ? delayedKey(wait, route.routingKey) : undefined;
    return routingKey === undefined
      ? { ...route, isDelayed: false }
      : { exchange: delayedExchange, routingKey, isDelayed: true };
  }
}

/** Whether messages for one of its queues may be for others too; of those alone Celery delays what it publishes. */
function isIndirect({ type = "direct" }: { readonly type?: string }): boolean {
  return type !== "direct";
}
