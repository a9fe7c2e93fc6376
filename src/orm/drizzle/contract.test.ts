import { drizzle as nodePostgres } from "drizzle-orm/node-postgres";
import { describe, test } from "vitest";
import {
  harnessOf,
  openPostgres,
  openSqlite,
  postgresModels,
  postgresSchema,
  sqliteModels,
} from "../../../test/orm/drizzle.ts";
import { describePostgres } from "../../../test/services/describe-postgres.ts";
import { ormContract } from "../../testing/orm-contract.ts";

ormContract({
  describe,
  test,
  name: "drizzle on libsql",
  async create() {
    let queries = 0;
    const opened = await openSqlite(() => {
      queries += 1;
    });
    return harnessOf(opened, sqliteModels, () => queries);
  },
});

describePostgres("on PostgreSQL", (createDatabase) => {
  ormContract({
    describe,
    test,
    name: "drizzle on node-postgres",
    async create() {
      let queries = 0;
      const opened = await openPostgres(await createDatabase(), () => {
        queries += 1;
      });
      // Another handle of the same database, so that nothing lags behind.
      const replica = nodePostgres(opened.pool, { schema: postgresSchema });
      return harnessOf(opened, postgresModels, () => queries, { replica });
    },
  });
});
