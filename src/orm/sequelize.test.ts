import { describe, test } from "vitest";
import { harnessOf, onEachDatabase } from "../../test/orm/sequelize.ts";
import { ormContract } from "../testing/orm-contract.ts";

onEachDatabase((open, dialect) => {
  ormContract({
    describe,
    test,
    name: `sequelize on ${dialect}`,
    create: async () => harnessOf(await open()),
  });
});
