/**
 * The broker for those who ask and watch, and carry no tasks.
 *
 * @module
 */
import { AmqpConnection } from "../amqp/connection.ts";
import { Control } from "../amqp/control.ts";
import { Publisher } from "../amqp/publisher.ts";
import { settingsOf, type CeleryOptions, type Settings } from "../options.ts";
import { Connection } from "../redis/connection.ts";
import { RedisMailbox } from "../redis/control.ts";
import { databaseOf } from "../../shared/redis.ts";
import type { Mailbox } from "./mailbox.ts";

/** Which broker, and how to reach it. */
export interface CeleryWatchOptions extends Pick<CeleryOptions, "broker" | "keyPrefix"> {
  /** How long a call waits for a server that cannot be reached, in milliseconds. Default: 10 seconds. */
  readonly connectTimeout?: number;
}

/** Their names, for those who check that there are no others. */
export const watchNames: Readonly<Record<keyof CeleryWatchOptions, true>> = {
  broker: true,
  keyPrefix: true,
  connectTimeout: true,
};

/** A mailbox with its connection. */
export interface OpenMailbox {
  readonly mailbox: Mailbox;
  readonly open: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Makes the mailbox. It connects when it is used. */
export function mailboxOf(options: CeleryWatchOptions): OpenMailbox {
  const { broker, keyPrefix, connectTimeout } = options ?? {};
  const settings = settingsOf({
    broker,
    results: false,
    ...(keyPrefix !== undefined && { keyPrefix }),
    ...(connectTimeout !== undefined && { timeout: connectTimeout }),
  });
  return "redis" in settings.broker ? ofRedis(settings, settings.broker.redis) : ofAmqp(settings);
}

function ofRedis({ timeout, keyPrefix }: Settings, client: Parameters<typeof databaseOf>[0]): OpenMailbox {
  const connection = new Connection(client, timeout);
  const mailbox = new RedisMailbox(connection, { keyPrefix }, databaseOf(client));
  return {
    mailbox,
    open: async () => {},
    async close() {
      await mailbox.close();
      await connection.close();
    },
  };
}

function ofAmqp({ broker, timeout, protocol }: Settings): OpenMailbox {
  const connection = new AmqpConnection((broker as Extract<Settings["broker"], { amqp: unknown }>).amqp, {
    timeout,
  });
  const publisher = new Publisher(connection);
  const mailbox = new Control(connection, publisher, protocol.hostname);
  connection.join();
  return {
    mailbox,
    open: () => publisher.open(),
    async close() {
      await Promise.all([mailbox.close(), publisher.close()]);
      await connection.leave();
    },
  };
}
