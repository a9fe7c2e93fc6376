/**
 * What the engine uses of the user's objects, so that neither ioredis nor BullMQ is imported.
 *
 * @module
 */

/** A client of ioredis, `Redis` or `Cluster`. */
export interface RedisLike {
  readonly status: string;
  /** Makes another like it. The parameters differ between `Redis` and `Cluster`. */
  duplicate(...parameters: never[]): object;
}

/** A queue of BullMQ's on a client of ioredis. */
export interface QueueLike {
  readonly opts: { readonly prefix?: string | undefined };
  /** Of BullMQ 5. */
  readonly client?: Promise<unknown>;
  /** Of BullMQ 6. */
  getBackend?(): { readonly client?: Promise<unknown> };
}

/** What a connection of the engine's own is used for. */
export interface OwnRedis extends RedisLike {
  readonly stream?: { ref?(): unknown; unref?(): unknown; cork?(): void; uncork?(): void };
  evalsha(hash: string, keys: number, parameters: readonly string[]): Promise<unknown>;
  eval(script: string, keys: number, parameters: readonly string[]): Promise<unknown>;
  script(command: "LOAD", script: string): Promise<unknown>;
  xread(...parameters: readonly string[]): Promise<readonly (readonly [string, unknown])[] | null>;
  xrevrange(key: string, ...parameters: readonly string[]): Promise<readonly (readonly [string, unknown])[]>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (...parameters: never[]) => void): unknown;
  off(event: string, listener: (...parameters: never[]) => void): unknown;
  disconnect(reconnect?: boolean): void;
}
