/**
 * A connection made of a client of ioredis.
 *
 * @module
 */
import { boundHandshake } from "./handshake.ts";
import type { IoredisLike } from "./like.ts";
import { LinkListeners, retryDelay, type Link, type LinkListener, type Part } from "./link.ts";

/** What is used of a client that was made. */
interface OwnClient {
  readonly status: string;
  readonly stream?: { ref?(): unknown; unref?(): unknown };
  callBuffer(command: string, parts: readonly Part[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  psubscribe(pattern: string): Promise<unknown>;
  punsubscribe(pattern: string): Promise<unknown>;
  on(event: string, listener: (...parameters: never[]) => void): unknown;
  disconnect(reconnect?: boolean): void;
}

/** See {@link Link}. */
export class IoredisLink implements Link {
  readonly #client: OwnClient;
  readonly #listeners = new LinkListeners();
  #problem: unknown;
  #alive = false;

  constructor(client: IoredisLike) {
    const make = client.duplicate as (options: object) => object;
    const own = make.call(client, {
      lazyConnect: false,
      enableOfflineQueue: false,
      enableReadyCheck: true,
      enableAutoPipelining: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      // What ioredis does rejects with nobody there when the connection breaks meanwhile.
      autoResubscribe: false,
      retryStrategy: retryDelay,
      sentinelRetryStrategy: retryDelay,
      // Answers as they are read here, whatever the user's own client is set to.
      protocol: 2,
      replyMapping: "legacy",
      stringNumbers: false,
      commandTimeout: undefined,
      blockingTimeout: undefined,
      socketTimeout: undefined,
      keyPrefix: "",
    }) as OwnClient;
    this.#client = own;
    boundHandshake(own, client, () => this.renew());
    own.on("error", (error: Error) => (this.#problem = error));
    own.on("connect", () => this.#applyAlive());
    own.on("ready", () => {
      this.#problem = undefined;
      this.#applyAlive();
      this.#listeners.ready();
    });
    own.on("messageBuffer", (channel: Buffer, message: Buffer) =>
      this.#listeners.message(channel.toString(), message),
    );
    own.on("pmessageBuffer", (pattern: Buffer | string, _channel: Buffer, message: Buffer) =>
      this.#listeners.message(pattern.toString(), message),
    );
  }

  get isReady(): boolean {
    return this.#client.status === "ready";
  }

  get problem(): unknown {
    return this.#problem;
  }

  listen(listener: LinkListener): () => void {
    return this.#listeners.add(listener);
  }

  send(command: readonly Part[]): Promise<unknown> {
    const [name, ...parts] = command;
    // In a list, as a call may have only so many parameters.
    return this.#client.callBuffer(String(name), parts);
  }

  async subscribe(channel: string, isPattern = false): Promise<void> {
    await (isPattern ? this.#client.psubscribe(channel) : this.#client.subscribe(channel));
  }

  async unsubscribe(channel: string, isPattern = false): Promise<void> {
    await (isPattern ? this.#client.punsubscribe(channel) : this.#client.unsubscribe(channel));
  }

  keepAlive(yes: boolean): void {
    this.#alive = yes;
    this.#applyAlive();
  }

  renew(): void {
    this.#client.disconnect(true);
  }

  close(): void {
    this.#client.disconnect();
  }

  #applyAlive(): void {
    const { stream } = this.#client;
    if (this.#alive) stream?.ref?.();
    else stream?.unref?.();
  }
}
