/**
 * What became of malformed messages at a worker of Celery's that has the Python package.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { connect, type ConsumeMessage } from "amqplib";
import { Redis } from "ioredis";

/** What a test looks at to know that none is lost. */
export interface PythonOutcomes {
  /** The markers of all that ran, was kept, or was told to its caller. */
  read(): Promise<ReadonlySet<string>>;
  close(): Promise<void>;
}

/**
 * The outcomes of the tasks of a queue.
 *
 * @param marks the file that the task writes into
 * @param broker the URL of the broker that keeps what cannot be decoded
 * @param results the URL of the Redis that has the results
 */
export async function pythonOutcomes(
  queue: string,
  marks: string,
  broker: string,
  results: string,
): Promise<PythonOutcomes> {
  const client = new Redis(results);
  const found = new Set<string>();
  const parked = broker.startsWith("redis:")
    ? parkedInRedis(client, `${queue}.parked`)
    : await parkedInRabbitmq(broker.replace(/^pyamqp:/, "amqp:"), `${queue}.parked`);
  return {
    async read() {
      const ran = existsSync(marks) ? readFileSync(marks, "utf8") : "";
      for (const text of [ran, ...(await client.keys("celery-task-meta-*")), ...(await parked.more())])
        for (const [marker] of text.matchAll(/case-\d{4}|after/g)) found.add(marker);
      return found;
    },
    async close() {
      client.disconnect();
      await parked.close();
    },
  };
}

interface Parked {
  /** What came since. */
  more(): Promise<readonly string[]>;
  close(): Promise<void>;
}

function parkedInRedis(client: Redis, list: string): Parked {
  let known = 0;
  return {
    async more() {
      // New ones come first.
      const envelopes = await client.lrange(list, 0, -1 - known);
      known += envelopes.length;
      return envelopes.map((text) => {
        const { body, headers } = JSON.parse(text) as { readonly body: string; readonly headers: unknown };
        return `${JSON.stringify(headers)} ${Buffer.from(body, "base64").toString()}`;
      });
    },
    close: async () => undefined,
  };
}

async function parkedInRabbitmq(url: string, queue: string): Promise<Parked> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { durable: true });
  const texts: string[] = [];
  const take = (message: ConsumeMessage | null): void => {
    if (message === null) return;
    texts.push(`${JSON.stringify(message.properties.headers)} ${message.content.toString()}`);
  };
  await channel.consume(queue, take, { noAck: true });
  return { more: async () => texts.splice(0), close: () => connection.close() };
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
    (typeof whole["body"] === "string" ? whole["body"].length % 4 === 0 : !isTrue(whole["body"]))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As Python has it. */
function isTrue(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
