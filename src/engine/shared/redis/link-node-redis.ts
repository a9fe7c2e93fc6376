/**
 * A connection made of a client of node-redis.
 *
 * @module
 */
import { boundHandshake } from "./handshake.ts";
import type { NodeRedisLike } from "./like.ts";
import { LinkListeners, retryDelay, type Link, type LinkListener, type Part } from "./link.ts";

/** What is used of a client that was made. */
interface OwnClient {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  sendCommand(command: readonly Part[]): Promise<unknown>;
  subscribe(channel: string, listener: Hear, buffers: true): Promise<unknown>;
  unsubscribe(channel: string, listener: Hear, buffers: true): Promise<unknown>;
  pSubscribe(pattern: string, listener: Hear, buffers: true): Promise<unknown>;
  pUnsubscribe(pattern: string): Promise<unknown>;
  on(event: string, listener: (...parameters: never[]) => void): unknown;
  ref(): void;
  unref(): void;
  destroy(): void;
}

type Hear = (message: Buffer, channel: Buffer) => void;

/** Texts of RESP, `$` and `=`, arrive as buffers. */
const typeMapping = { 36: Buffer, 61: Buffer };

/** See {@link Link}. */
export class NodeRedisLink implements Link {
  readonly #like: NodeRedisLike;
  readonly #listeners = new LinkListeners();
  readonly #hear: Hear = (message, channel) => this.#listeners.message(channel.toString(), message);
  #client: OwnClient;
  #problem: unknown;
  #alive = false;
  #closed = false;

  constructor(client: NodeRedisLike) {
    this.#like = client;
    this.#client = this.#make();
  }

  get isReady(): boolean {
    return this.#client.isReady;
  }

  get problem(): unknown {
    return this.#problem;
  }

  listen(listener: LinkListener): () => void {
    return this.#listeners.add(listener);
  }

  send(command: readonly Part[]): Promise<unknown> {
    return this.#client.sendCommand(
      command.map((part) => (typeof part === "string" ? part : bufferOf(part))),
    );
  }

  async subscribe(channel: string, isPattern = false): Promise<void> {
    if (isPattern)
      await this.#client.pSubscribe(channel, (message) => this.#listeners.message(channel, message), true);
    else await this.#client.subscribe(channel, this.#hear, true);
  }

  async unsubscribe(channel: string, isPattern = false): Promise<void> {
    if (isPattern) await this.#client.pUnsubscribe(channel);
    else await this.#client.unsubscribe(channel, this.#hear, true);
  }

  keepAlive(yes: boolean): void {
    this.#alive = yes;
    if (yes) this.#client.ref();
    else this.#client.unref();
  }

  renew(): void {
    if (this.#closed) return;
    this.#client.destroy();
    this.#client = this.#make();
  }

  close(): void {
    this.#closed = true;
    this.#client.destroy();
  }

  #make(): OwnClient {
    const { options } = this.#like as { options?: { socket?: object } };
    const make = this.#like.duplicate as (options: object) => object;
    const own = make.call(this.#like, {
      socket: { ...options?.socket, socketTimeout: undefined, reconnectStrategy: retryDelay },
      disableOfflineQueue: true,
      commandsQueueMaxLength: undefined,
      // Its own default is a timeout of 5 seconds, for what waits to be written.
      commandOptions: { typeMapping, timeout: undefined },
      clientSideCache: undefined,
      emitInvalidate: false,
      maintNotifications: "disabled",
      keyPrefix: undefined,
    }) as OwnClient;
    boundHandshake(own, this.#like, () => {
      if (own === this.#client) this.renew();
    });
    own.on("error", (error: Error) => (this.#problem = error));
    own.on("ready", () => {
      if (own !== this.#client) return;
      this.#problem = undefined;
      this.#listeners.ready();
    });
    if (this.#alive) own.ref();
    else own.unref();
    // It rejects when the client is closed before it was connected; all else is tried again.
    own.connect().catch((error: unknown) => (this.#problem ??= error));
    return own;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
