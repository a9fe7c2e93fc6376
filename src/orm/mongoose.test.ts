import { describe, test } from "vitest";
import { createHarness } from "../../test/orm/mongoose-harness.ts";
import { mongodbDatabase, noMongodb, startStub } from "../../test/services/mongodb.ts";
import { type OrmContractOptions, ormContract } from "../testing/orm-contract.ts";

const skip: OrmContractOptions["skip"] = [
  {
    test: "a transaction that cannot begin is not told as committed",
    reason:
      "the driver begins it again when the network fails: sessions.test.ts tests that each is rolled back",
  },
];

ormContract({
  describe,
  test,
  name: "mongoose on what stands in for MongoDB",
  create: async () => createHarness(await startStub()),
  skip,
});

if (noMongodb === undefined) {
  ormContract({
    describe,
    test,
    name: "mongoose on MongoDB",
    create: () => createHarness(mongodbDatabase()),
    skip,
  });
} else {
  test.skip(`ormContract: mongoose on MongoDB (skipped: ${noMongodb})`, () => undefined);
}
