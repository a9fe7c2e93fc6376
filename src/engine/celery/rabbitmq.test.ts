import { afterAll, beforeAll, describe, test } from "vitest";
import { harness } from "../../../test/engines/harness.ts";
import * as rabbitmq from "../../../test/engines/celery-rabbitmq.ts";
import * as redis from "../../../test/engines/celery-redis.ts";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import { startOwnRedis, type OwnRedis } from "../../../test/services/redis.ts";
import { engineContract } from "../../testing/engine-contract.ts";

const noLineBreaks = [
  {
    test: "carries text unchanged: control characters",
    reason: "RabbitMQ leaves line breaks out of the names of queues; such a send is refused",
  },
];

/** The groups in which it matters where results are. */
const aboutResults =
  /: (ending|keeping|watching|cancelling|looking after tasks|what it lacks|an app's tasks|an app's chains)$/;

describe.skipIf(rabbitmq.missing !== undefined)("the Celery engine, on RabbitMQ", () => {
  let store: EngineStore;
  beforeAll(async () => {
    store = await rabbitmq.start();
  }, 60_000);
  afterAll(() => store.close());

  engineContract({
    describe,
    test,
    name: "celery over RabbitMQ",
    skip: noLineBreaks,
    create: harness("celery-rabbitmq", rabbitmq.open, () => store),
  });

  describe.skipIf(redis.missing !== undefined)("with results in Redis", () => {
    let results: OwnRedis;
    beforeAll(async () => {
      results = await startOwnRedis();
    });
    afterAll(() => results.stop());

    let count = 0;
    engineContract({
      // The broker is the same as above.
      describe: (name, body) => (aboutResults.test(name) ? describe(name, body) : undefined),
      test,
      name: "celery over RabbitMQ and Redis",
      skip: noLineBreaks,
      create: harness("celery-rabbitmq", rabbitmq.open, () => store, {
        more: () => ({ redisPort: results.port, keyPrefix: `r${++count}:` }),
      }),
    });
  });
});
