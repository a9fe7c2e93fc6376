/** Tests on a Redis. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import { noOwnRedis, startOwnRedis, type OwnRedis, type OwnRedisOptions } from "./redis.ts";

/** What tests on a Redis have. It can be used while they run. */
export interface RedisUnderTest {
  readonly server: OwnRedis;
  /** A client, to look into it by hand. Before each test it has emptied the server. */
  readonly redis: Redis;
  /** What a test puts here is called after it, the last first. */
  readonly closing: (() => unknown)[];
}

/** Defines tests with a Redis of their own for them all. Where there is none, they are skipped, with the reason. */
export function describeOwnRedis(
  name: string,
  options: OwnRedisOptions,
  define: (it: RedisUnderTest) => void,
): void {
  const reason = noOwnRedis === undefined ? "" : ` (skipped: ${noOwnRedis})`;
  describe.skipIf(noOwnRedis !== undefined)(name + reason, () => {
    let started: OwnRedis;
    const redis = new Redis({ lazyConnect: true });
    redis.on("error", () => undefined);
    const closing: (() => unknown)[] = [];
    beforeAll(async () => {
      started = await startOwnRedis(options);
      redis.options.port = started.port;
      await redis.connect();
    });
    afterAll(async () => {
      redis.disconnect();
      await started?.stop();
    });
    beforeEach(() => redis.flushall());
    afterEach(async () => {
      for (const close of closing.splice(0).toReversed()) await close();
    });
    const server: OwnRedis = {
      get url() {
        return started.url;
      },
      get port() {
        return started.port;
      },
      pid: () => started.pid(),
      restart: (downFor) => started.restart(downFor),
      stop: () => started.stop(),
    };
    define({ server, redis, closing });
  });
}
