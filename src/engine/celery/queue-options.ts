/**
 * How queues are declared and reached, where that is not as Celery does unless told.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";

/** An exchange. */
export interface CeleryExchange {
  /** As the broker knows it. */
  readonly name: string;
  /** Default: `direct`. */
  readonly type?: "direct" | "topic" | "fanout";
}

/**
 * How a queue is declared, bound and reached: what Celery is told by `task_queues`. A queue that is there already with
 * other arguments is used as it is.
 *
 * @example
 * // Queue("qt", Exchange("qt", "topic"), routing_key="qt", queue_arguments={"x-queue-type": "quorum"})
 * queues: { qt: { type: "quorum", exchange: { name: "qt", type: "topic" } } }
 */
export interface CeleryQueueOptions {
  /** RabbitMQ's kind of queue. Default: `classic`. */
  readonly type?: "classic" | "quorum";
  /** The exchange that its tasks are published to. Default: they go to the queue itself. */
  readonly exchange?: CeleryExchange;
  /** What its tasks are published with. Default: the queue's name. */
  readonly routingKey?: string;
  /** What it is bound to its exchange by; patterns, where that is a topic exchange. Default: the routing key. */
  readonly bindings?: readonly string[];
  /** Celery's `queue_arguments`: `{ "x-max-priority": 10 }`. For RabbitMQ alone, as is `type`. */
  readonly arguments?: Readonly<Record<string, string | number | boolean>>;
}

/** All of them, by name. */
export type CeleryQueues = Readonly<Record<string, CeleryQueueOptions>>;

/** Where a message is published. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/** What is told of a queue; undefined for one that nothing is told of. */
export function queueOptions(queues: CeleryQueues, name: string): CeleryQueueOptions | undefined {
  return Object.hasOwn(queues, name) ? queues[name] : undefined;
}

/** The patterns that a queue is bound by. */
export function bindingsOf(
  name: string,
  { routingKey = name, bindings }: CeleryQueueOptions,
): readonly string[] {
  return bindings ?? [routingKey];
}

type Check = readonly [expected: string, isRight: (value: unknown) => boolean];

/** As long as a name or a routing key of AMQP may be, in bytes. */
const longest = 255;

const key: Check = [`a text of at most ${longest} bytes`, isKey];

const checks: Readonly<Record<keyof CeleryQueueOptions, Check>> = {
  type: ['"classic" or "quorum"', (value) => value === "classic" || value === "quorum"],
  exchange: ['{ name, type }, its type "direct", "topic" or "fanout"', isExchange],
  routingKey: key,
  bindings: ["texts, each a routing key or a pattern", (value) => Array.isArray(value) && value.every(isKey)],
  arguments: ["an object of texts, numbers and booleans", isArguments],
};

/**
 * Checks them.
 *
 * @throws PetioleError `ERR_OPTION_INVALID`
 */
export function checkedQueues(queues: unknown, broker: "Redis" | "RabbitMQ"): CeleryQueues {
  if (!isRecord(queues)) throw invalid(`queues is an object; it got ${describe(queues)}.`);
  for (const [name, options] of Object.entries(queues)) {
    const place = `queues["${name}"]`;
    if (!isRecord(options)) throw invalid(`${place} is an object; it got ${describe(options)}.`);
    for (const [option, value] of Object.entries(options)) {
      if (!Object.hasOwn(checks, option))
        throw invalid(`${place}.${option} is none of ${Object.keys(checks).join(", ")}.`);
      const [expected, isRight] = checks[option as keyof CeleryQueueOptions];
      if (value !== undefined && !isRight(value))
        throw invalid(`${place}.${option} is ${expected}; it got ${describe(value)}.`);
      if (value !== undefined && broker === "Redis" && (option === "type" || option === "arguments"))
        throw invalid(`${place}.${option} is for RabbitMQ; a list of Redis has none. Leave it out.`);
    }
    if (broker === "Redis" && (options as CeleryQueueOptions).exchange?.type === "fanout")
      throw invalid(
        `${place}.exchange is a fanout; with Redis those reach only who listens. Use a topic exchange.`,
      );
    const { type, arguments: given, exchange, bindings, routingKey } = options as CeleryQueueOptions;
    if (given !== undefined && Object.hasOwn(given, "x-queue-type") && type !== given["x-queue-type"])
      throw invalid(`${place}.arguments["x-queue-type"] is said by its type: type: "quorum".`);
    if (exchange === undefined && (bindings !== undefined || routingKey !== undefined))
      throw invalid(`${place} has a routingKey or bindings, and no exchange that they are for.`);
  }
  return queues as CeleryQueues;
}

function isKey(value: unknown): boolean {
  return typeof value === "string" && value.isWellFormed() && Buffer.byteLength(value) <= longest;
}

function isExchange(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { name, type = "direct", ...others } = value;
  return (
    isKey(name) &&
    name !== "" &&
    ["direct", "topic", "fanout"].includes(type as string) &&
    Object.keys(others).length === 0
  );
}

function isArguments(value: unknown): boolean {
  return (
    isRecord(value) &&
    Object.values(value).every(
      (each) => typeof each === "string" || typeof each === "boolean" || Number.isFinite(each),
    )
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(message: string): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `celery(): ${message}`);
}
