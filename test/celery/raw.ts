/**
 * Messages put into a queue by hand, past every client that would write them as they should be.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { connect } from "amqplib";
import { Redis } from "ioredis";

/** A message, as far as both brokers have the same. What is undefined is left out. */
export interface RawMessage {
  readonly headers?: unknown;
  readonly body: string | Uint8Array;
  readonly contentType?: unknown;
  readonly contentEncoding?: unknown;
}

/** Puts messages into queues. */
export interface RawBroker {
  put(queue: string, message: RawMessage): Promise<void>;
  /** A text for a list of Redis, or what else is not to be said in a {@link RawMessage}. */
  putText?(queue: string, text: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** A connection to the broker of a URL. */
export async function openRaw(broker: string): Promise<RawBroker> {
  return broker.startsWith("redis:") ? rawRedis(broker) : rawRabbitmq(broker.replace(/^pyamqp:/, "amqp:"));
}

function rawRedis(url: string): RawBroker {
  const client = new Redis(url);
  const putText = async (queue: string, text: string | Uint8Array): Promise<void> => {
    await client.lpush(queue, typeof text === "string" ? text : Buffer.from(text));
  };
  return {
    putText,
    put: (queue, message) => putText(queue, envelope(queue, message)),
    close: async () => client.disconnect(),
  };
}

/** What lies in a list of Redis. */
export function envelope(
  queue: string,
  { headers, body, contentType, contentEncoding }: RawMessage,
  properties: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    body: Buffer.from(body).toString("base64"),
    "content-encoding": contentEncoding,
    "content-type": contentType,
    headers,
    properties: {
      delivery_mode: 2,
      delivery_info: { exchange: "", routing_key: queue },
      priority: 0,
      body_encoding: "base64",
      delivery_tag: randomUUID(),
      ...properties,
    },
  });
}

async function rawRabbitmq(url: string): Promise<RawBroker> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  return {
    async put(queue, { headers, body, contentType, contentEncoding }) {
      channel.publish("", queue, Buffer.from(body), {
        ...(headers !== undefined && { headers }),
        ...(contentType !== undefined && { contentType: contentType as string }),
        ...(contentEncoding !== undefined && { contentEncoding: contentEncoding as string }),
        deliveryMode: 2,
        mandatory: true,
      });
      await channel.waitForConfirms();
    },
    close: () => connection.close(),
  };
}
