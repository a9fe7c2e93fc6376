/**
 * The user's connection, or those that the user's function makes, one after the other.
 *
 * @module
 */
import { closedError, refusalCode, refused, unreachable } from "./errors.ts";
import { keepExact } from "./exact-headers.ts";
import type { AmqpChannelLike, AmqpConfirmChannelLike, AmqpConnectionLike, AmqpSource } from "./like.ts";

/** How long to rest between two tries, in milliseconds. */
const rest = 50;

/** The kinds of channels, by name. */
export interface ChannelKinds {
  readonly plain: AmqpChannelLike;
  readonly confirm: AmqpConfirmChannelLike;
}

/** The socket of a connection. */
interface Stream {
  setNoDelay?(on: boolean): unknown;
  destroy?(why: Error): unknown;
}

/** Opens channels. It is shared by those who use it: the last to leave closes what the user's function has made. */
export class AmqpConnection {
  /** For how many milliseconds a call waits for the broker. */
  readonly timeout: number;
  readonly #connectTimeout: number;
  readonly #source: AmqpSource;
  readonly #known = new WeakSet<AmqpConnectionLike>();
  readonly #ended = new WeakSet<AmqpConnectionLike>();
  /** The sockets of those on which a channel was opened. */
  readonly #streams = new WeakMap<AmqpConnectionLike, Stream>();
  #current: Promise<AmqpConnectionLike> | undefined;
  #problem: unknown;
  #users = 0;
  #closed = false;

  /**
   * @param timeout for how many milliseconds a call waits for the broker
   * @param connectTimeout for how many a connection may take to be made: those who wait less find it later
   */
  constructor(
    source: AmqpSource,
    {
      timeout = 10_000,
      connectTimeout = Math.max(timeout, 10_000),
    }: { readonly timeout?: number; readonly connectTimeout?: number } = {},
  ) {
    this.#source = source;
    this.timeout = timeout;
    this.#connectTimeout = connectTimeout;
  }

  /** Whether a lost connection can be made again. One of the user's that has not ended may have `recovery`. */
  get again(): boolean {
    return !this.#closed && (typeof this.#source === "function" || !this.#ended.has(this.#source));
  }

  /** Somebody uses it. */
  join(): void {
    this.#users++;
  }

  /** Somebody does not any more. */
  async leave(): Promise<void> {
    if (--this.#users > 0) return;
    this.#closed = true;
    if (typeof this.#source !== "function") return;
    // One that is made only now is closed, too, and not waited for any longer than others.
    const closing = this.#current?.then(async (connection) => {
      if (!this.#ended.has(connection)) await connection.close();
    });
    if (closing) await within(this.timeout, closing).catch(() => undefined);
  }

  /**
   * Opens a channel; tries again until the time is over.
   *
   * @param what the thing that it is for, for errors
   */
  async channel<Kind extends keyof ChannelKinds>(kind: Kind, what: string): Promise<ChannelKinds[Kind]> {
    const deadline = performance.now() + this.timeout;
    for (;;) {
      if (this.#closed) throw closedError();
      if (!this.again) throw unreachable(what, false, false, this.#problem);
      try {
        return await this.#open(kind, deadline);
      } catch (error) {
        if (refusalCode(error) !== undefined) throw refused(what, error);
        this.#problem = error;
        if (this.again && performance.now() + rest >= deadline)
          throw unreachable(what, false, this.again, error);
        await sleep(rest);
      }
    }
  }

  async #open<Kind extends keyof ChannelKinds>(kind: Kind, deadline: number): Promise<ChannelKinds[Kind]> {
    const connection = await within(deadline - performance.now(), this.#connected());
    const opening: Promise<AmqpChannelLike> =
      kind === "confirm" ? connection.createConfirmChannel() : connection.createChannel();
    let late = false;
    opening.then(
      (channel) => {
        // An event `error` that nobody listens to would end the process.
        channel.on("error", (error: unknown) => (this.#problem = error));
        keepExact(channel.connection);
        const { stream } = channel.connection as { readonly stream?: Stream };
        // Unless it was asked to, amqplib leaves it to TCP when to send: an acknowledgement and what follows it, two small
        // writes, then take 40 ms.
        stream?.setNoDelay?.(true);
        if (stream) this.#streams.set(connection, stream);
        if (late) channel.close().catch(() => undefined);
      },
      () => undefined,
    );
    try {
      return (await within(deadline - performance.now(), opening)) as ChannelKinds[Kind];
    } catch (error) {
      late = true;
      // It is there and says nothing: frozen, or cut off without a word. Another one may do better.
      if (error instanceof LateError && typeof this.#source === "function") {
        this.#ended.add(connection);
        this.#current = undefined;
        this.#cut(connection, error);
      }
      throw error;
    }
  }

  #connected(): Promise<AmqpConnectionLike> {
    if (this.#current) return this.#current;
    const source = this.#source;
    const current = (async () => {
      const connection = typeof source === "function" ? await this.#make(source) : source;
      if (this.#ended.has(connection)) throw new Error("the function gave a connection that has ended");
      if (!this.#known.has(connection)) {
        this.#known.add(connection);
        connection.on("error", (error: unknown) => (this.#problem = error));
        connection.on("close", () => {
          this.#ended.add(connection);
          if (this.#current === current) this.#current = undefined;
        });
      }
      return connection;
    })();
    this.#current = current;
    current.catch(() => {
      if (this.#current === current) this.#current = undefined;
    });
    return current;
  }

  /**
   * Ends one that says nothing. What was opened on it is lost at once, and opened again elsewhere: it would hear of that only
   * after minutes without a heartbeat, and of nothing else until then.
   */
  #cut(connection: AmqpConnectionLike, why: Error): void {
    // First this, so that one that connects again by itself does not.
    connection.close().catch(() => undefined);
    this.#streams.get(connection)?.destroy?.(why);
  }

  /** One that does not come in time is made again by whoever needs it next, and is closed should it come after all. */
  async #make(source: () => AmqpConnectionLike | Promise<AmqpConnectionLike>): Promise<AmqpConnectionLike> {
    const making = (async () => source())();
    try {
      return await within(this.#connectTimeout, making);
    } catch (error) {
      if (error instanceof LateError) making.then(closeLate).catch(() => undefined);
      throw error;
    }
  }
}

async function closeLate(connection: AmqpConnectionLike): Promise<void> {
  // An event `error` that nobody listens to would end the process.
  connection.on("error", () => undefined);
  await connection.close();
}

/** There was no answer in time. */
export class LateError extends Error {}

/** Rejects when it takes too long. */
export async function within<Value>(milliseconds: number, promise: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new LateError("there was no answer in time")),
      Math.max(1, Math.min(milliseconds, 2 ** 31 - 1)),
    );
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Rests. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
