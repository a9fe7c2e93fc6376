import { describe, test } from "vitest";
import { createHarness } from "../../test/orm/mongoose-harness.ts";
import { mongodbDatabase, noMongodb, startStub } from "../../test/services/mongodb.ts";
import { type OrmContractOptions, ormContract } from "../testing/orm-contract.ts";

const noSavepoints = [
  "sees the rows of a transaction in it",
  "save in a savepoint is rolled back with it alone",
  "a nested transaction that throws is undone alone",
  "a nested transaction that succeeded is undone with the outer one",
  "transactions one after another nest three deep and commit",
  "owns its handle and the transactions of it, and nothing else",
  ...["a transaction", "the ORM's own transaction"].flatMap((way) => [
    `${way}, nested: each savepoint is told, within its parent`,
    `${way}, nested: what the outer one rolls back is told of the outer one`,
    `${way}, nested three deep: an error that passes through is told of each`,
    `${way} is told by two adapters of one connection, each once`,
  ]),
  "a savepoint in a transaction that is begun by hand is told within it",
  "a save in a transaction is told with it, before its commit",
];
const skip: OrmContractOptions["skip"] = [
  ...noSavepoints.map((title) => ({
    test: title,
    reason: "MongoDB has no savepoints: nesting is refused, which sessions.test.ts tests",
  })),
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
