/**
 * What {@link celery} takes.
 *
 * @module
 */
import { randomInt } from "node:crypto";
import { hostname as machine } from "node:os";
import { PetioleError, checkNames, describe } from "../../errors.ts";
import { refuseSpans } from "../shared/milliseconds.ts";
import { isOtherRedis, isRedisClient, refuseInvalidClient, type ClientTaker } from "../shared/redis.ts";
import type { RedisClientLike } from "../shared/redis/like.ts";
import type { AmqpSource } from "./amqp/like.ts";
import type { EventMode } from "./events/sender.ts";
import type { ProtocolSettings, TaskProtocol } from "./protocol/settings.ts";
import { checkedQueues, type CeleryQueueOptions, type CeleryQueues } from "./queue-options.ts";

/** What is agreed about a task with the other language. Times in milliseconds. */
export interface CeleryTaskOptions extends TaskProtocol {}

/** How {@link celery} behaves. Times in milliseconds. */
export interface CeleryOptions {
  /**
   * Celery's broker: your client of Redis, of ioredis or node-redis, or your connection to RabbitMQ by amqplib, best a
   * function that makes one: `() => connect("amqp://localhost")`. It is called again when the connection was lost.
   */
  readonly broker: RedisClientLike | AmqpSource;
  /**
   * Celery's result backend: a client of Redis, `"rpc"` with RabbitMQ, or false for none: then nobody can wait for a
   * result. Default: the broker where that is Redis, else `"rpc"`.
   */
  readonly results?: RedisClientLike | "rpc" | false;
  /** Kombu's `global_keyprefix`: what all keys of Redis begin with. Default: none. */
  readonly keyPrefix?: string;
  /**
   * The same of Celery's result backend, the `global_keyprefix` of its `result_backend_transport_options`. As there, one
   * that ends in none of `:_-.` gets a `_`. Default: `keyPrefix`.
   */
  readonly resultKeyPrefix?: string;
  /**
   * Celery's `visibility_timeout` on Redis: the same as of all other workers on this database. A worker of another
   * language has a task for so long without an acknowledgement before others get it. Default: 1 hour.
   */
  readonly visibilityTimeout?: number;
  /** Celery's `result_expires`: how long a result is kept, unless the task's `keep` says otherwise. Default: 24 hours. */
  readonly resultExpires?: number;
  /**
   * What payloads and results are written in. `portable`: what a Celery worker decodes with no help; whatever it could not
   * is refused at the send. `exact`: everything that Petiole has, where Python has the package `petiole` or takes no part.
   * An app's own `dialect` takes its place. Default: `portable`.
   */
  readonly dialect?: "portable" | "exact";
  /** What is agreed about tasks, by their names. */
  readonly tasks?: Readonly<Record<string, CeleryTaskOptions>>;
  /**
   * The Python classes that errors are raised as there, by the error's `name`: `{ OutOfStock: "shop.errors.OutOfStock" }`. A
   * class inside another is told from a module by a colon: `"shop.models:Stock.Empty"`.
   */
  readonly exceptions?: Readonly<Record<string, string>>;
  /** The name of this process among Celery's workers. Default: `petiole-<process id>-<four digits>@<machine>`. */
  readonly hostname?: string;
  /**
   * What is told to those who watch, such as Flower. `true`: how each task fares, as a worker of Celery's started with
   * `-E`. `false`: nothing. Unless told: that the workers of this process are there; and how their tasks fare, once
   * somebody has asked for it by Celery's remote control (`enable_events`), as Flower does.
   */
  readonly events?: boolean;
  /** Whether this process tells what it sends, as Celery's `task_send_sent_event`. Default: false. */
  readonly sentEvents?: boolean;
  /** How queues are declared, bound and reached, by their names: Celery's `task_queues`. Default: as Celery does unless told. */
  readonly queues?: Readonly<Record<string, CeleryQueueOptions>>;
  /**
   * Celery's `broker_native_delayed_delivery_queue_type`: what the queues of RabbitMQ are in which tasks for a quorum queue
   * wait for their time. Those that are there are used as they are. Default: `quorum`.
   */
  readonly delayedDelivery?: "quorum" | "classic";
  /** How long a call waits for a server that cannot be reached; then `ERR_ENGINE_UNREACHABLE`. Default: 10 seconds. */
  readonly timeout?: number;
  /** How often to look for what no message has told of. Default: 1 second. */
  readonly pollInterval?: number;
}

/** The options with their defaults. */
export interface Settings {
  readonly broker: { readonly redis: RedisClientLike } | { readonly amqp: AmqpSource };
  readonly results: { readonly redis: RedisClientLike } | "rpc" | false;
  readonly keyPrefix: string;
  readonly resultPrefix: string;
  readonly visibilityTimeout: number;
  readonly resultExpires: number;
  readonly dialect: "portable" | "exact";
  readonly timeout: number;
  readonly pollInterval: number;
  readonly events: EventMode;
  readonly sentEvents: boolean;
  readonly queues: CeleryQueues;
  readonly delayedDelivery: "quorum" | "classic";
  readonly protocol: ProtocolSettings;
}

const names: Readonly<Record<keyof CeleryOptions, true>> = {
  broker: true,
  results: true,
  keyPrefix: true,
  resultKeyPrefix: true,
  visibilityTimeout: true,
  resultExpires: true,
  dialect: true,
  tasks: true,
  exceptions: true,
  hostname: true,
  events: true,
  sentEvents: true,
  queues: true,
  delayedDelivery: true,
  timeout: true,
  pollInterval: true,
};

/** The options with their defaults. Throws for those that cannot be. */
export function settingsOf(options: CeleryOptions): Settings {
  const given: unknown = options;
  if (typeof given !== "object" || given === null)
    throw invalid(
      `needs { broker }, a client of Redis or a connection to RabbitMQ; it got ${describe(given)}.`,
    );
  checkNames("The options of celery()", options, names);
  const broker = brokerOf(options.broker);
  const { keyPrefix = "", dialect = "portable" } = options;
  const { resultKeyPrefix = keyPrefix } = options;
  for (const [name, prefix] of Object.entries({ keyPrefix, resultKeyPrefix }))
    if (typeof prefix !== "string" || !prefix.isWellFormed())
      throw invalid(`${name} is a text such as "shop:"; it got ${describe(prefix)}.`);
  if (dialect !== "portable" && dialect !== "exact")
    throw invalid(`dialect is "portable" or "exact"; it got ${describe(dialect)}.`);
  refuseSpans("celery()", options, {
    visibilityTimeout: { least: 1000, isTimer: true },
    resultExpires: { least: 0, isTimer: false },
    timeout: { least: 1, isTimer: true },
    pollInterval: { least: 10, isTimer: true },
  });
  for (const name of ["events", "sentEvents"] as const)
    if (options[name] !== undefined && typeof options[name] !== "boolean")
      throw invalid(`${name} is true or false; it got ${describe(options[name])}.`);
  const { events, sentEvents = false } = options;
  const { queues = {}, delayedDelivery = "quorum" } = options;
  if (delayedDelivery !== "quorum" && delayedDelivery !== "classic")
    throw invalid(`delayedDelivery is "quorum" or "classic"; it got ${describe(delayedDelivery)}.`);
  const hostname = hostnameOf(options.hostname);
  return {
    broker,
    results: resultsOf(options.results, broker),
    keyPrefix,
    // As Celery's result backend writes it; Kombu's brokers take the prefix as it is.
    resultPrefix: /[^:_.-]$/.test(resultKeyPrefix) ? `${resultKeyPrefix}_` : resultKeyPrefix,
    visibilityTimeout: options.visibilityTimeout ?? 3_600_000,
    resultExpires: options.resultExpires ?? 86_400_000,
    dialect,
    timeout: options.timeout ?? 10_000,
    pollInterval: options.pollInterval ?? 1000,
    events: events === undefined ? "worker" : events ? "task" : "none",
    sentEvents,
    queues: checkedQueues(queues, "redis" in broker ? "Redis" : "RabbitMQ"),
    delayedDelivery,
    protocol: {
      hostname,
      origin: hostname,
      tasks: tasksOf(options.tasks ?? {}),
      exceptions: exceptionsOf(options.exceptions ?? {}),
    },
  };
}

function brokerOf(value: unknown): Settings["broker"] {
  if (isAmqp(value)) return { amqp: value };
  if (isOtherRedis(value)) refuseInvalidClient(takerOf("broker"), value);
  if (!isRedisClient(value)) {
    throw invalid(
      "broker is a client of Redis (new Redis() of ioredis, createClient() of redis), or a connection to RabbitMQ " +
        `(connect() of amqplib, or a function that calls it); it got ${describe(value)}.`,
    );
  }
  refuseInvalidClient(takerOf("broker"), value);
  return { redis: value };
}

function isAmqp(value: unknown): value is AmqpSource {
  if (typeof value === "function") return true;
  return (
    typeof value === "object" &&
    value !== null &&
    "createConfirmChannel" in value &&
    typeof value.createConfirmChannel === "function"
  );
}

function resultsOf(value: unknown, broker: Settings["broker"]): Settings["results"] {
  if (value === undefined) return "redis" in broker ? broker : "rpc";
  if (value === false) return false;
  if (value === "rpc") {
    if ("amqp" in broker) return value;
    throw invalid(
      'results can be "rpc" with RabbitMQ alone. Leave it out: results are kept in the broker\'s Redis.',
    );
  }
  if (isOtherRedis(value)) refuseInvalidClient(takerOf("results"), value);
  if (!isRedisClient(value))
    throw invalid(`results is a client of Redis, "rpc" or false; it got ${describe(value)}.`);
  refuseInvalidClient(takerOf("results"), value);
  return { redis: value };
}

function takerOf(option: string): ClientTaker {
  return {
    place: `celery(): ${option}`,
    system: "Celery",
    prefixAdvice:
      "Hand in a client without it, and say `keyPrefix` to celery(): it is Kombu's global_keyprefix.",
  };
}

function hostnameOf(value: unknown): string {
  // Joined, for it is in the headers of every message: a text that stays in pieces takes `JSON.stringify` twice as long.
  if (value === undefined)
    return ["petiole-", process.pid, "-", randomInt(1000, 10_000), "@", machine()].join("");
  if (typeof value === "string" && /^[\w.@-]{1,200}$/.test(value)) return value;
  throw invalid(`hostname is a name such as "mailer@shop1"; it got ${describe(value)}.`);
}

const checks: Readonly<Record<keyof TaskProtocol, readonly [expected: string, (value: unknown) => boolean]>> =
  {
    positional: [
      "the names of properties, each once",
      (value) =>
        Array.isArray(value) &&
        value.every((name) => typeof name === "string") &&
        new Set(value).size === value.length,
    ],
    queue: ["a queue's name", (value) => typeof value === "string" && value !== ""],
    priority: ["a whole number from 0 to 9", (value) => Number.isInteger(value) && inRange(value as number)],
    timeLimit: ["milliseconds, more than 0", isSpan],
    softTimeLimit: ["milliseconds, more than 0", isSpan],
    compression: ['"zlib"', (value) => value === "zlib"],
    ignoreResult: ["true or false", (value) => typeof value === "boolean"],
  };

function inRange(value: number): boolean {
  return value >= 0 && value <= 9;
}

function isSpan(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

function tasksOf(tasks: unknown): ProtocolSettings["tasks"] {
  for (const [task, options] of entriesOf("tasks", tasks)) {
    for (const [name, value] of entriesOf(`tasks["${task}"]`, options)) {
      const place = `tasks["${task}"].${name}`;
      if (!Object.hasOwn(checks, name))
        throw invalid(`${place} is none of ${Object.keys(checks).join(", ")}.`);
      const [expected, isRight] = checks[name as keyof TaskProtocol];
      if (value !== undefined && !isRight(value))
        throw invalid(`${place} is ${expected}; it got ${describe(value)}.`);
    }
  }
  return tasks as ProtocolSettings["tasks"];
}

/** A module's dotted name, and a class in it: by a dot, or by a colon and then by the classes that it is in. */
const pythonClass = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|:(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)$/;

function exceptionsOf(exceptions: unknown): ProtocolSettings["exceptions"] {
  for (const [name, path] of entriesOf("exceptions", exceptions)) {
    if (typeof path !== "string" || !pythonClass.test(path))
      throw invalid(
        `exceptions.${name} is a class of Python's, "shop.errors.OutOfStock", or "shop.models:Stock.Empty" where it is inside ` +
          `another one; it got ${describe(path)}.`,
      );
  }
  return exceptions as ProtocolSettings["exceptions"];
}

function entriesOf(place: string, value: unknown): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`${place} is an object; it got ${describe(value)}.`);
  return Object.entries(value);
}

function invalid(message: string): PetioleError {
  return new PetioleError("ERR_OPTION_INVALID", `celery(): ${message}`);
}
