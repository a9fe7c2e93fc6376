/**
 * A connection that was accepted, and on which nobody speaks: a host that is frozen, or a balancer before none. Neither
 * ioredis nor node-redis gives it up by itself.
 *
 * @module
 */

/** For how many milliseconds is waited, at least, from the connection until Redis is ready. */
const patience = 10_000;

/** What is used of a client. */
interface Client {
  on(event: string, listener: () => void): unknown;
}

/**
 * Gives a connection up when Redis has not become ready on it in time.
 *
 * @param like the user's client: a `connectTimeout` of more than ten seconds holds for this too
 * @param giveUp makes another connection
 */
export function boundHandshake(client: Client, like: object, giveUp: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  client.on("connect", () => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, connectTimeoutOf(like)).unref();
  });
  for (const over of ["ready", "close", "end"]) client.on(over, () => clearTimeout(timer));
}

function connectTimeoutOf(like: object): number {
  const { options } = like as {
    options?: { connectTimeout?: unknown; socket?: { connectTimeout?: unknown } };
  };
  const given = options?.connectTimeout ?? options?.socket?.connectTimeout;
  return typeof given === "number" ? Math.max(given, patience) : patience;
}
