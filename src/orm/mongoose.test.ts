import { describe, test } from "vitest";
import { createHarness } from "../../test/orm/mongoose-harness.ts";
import { mongodbDatabase, noMongodb, startStub } from "../../test/services/mongodb.ts";
import { ormContract } from "../testing/orm-contract.ts";

ormContract({
  describe,
  test,
  name: "mongoose on what stands in for MongoDB",
  create: async () => createHarness(await startStub()),
});

if (noMongodb === undefined) {
  ormContract({
    describe,
    test,
    name: "mongoose on MongoDB",
    create: () => createHarness(mongodbDatabase()),
  });
} else {
  test.skip(`ormContract: mongoose on MongoDB (skipped: ${noMongodb})`, () => undefined);
}
