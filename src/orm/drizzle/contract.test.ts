import { drizzle as nodePostgres } from "drizzle-orm/node-postgres";
import { afterAll, describe, test } from "vitest";
import {
  harnessOf,
  openPostgres,
  openSqlite,
  postgresModels,
  postgresSchema,
  sqliteModels,
} from "../../../test/orm/drizzle.ts";
import { type Postgres, noPostgres, startPostgres } from "../../../test/services/postgres.ts";
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

if (noPostgres === undefined) {
  let server: Promise<Postgres> | undefined;
  afterAll(async () => (await server)?.stop(), 60_000);
  ormContract({
    describe,
    test,
    name: "drizzle on node-postgres",
    async create() {
      server ??= startPostgres();
      let queries = 0;
      const opened = await openPostgres((await server).url, () => {
        queries += 1;
      });
      // Another handle of the same database, so that nothing lags behind.
      const replica = nodePostgres(opened.pool, { schema: postgresSchema });
      return harnessOf(opened, postgresModels, () => queries, { replica });
    },
  });
} else {
  test.skip(`drizzle on node-postgres (skipped: ${noPostgres})`, () => undefined);
}
