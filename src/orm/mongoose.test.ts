import { describe, test } from "vitest";
import { createHarness } from "../../test/orm/mongoose-harness.ts";
import { mongodbDatabase, noMongodb, startStub } from "../../test/services/mongodb.ts";
import { type OrmContractOptions, ormContract } from "../testing/orm-contract.ts";

const noSavepoints = "MongoDB has no savepoints: a transaction of a session is refused, and tested below";
const skip: OrmContractOptions["skip"] = [
  { test: "a nested transaction that throws is undone alone", reason: noSavepoints },
  { test: "a nested transaction that succeeded is undone with the outer one", reason: noSavepoints },
  { test: "transactions one after another nest three deep and commit", reason: noSavepoints },
  { test: "owns its handle and the transactions of it, and nothing else", reason: noSavepoints },
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
