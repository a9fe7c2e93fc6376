/**
 * Making sure that pg-boss is there as it is known here, and what goes beside it.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { Database } from "./database.ts";
import { claimFunctions } from "./schema/claiming.ts";
import { commonFunctions } from "./schema/common.ts";
import { lookFunctions } from "./schema/looking.ts";
import { sendFunctions } from "./schema/sending.ts";
import { settleFunctions } from "./schema/settling.ts";
import { schemaVersion, tables } from "./schema/tables.ts";
import type { Names } from "./names.ts";

/** The versions of pg-boss's schema with which all of this was tested. */
export const bossVersions = { from: 43, to: 43 } as const;

/** The statements that make what goes beside pg-boss: for whoever may create schemas, where the engine may not. */
export function installation(names: Names): string {
  const statements = [
    `CREATE SCHEMA IF NOT EXISTS ${names.own};`,
    tables(names),
    commonFunctions(names),
    sendFunctions(names),
    claimFunctions(names),
    settleFunctions(names),
    lookFunctions(names),
  ];
  return statements.join("\n");
}

/** Checks pg-boss, and creates what is not there yet. */
export async function install(database: Database): Promise<void> {
  const { names } = database;
  const found = await look(database);
  if (!found.isBossThere) {
    throw unknown(
      `there is no pg-boss in the schema ${names.boss}. Start a PgBoss instance on this database once, which creates ` +
        "it, or give the name of its schema: pgBoss(boss, { schema }).",
    );
  }
  if (found.isolation !== "read committed") {
    throw unknown(
      `transactions of this database user are ${found.isolation} by default, and must be read committed. Change ` +
        "default_transaction_isolation for the user, or in the connection's options.",
    );
  }
  // What is to be created does not fit every version of it either.
  checkBoss(names, await versionOf(database, `${names.boss}.version`));
  if (!found.isOwnThere) await create(database);
  const version = await versionOf(database, `${names.own}.meta`);
  if (version === schemaVersion) return;
  throw unknown(
    `the schema ${names.own} was made by another version of Petiole (its version is ${version}, this one knows ` +
      `${schemaVersion}). Use the version that made it, or a new one everywhere.`,
  );
}

interface Found {
  readonly isBossThere: boolean;
  readonly isOwnThere: boolean;
  readonly isolation: string;
}

async function look(database: Database): Promise<Found> {
  const { boss, own } = database.names;
  const [row] = await database.query(
    "looking for pg-boss",
    `SELECT to_regclass($1) IS NOT NULL AS boss, to_regclass($2) IS NOT NULL AS own,
       current_setting('default_transaction_isolation') AS isolation`,
    [`${boss}.version`, `${own}.meta`],
  );
  return {
    isBossThere: row?.["boss"] === true,
    isOwnThere: row?.["own"] === true,
    isolation: String(row?.["isolation"]),
  };
}

async function versionOf(database: Database, table: string): Promise<number> {
  const [row] = await database.query(`reading ${table}`, `SELECT version::text AS version FROM ${table}`);
  return Number(row?.["version"]);
}

function checkBoss({ boss }: Names, version: number): void {
  if (version >= bossVersions.from && version <= bossVersions.to) return;
  throw unknown(
    `the schema ${boss} has version ${version}; this version of Petiole knows ${rangeOf(bossVersions)}, of pg-boss ` +
      "12.35. Use a pg-boss with that schema, or another version of Petiole.",
  );
}

function rangeOf({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `${from}` : `${from} to ${to}`;
}

/** One at a time; whoever comes second finds it. */
async function create(database: Database): Promise<void> {
  const { names } = database;
  const name = `'${names.ownName.replaceAll("'", "''")}'`;
  await database.query(
    `creating the schema ${names.own}`,
    `DO $petiole_do$ BEGIN
       PERFORM pg_advisory_xact_lock(hashtextextended(${name}, 0));
       IF NOT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = ${name} AND tablename = 'meta') THEN
         EXECUTE $petiole_ddl$${installation(names)}$petiole_ddl$;
       END IF;
     END $petiole_do$`,
  );
}

function unknown(problem: string): PetioleError {
  return new PetioleError("ERR_ENGINE_UNSUPPORTED", `pg-boss engine: ${problem}`);
}
