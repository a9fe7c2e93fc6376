/** `npm run bench:model`: rows of references, and snapshots, beside what a person writes. See README.md. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Postgres, noPostgres, startPostgres } from "../test/services/postgres.ts";
import { fullEffort, quickEffort } from "./measure.ts";
import { measureApart } from "./model/apart.ts";
import type { Dialect } from "./model/case.ts";
import type { Loading } from "./model/load.ts";
import { orms } from "./model/orms.ts";
import { loadingTable, verdict } from "./model/print.ts";
import { measureSnapshots } from "./model/snapshots.ts";
import { allHaveLeft, fillPostgres, fillSqlite } from "./model/tables.ts";
import { type Row, isMet, writeRows } from "./row.ts";

const dialects: readonly Dialect[] = ["sqlite", "postgres"];
const { values: options } = parseArgs({
  options: {
    json: { type: "string" },
    orm: { type: "string", default: Object.keys(orms).join(",") },
    database: { type: "string", default: dialects.join(",") },
    quick: { type: "boolean", default: false },
  },
});

function wanted(text: string, what: string, all: readonly string[]): string[] {
  const names = text.split(",");
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return names;
  console.error(`There is no ${what} ${unknown}; there are ${all.join(", ")}.`);
  process.exit(2);
}

const effort = options.quick ? quickEffort : fullEffort;
const names = wanted(options.orm, "ORM", Object.keys(orms));
const databases = wanted(options.database, "database", dialects) as Dialect[];

const folder = mkdtempSync(join(tmpdir(), "petiole-bench-model-"));
let server: Postgres | undefined;

async function placeOf(dialect: Dialect): Promise<string | undefined> {
  if (dialect === "sqlite") {
    const file = join(folder, "bench.db");
    fillSqlite(file);
    return file;
  }
  if (noPostgres !== undefined) {
    console.log(`PostgreSQL is left out: ${noPostgres}`);
    return undefined;
  }
  server = await startPostgres();
  await fillPostgres(server.url);
  return server.url;
}

const loadings: Loading[] = [];
try {
  for (const dialect of databases) {
    const place = await placeOf(dialect);
    if (place === undefined) continue;
    for (const name of names) loadings.push(await measureApart(name, dialect, place, effort));
  }
} finally {
  if (server !== undefined) {
    await allHaveLeft(server.url);
    await server.stop();
  }
  rmSync(folder, { recursive: true });
}
const snapshots = measureSnapshots();
const rows: Row[] = [...loadings.flatMap((loading) => loading.rows), snapshots];

console.log(`1,000 references, beside WHERE id IN of the same ORM\n${loadingTable(loadings)}\n`);
console.log(`1,000 snapshots: ${snapshots.ours} bytes; ${snapshots.peer} of the rows: ${snapshots.theirs}\n`);
const missed = rows.filter((row) => !isMet(row));
const asked = rows.filter(({ bar }) => bar !== null);
console.log(`asked of ours: ${asked.length - missed.length} of ${asked.length} met`);
for (const row of [...missed, ...asked.filter((row) => !missed.includes(row) && row.metric !== "queries")])
  console.log(verdict(row));
if (options.json !== undefined) writeRows(options.json, rows);
