/**
 * The user's Redis client: one of ioredis or of node-redis, typed by what is used of it, so that neither is imported.
 *
 * @module
 */

/** A client of ioredis: `new Redis()`, 5 or 6. */
export interface IoredisLike {
  readonly status: string;
  /** Makes another like it. */
  duplicate(...parameters: never[]): object;
  callBuffer(...parameters: never[]): Promise<unknown>;
}

/** A client of node-redis: `createClient()`, connected or not. */
export interface NodeRedisLike {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  /** Makes another like it. */
  duplicate(...parameters: never[]): object;
  sendCommand(...parameters: never[]): Promise<unknown>;
  ref(): void;
  unref(): void;
}

/** A Redis client of the user's. Connections are made like it, and the client itself is left alone. */
export type RedisClientLike = IoredisLike | NodeRedisLike;
