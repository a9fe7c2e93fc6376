import type { Capabilities, EngineFeature } from "../../engine.ts";

/** Where it differs between the brokers, and by where results are kept. */
type Lacks = Readonly<Partial<Record<EngineFeature, string>>>;

/** What Celery's protocol has nothing for, over whichever broker. */
const protocolLacks: Lacks = {
  records:
    "Celery keeps no record of a task until it has ended: find and list know of ends, and of what waits for a person",
  knownIds:
    "Celery's queues do not look at ids: a send that is repeated may send again. Make the handler safe to repeat",
  priority:
    "a priority of Celery's is one of ten, and its order differs between brokers: say it in that order, ...celeryOptions({ priority: 6 })",
  limits:
    "Celery's limits hold for each worker alone. Give the task a queue of its own, and a worker with that concurrency",
  uniqueKeys: "Celery has no keys. Make the handler safe to repeat, or hold a key in your own database",
  pause: "Celery pauses a worker, not a queue: stop the workers that take from it",
  reports: "Celery keeps nothing that a run tells. Write it to your own database",
  needs:
    "a worker of Celery's takes every task of its queues: what it does not know is parked for a person. Start the newer workers first",
  sameDatabase: "its broker takes no part in a transaction of your database; use the outbox",
};

const rabbitmqLacks: Lacks = {
  atomicBatch:
    "RabbitMQ accepts messages one by one: when it goes away in the middle, the first may have been accepted",
  place:
    "RabbitMQ has no way to put a message at the front of a queue: what is handed back, or was lost, goes to the end",
  lastingLeases: "RabbitMQ gives what a connection holds to others when that connection is lost",
};

const rpcLacks: Lacks = {
  sharedEnds:
    'a result by "rpc" goes to the process that sent the task alone. Keep results in Redis: results: redis',
};

/** Where nothing keeps results. */
export const noResultsLacks: Lacks = {
  sharedEnds:
    "nothing keeps results, as its option says, so that no process learns how a task ended. Say results: redis",
};

/** Over Redis. */
export const capabilities: Capabilities = { durable: true, shared: true, lacks: protocolLacks };

/** Over RabbitMQ. */
export const rabbitmqCapabilities: Capabilities = {
  durable: true,
  shared: true,
  lacks: { ...protocolLacks, ...rabbitmqLacks, ...rpcLacks },
};

/** What it can do, by its broker, and with an option beyond that. */
export const brokers: Readonly<
  Record<
    string,
    { readonly capabilities: Capabilities; readonly variants: Readonly<Record<string, Capabilities>> }
  >
> = {
  Redis: { capabilities, variants: {} },
  RabbitMQ: {
    capabilities: rabbitmqCapabilities,
    variants: { results: { ...rabbitmqCapabilities, lacks: { ...protocolLacks, ...rabbitmqLacks } } },
  },
};

/** What an engine of this broker and these results can do. */
export function capabilitiesOf(
  broker: "Redis" | "RabbitMQ",
  results: "redis" | "rpc" | "none",
  dialect: "portable" | "exact",
): Capabilities {
  const lacks = {
    ...protocolLacks,
    ...(broker === "RabbitMQ" && rabbitmqLacks),
    ...(results === "rpc" && rpcLacks),
    ...(results === "none" && noResultsLacks),
  };
  return { durable: true, shared: true, lacks, ...(dialect === "portable" && { dialect }) };
}
