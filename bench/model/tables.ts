/** The tables, with rows in them. @module */
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { Client } from "pg";
import { type Table, tables } from "./case.ts";

/** How many rows each table has. */
export const stored = 2_000;

/** A number after another, in a table of that name. */
const numbers = `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${stored})`;

function statementsFor(table: Table): string {
  return `
    create table ${table} (
      id integer primary key, title text not null, body text not null, votes integer not null, author text not null
    );
    insert into ${table} (id, title, body, votes, author) ${numbers}
      select n, 'How do I count to ' || n || '?', 'I got as far as ' || (n * 7919) || ', and then I lost my place.',
        n % 101, 'person-' || (n * 31 % 977)
      from numbers;
  `;
}

const statements = (Object.keys(tables) as Table[]).map(statementsFor).join("");

export function fillSqlite(file: string): void {
  const database = new DatabaseSync(file);
  database.exec(statements);
  database.close();
}

/** Waits until all connections have ended: one that a server ends would end the process. */
export async function allHaveLeft(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const others =
      "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    while ((await client.query(others)).rowCount !== 0) await setTimeout(10);
  } finally {
    await client.end();
  }
}

export async function fillPostgres(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statements);
    await client.query("analyze");
  } finally {
    await client.end();
  }
}
