import { afterAll, beforeAll, describe, test } from "vitest";
import * as redis from "../../test/engines/celery-redis.ts";
import type { EngineStore } from "../../test/engines/engine-store.ts";
import { harness } from "../../test/engines/harness.ts";
import { engineContract } from "../testing/engine-contract.ts";

describe.skipIf(redis.missing !== undefined)("the Celery engine, on a Redis that waits for its disk", () => {
  let store: EngineStore;
  beforeAll(async () => {
    store = await redis.start({ durable: true });
  });
  afterAll(() => store.close());

  engineContract({
    describe,
    test,
    name: "celery over Redis",
    create: harness("celery-redis", redis.open, () => store),
  });
});
