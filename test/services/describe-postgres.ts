/** Tests on a PostgreSQL. */
import { afterAll, beforeAll, describe } from "vitest";
import { type Postgres, noPostgres, startPostgres } from "./postgres.ts";

/** Makes an empty database, and gives its URL. */
export type CreateDatabase = () => Promise<string>;

/**
 * Defines tests with a PostgreSQL for them all, in which each can have a database of its own. Where there is none, they
 * are skipped, with the reason.
 */
export function describePostgres(name: string, define: (createDatabase: CreateDatabase) => void): void {
  const reason = noPostgres === undefined ? "" : ` (skipped: ${noPostgres})`;
  describe.skipIf(noPostgres !== undefined)(name + reason, () => {
    let server: Postgres;
    beforeAll(async () => {
      server = await startPostgres();
    }, 60_000);
    afterAll(() => server?.stop(), 60_000);
    define(() => server.createDatabase());
  });
}
