/**
 * A lock in RabbitMQ: an exclusive queue, which goes with the connection of whoever has it.
 *
 * @module
 */
import { OwnChannel } from "./channel.ts";
import { type AmqpConnection, sleep } from "./connection.ts";
import { refusalCode, unreachable } from "./errors.ts";

/** How long to rest before the lock is asked for again, in milliseconds. */
const rest = 20;

/**
 * Takes the lock of a name, and resolves to what gives it back.
 *
 * @throws PetioleError `ERR_ENGINE_UNREACHABLE` where others have had it all the time, for as long as the connection's timeout
 */
export async function lockOf(
  connection: AmqpConnection,
  name: string,
  what: string,
): Promise<() => Promise<void>> {
  const release = await inProcess(name);
  try {
    for (const deadline = performance.now() + connection.timeout; ; await sleep(rest)) {
      const own = new OwnChannel(connection, { kind: "plain" });
      try {
        await own.ask(what, (channel) => channel.assertQueue(name, { exclusive: true, durable: false }));
      } catch (error) {
        await own.close();
        if (refusalCode((error as Error).cause) !== 405) throw error;
        if (performance.now() < deadline) continue;
        throw unreachable(
          what,
          false,
          true,
          new Error("others have been reading the kept tasks all the time"),
        );
      }
      return async () => {
        await own.ask(what, (channel) => channel.deleteQueue(name)).catch(() => undefined);
        await own.close();
        release();
      };
    }
  } catch (error) {
    release();
    throw error;
  }
}

/** Those of this process who hold a lock, by its name: to RabbitMQ, all of a connection are one. */
const holders = new Map<string, Promise<void>>();

async function inProcess(name: string): Promise<() => void> {
  const before = holders.get(name);
  const { promise, resolve } = Promise.withResolvers<void>();
  const mine = (before ?? Promise.resolve()).then(() => promise);
  holders.set(name, mine);
  await before;
  return () => {
    if (holders.get(name) === mine) holders.delete(name);
    resolve();
  };
}
