import { afterAll, beforeAll, describe, test } from "vitest";
import { missing, open, start } from "../../test/engines/bullmq.ts";
import type { EngineStore } from "../../test/engines/engine-store.ts";
import { harness } from "../../test/engines/harness.ts";
import { engineContract } from "../testing/engine-contract.ts";

describe.skipIf(missing !== undefined)("the BullMQ engine, on a Redis that waits for its disk", () => {
  let store: EngineStore;
  beforeAll(async () => {
    store = await start({ durable: true });
  });
  afterAll(() => store.close());

  engineContract({
    describe,
    test,
    name: "bullmq",
    create: harness("bullmq", open, () => store, { impatience: { deadAfter: 300 } }),
  });
});
