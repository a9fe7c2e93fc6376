/**
 * What became of malformed messages at a worker of Celery's that has the Python package.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { connect } from "amqplib";
import { Redis } from "ioredis";

/** What a test looks at to know that none is lost. */
export interface PythonOutcomes {
  /** All that ran, was kept, or was told to its caller, as one text. */
  read(): Promise<string>;
  close(): Promise<void>;
}

/**
 * The outcomes of the tasks of a queue.
 *
 * @param marks the file that the task writes into
 * @param broker the URL of the broker that keeps what cannot be decoded
 * @param results the URL of the Redis that has the results
 */
export function pythonOutcomes(
  queue: string,
  marks: string,
  broker: string,
  results: string,
): PythonOutcomes {
  const client = new Redis(results);
  const parked = broker.startsWith("redis:")
    ? () => parkedInRedis(client, `${queue}.parked`)
    : parkedInRabbitmq(broker.replace(/^pyamqp:/, "amqp:"), `${queue}.parked`);
  return {
    async read() {
      const ran = existsSync(marks) ? readFileSync(marks, "utf8") : "";
      return [ran, ...(await client.keys("celery-task-meta-*")), ...(await parked())].join("\n");
    },
    close: async () => client.disconnect(),
  };
}

async function parkedInRedis(client: Redis, list: string): Promise<readonly string[]> {
  const envelopes = await client.lrange(list, 0, -1);
  return envelopes.map((text) => {
    const { body } = JSON.parse(text) as { readonly body: string };
    return `${text} ${Buffer.from(body, "base64").toString()}`;
  });
}

/** Takes them all out: what was read is remembered. */
function parkedInRabbitmq(url: string, queue: string): () => Promise<readonly string[]> {
  const taken: string[] = [];
  return async () => {
    const connection = await connect(url);
    try {
      const channel = await connection.createChannel();
      await channel.assertQueue(queue, { durable: true });
      for (;;) {
        const message = await channel.get(queue, { noAck: true });
        if (message === false) return taken;
        taken.push(`${JSON.stringify(message.properties.headers)} ${message.content.toString()}`);
      }
    } finally {
      await connection.close();
    }
  };
}

/**
 * Whether Kombu's transport makes a message of a text in a list of Redis. What it does not is fatal to a worker before
 * anything of Celery's, or of ours, sees it.
 */
export function isEnvelope(text: string | Uint8Array): boolean {
  let whole: unknown;
  try {
    whole = JSON.parse(text.toString().replaceAll("NaN", "0"));
  } catch {
    return false;
  }
  if (!isObject(whole) || !isObject(whole["properties"])) return false;
  const { delivery_info: info, delivery_tag: tag, body_encoding: encoding } = whole["properties"];
  return (
    isObject(info) &&
    "exchange" in info &&
    "routing_key" in info &&
    typeof tag === "string" &&
    (encoding === "base64" || encoding === undefined || encoding === null) &&
    (isObject(whole["headers"]) || !isTrue(whole["headers"])) &&
    (typeof whole["body"] === "string" || !isTrue(whole["body"]))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As Python has it. */
function isTrue(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
