/** A database with the contract's tables, and Prisma's client for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import { PrismaPg } from "@prisma/adapter-pg";
import { Client } from "pg";
import type { CreateDatabase } from "../../services/describe-postgres.ts";
import { postgresTables, sqliteTables } from "../contract-tables.ts";
import { PrismaClient as PostgresClient } from "./generated/postgresql/client.ts";
import { PrismaClient as SqliteClient } from "./generated/sqlite/client.ts";

export { PostgresClient, SqliteClient };

export interface TestDatabase<Client> {
  readonly client: Client;
  /** Another client of the same database. */
  connect(): Client;
  /** The statements that this client sent so far. */
  readonly statements: readonly string[];
  /** Makes it unreachable. */
  break(): Promise<void>;
  close(): Promise<void>;
}

export async function openSqlite(): Promise<TestDatabase<SqliteClient>> {
  const folder = mkdtempSync(join(tmpdir(), "petiole-prisma-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const url = `file:${join(folder, "test.db")}`;
  const open = (statements: string[]): SqliteClient => {
    const adapter = new PrismaBetterSqlite3({ url }, { timestampFormat: "unixepoch-ms" });
    const client = new SqliteClient({ adapter, log: [{ emit: "event", level: "query" }] });
    client.$on("query", ({ query }) => void statements.push(query));
    return client;
  };
  return manage(open, createTables(sqliteTables), async () => remove(), remove);
}

/** A server's databases for one test after another: a new one for each would fill the disk. */
export class PostgresDatabases {
  readonly #free: string[] = [];
  readonly #createDatabase: CreateDatabase;

  constructor(createDatabase: CreateDatabase) {
    this.#createDatabase = createDatabase;
  }

  async open(): Promise<TestDatabase<PostgresClient>> {
    const url = this.#free.pop() ?? (await this.#createDatabase());
    const open = (statements: string[]): PostgresClient => {
      const adapter = new PrismaPg({ connectionString: url, max: 5 });
      const client = new PostgresClient({ adapter, log: [{ emit: "event", level: "query" }] });
      client.$on("query", ({ query }) => void statements.push(query));
      return client;
    };
    let isThere = true;
    const destroy = async (): Promise<void> => {
      isThere = false;
      await dropDatabase(url);
    };
    const leave = (): void => {
      if (isThere) this.#free.push(url);
    };
    const empty = "drop schema public cascade; create schema public;";
    return manage(open, createTables(empty + postgresTables), destroy, leave);
  }
}

interface ClientLike {
  $executeRawUnsafe(text: string): PromiseLike<unknown>;
  $disconnect(): Promise<void>;
}

function createTables(text: string): (client: ClientLike) => Promise<void> {
  const statements = text.split(";").filter((statement) => statement.trim() !== "");
  return async (client) => {
    for (const statement of statements) await client.$executeRawUnsafe(statement);
  };
}

async function manage<Client extends ClientLike>(
  open: (statements: string[]) => Client,
  prepare: (client: ClientLike) => Promise<void>,
  destroy: () => Promise<void>,
  remove: () => void,
): Promise<TestDatabase<Client>> {
  const statements: string[] = [];
  const client = open(statements);
  const clients = [client];
  await prepare(client);
  const disconnect = async (): Promise<void> => {
    for (const each of clients) await each.$disconnect();
  };
  return {
    client,
    connect() {
      const other = open([]);
      clients.push(other);
      return other;
    },
    statements,
    async break() {
      await disconnect();
      await destroy();
    },
    async close() {
      await disconnect();
      remove();
    },
  };
}

/** Ends who is connected, too. */
async function dropDatabase(url: string): Promise<void> {
  const server = new URL(url);
  const name = server.pathname.slice(1);
  server.pathname = "/postgres";
  const client = new Client({ connectionString: server.href });
  await client.connect();
  await client.query(`drop database ${name} with (force)`);
  await client.end();
}
