/** Tests on a PostgreSQL. */
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
import { Databases } from "./databases.ts";
import { type Postgres, noPostgres, startPostgres } from "./postgres.ts";

/** Makes an empty database, and gives its URL. */
export type CreateDatabase = () => Promise<string>;

/**
 * Defines tests with a PostgreSQL for them all, one after the other, in which each can have a database of its own. Where
 * there is none, they are skipped, with the reason.
 */
export function describePostgres(name: string, define: (createDatabase: CreateDatabase) => void): void {
  const reason = noPostgres === undefined ? "" : ` (skipped: ${noPostgres})`;
  describe.skipIf(noPostgres !== undefined)(name + reason, () => {
    let server: Postgres;
    beforeAll(async () => {
      server = await startPostgres();
    }, 60_000);
    afterAll(() => server?.stop(), 60_000);
    const databases = new Databases(() => server.createDatabase());
    let isInTest = false;
    beforeEach(() => {
      isInTest = true;
    });
    afterEach(() => {
      isInTest = false;
      databases.testOver();
    });
    // What is made for several tests stays theirs.
    define(() => (isInTest ? databases.next() : server.createDatabase()));
  });
}
