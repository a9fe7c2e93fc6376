/** What tests of the transport by RabbitMQ have in common. */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { connect, type Channel, type ChannelModel } from "amqplib";
import { onTestFinished } from "vitest";
import { AmqpBroker } from "../../src/engine/celery/amqp/broker.ts";
import { AmqpConnection } from "../../src/engine/celery/amqp/connection.ts";
import type { AmqpSource } from "../../src/engine/celery/amqp/like.ts";
import type { Taken } from "../../src/engine/celery/broker.ts";
import type { CeleryMessage } from "../../src/engine/celery/protocol/message.ts";

/** A queue of the test's own. */
export function queueName(): string {
  return `q-${randomUUID()}`;
}

/** A message of Celery's, as small as can be. */
export function message(queue: string, id: string, changes: Partial<CeleryMessage> = {}): CeleryMessage {
  const headers = { lang: "py", task: "tasks.add", id, ...changes.headers };
  const body = Buffer.from('[[],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]');
  return { queue, contentType: "application/json", contentEncoding: "utf-8", body, ...changes, headers };
}

/** Connections that a test can cut. */
export function cuttable(url: string): {
  readonly source: () => Promise<ChannelModel>;
  readonly cut: () => void;
} {
  let latest: ChannelModel | undefined;
  return {
    source: async () => (latest = await connect(url)),
    // As when the line is cut: amqplib hears of it from the socket.
    cut: () => socketOf(latest!).destroy(new Error("the test has cut it")),
  };
}

/** The socket of a connection or a channel of amqplib. */
export function socketOf({ connection }: Pick<ChannelModel, "connection">): Socket {
  return (connection as unknown as { readonly stream: Socket }).stream;
}

/** A broker that is closed when the test is over. */
export function makeBroker(
  source: AmqpSource,
  hostname = `petiole-${randomUUID()}`,
  timeout = 10_000,
): AmqpBroker {
  const broker = new AmqpBroker(new AmqpConnection(source, { timeout }), { hostname });
  onTestFinished(() => broker.close());
  return broker;
}

/** A channel of amqplib itself, to do what others do. */
export async function makeChannel(url: string): Promise<Channel> {
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  return channel;
}

export function ids(taken: readonly Taken[]): string[] {
  return taken.map(({ message }) => message.headers.id);
}
