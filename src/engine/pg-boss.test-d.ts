import type { Client, Pool } from "pg";
import type { PgBoss } from "pg-boss";
import { expectTypeOf, test } from "vitest";
import type { Engine } from "../engine.ts";
import { pgBoss, type PgBossLike, type PgBossOptions, type PgPoolLike } from "./pg-boss.ts";

declare const boss: PgBoss;
declare const pool: Pool;
declare const client: Client;

test("the vendors' own types are taken as they are", () => {
  expectTypeOf(boss).toExtend<PgBossLike>();
  expectTypeOf(pool).toExtend<PgPoolLike>();
  expectTypeOf(pgBoss(boss)).toEqualTypeOf<Engine>();
  expectTypeOf(pgBoss(pool, { schema: "jobs", retention: 1000, maxSilence: 5000 })).toEqualTypeOf<Engine>();
});

test("anything else is not", () => {
  // @ts-expect-error A client runs one statement after the other, for whoever has it.
  pgBoss(client);
  // @ts-expect-error The URL of a database is not a connection.
  pgBoss("postgres://localhost");
  // @ts-expect-error Times are numbers.
  expectTypeOf<{ retention: "1d" }>().toExtend<PgBossOptions>();
});
