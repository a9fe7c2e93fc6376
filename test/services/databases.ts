/**
 * Databases of a PostgreSQL that are used again once their test is over: to make one takes a thousand files.
 *
 * @module
 */
import { Client } from "pg";

/** Everything of users is in these, as long as a test makes no extensions, roles or settings of the database. */
const schemas = "nspname !~ '^pg_' and nspname <> 'information_schema'";

/** Hands out databases, those of tests that are over before new ones. */
export class Databases {
  readonly #create: () => Promise<string>;
  readonly #used: string[] = [];
  #over: string[] = [];

  constructor(create: () => Promise<string>) {
    this.#create = create;
  }

  /** An empty one, for a test. */
  async next(): Promise<string> {
    const over = this.#over;
    this.#over = [];
    let found: string | undefined;
    for (const url of over) {
      const state = found === undefined ? await empty(url) : "used";
      if (state === "empty") found = url;
      else if (state === "used") this.#over.push(url);
    }
    found ??= await this.#create();
    this.#used.push(found);
    return found;
  }

  /** The test that has had them is over, or will be when the next one asks. */
  testOver(): void {
    this.#over.push(...this.#used.splice(0));
  }
}

/** Empties a database, unless somebody is connected to it still, or its test has dropped it. */
async function empty(url: string): Promise<"empty" | "used" | "gone"> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
  } catch (error) {
    if ((error as { code?: string }).code === "3D000") return "gone";
    throw error;
  }
  try {
    const others = "datname = current_database() and pid <> pg_backend_pid()";
    const { rows } = await client.query(
      `select count(*)::int as count from pg_stat_activity where ${others}`,
    );
    if (rows[0].count > 0) return "used";
    const found = await client.query(`select nspname as name from pg_namespace where ${schemas}`);
    for (const { name } of found.rows)
      await client.query(`drop schema ${client.escapeIdentifier(name)} cascade`);
    await client.query("create schema public");
    return "empty";
  } finally {
    await client.end();
  }
}
