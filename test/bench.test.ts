/** What the benchmarks write, and that they run. How fast anything is, is for a person to read. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { whyMissing } from "../bench/engines/stores.ts";
import type { Row } from "../bench/row.ts";
import { noPostgres } from "./services/postgres.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "petiole-bench-"));

afterAll(() => rmSync(folder, { recursive: true }));

function bench(...parameters: string[]) {
  return run("bench/wire.ts", parameters);
}

function run(file: string, parameters: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, [file, ...parameters], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
}

const bars = {
  a: { encode: 0.55, decode: 0.9, bytes: 1 },
  b: { encode: 0.6, decode: 0.9, bytes: 1 },
  c: { encode: 0.25, decode: 0.4, bytes: 1.7 },
  d: { encode: 0.45, decode: 0.9, bytes: 0.53 },
  e: { encode: 0.2, decode: 0.45, bytes: 1.1 },
};
const everywhere = ["limit", "superjson", "devalue", "seroval", "msgpackr", "v8.serialize"];
const peers = {
  a: [...everywhere, "class-transformer", "zod"],
  b: [...everywhere, "class-transformer", "zod"],
  c: [...everywhere, "mapping by hand", "class-transformer", "zod"],
  d: [...everywhere, "mapping by hand", "class-transformer", "zod"],
  e: [...everywhere, "mapping by hand"],
};

test("bench:wire writes every case and metric, ours beside JSON and each peer", { timeout: 120_000 }, () => {
  const path = join(folder, "rows.json");
  const { status, stdout, stderr } = bench("--quick", "--json", path);
  expect(status, stderr).toBe(0);
  const { node, rows } = JSON.parse(readFileSync(path, "utf8")) as { node: string; rows: Row[] };
  expect(node).toBe(process.versions.node);

  const asked = rows.filter(({ bar }) => bar !== null);
  expect(asked.map((row) => [row.case, row.metric, row.peer, row.bar])).toEqual(
    Object.entries(bars).flatMap(([name, metrics]) =>
      Object.entries(metrics).map(([metric, bar]) => [name, metric, `JSON (node ${node})`, bar]),
    ),
  );
  for (const [name, expected] of Object.entries(peers)) {
    for (const metric of ["encode", "decode", "bytes"]) {
      const names = rows
        .filter((row) => row.case === name && row.metric === metric && row.bar === null)
        .map(({ peer }) => peer.replace(/[ :].*\d.*$|:.*$| codecs$/, ""));
      expect(names.sort()).toEqual([...expected].sort());
    }
  }
  for (const row of rows) {
    expect(row.lowerIsBetter).toBe(row.metric === "bytes");
    expect(row.ours).toBeGreaterThan(0);
    expect(row.theirs).toBeGreaterThan(0);
    expect(row.ratio).toBeGreaterThan(0);
    if (row.metric === "bytes") expect(row.ratio).toBe(row.ours / row.theirs);
  }
  expect(stdout.match(/^asked of ours: /gm)).toHaveLength(5);
});

test("bench:wire measures what is asked for, and says what there is", { timeout: 60_000 }, () => {
  const path = join(folder, "some.json");
  expect(bench("--quick", "--case", "c,a", "--peer", "devalue", "--json", path).status).toBe(0);
  const { rows } = JSON.parse(readFileSync(path, "utf8")) as { rows: Row[] };
  expect([...new Set(rows.map((row) => row.case))]).toEqual(["c", "a"]);
  expect(rows.some(({ peer }) => peer.startsWith("devalue "))).toBe(true);
  expect(rows.some(({ peer }) => peer.startsWith("superjson "))).toBe(false);

  const { status, stderr } = bench("--case", "f");
  expect(status).toBe(2);
  expect(stderr).toBe("There is no case f; there are a, b, c, d, e.\n");
});

const orms = ["drizzle", "kysely", "mikro-orm", "prisma", "sequelize", "typeorm"];
// On PostgreSQL one of them: each is a process, and the cases of the others differ in nothing but the ORM.
const runs: readonly (readonly [database: string, orms: readonly string[]])[] = [
  ["sqlite", orms],
  ...(noPostgres === undefined ? [["postgres", ["kysely"]] as const] : []),
];

test.each(runs)(
  "bench:model writes ORMs on %s, with as many queries as models",
  { timeout: 300_000 },
  (database, wanted) => {
    const path = join(folder, `model-${database}.json`);
    const parameters = ["--quick", "--database", database, "--orm", wanted.join(","), "--json", path];
    const { status, stdout, stderr } = run("bench/model.ts", parameters);
    expect(status, stderr).toBe(0);
    const { rows } = JSON.parse(readFileSync(path, "utf8")) as { rows: Row[] };
    expect(rows.map((row) => [row.case, row.metric, row.bar])).toEqual([
      ...wanted.flatMap((orm) => [
        [`${orm}, ${database}`, "load", 0.8],
        [`${orm}, ${database}`, "decode and load", null],
        [`${orm}, ${database}`, "queries", 1],
      ]),
      ["1,000 snapshots", "bytes", 0.7],
    ]);
    for (const row of rows) {
      expect(row.ratio).toBeGreaterThan(0);
      expect(row.lowerIsBetter).toBe(row.unit !== "µs");
      if (row.metric === "queries") expect([row.case, row.ours]).toEqual([row.case, 3]);
    }
    expect(stdout.match(/, (sqlite|postgres): .* \d+\.\d+\.\d+ \(/g)).toHaveLength(wanted.length);
  },
);

test("bench:model says what there is to be measured", () => {
  const { status, stderr } = run("bench/model.ts", ["--orm", "active-record"]);
  expect(status).toBe(2);
  expect(stderr).toBe(`There is no ORM active-record; there are ${orms.join(", ")}.\n`);
});

const memory = {
  "resident size after 100 tasks, garbage collected": 1.2,
  "resident size after 100 tasks, garbage and all": null,
};
/** All that something is asked of: the other cases differ in their servers' settings, or run the same code. */
const engineNames = ["sqlite", "bullmq", "pg-boss", "liteque", "claim", "memory-sqlite"];
const engineCases = {
  "SQLite engine, beside bullmq": {
    "enqueue, 50 in flight": 2,
    "process, concurrency 10": 2,
    "process, concurrency 50": 2.5,
    "end to end": 2,
    "idle latency p50": 1.5,
  },
  "BullMQ engine, beside bullmq": {
    "enqueue, 50 in flight": 0.85,
    "process, concurrency 50": 0.85,
    "end to end": null,
    "idle latency p50": null,
  },
  "pg-boss engine, beside pg-boss": { "enqueue, 50 in flight": 0.9, "process, concurrency 50": 0.9 },
  "SQLite engine, beside the": { "claim with 1,000 waiting": 0.8 },
  "memory of a worker, SQLite engine, beside the": memory,
};
const needs = {
  BullMQ: "redis",
  bullmq: "redis",
  "pg-boss": "postgres",
} as const;

test("bench:engines writes ours beside each peer whose server is there", { timeout: 300_000 }, () => {
  const path = join(folder, "engines.json");
  const { status, stdout, stderr } = run("bench/engines.ts", [
    "--quick",
    "--case",
    engineNames.join(","),
    "--json",
    path,
  ]);
  expect(status, stderr).toBe(0);
  const { rows } = JSON.parse(readFileSync(path, "utf8")) as { rows: Row[] };
  const found: Record<string, Record<string, number | null>> = {};
  for (const row of rows) {
    const beside = `${row.case}, beside ${row.peer.split(" ", 1)[0]}`;
    (found[beside] ??= {})[row.metric] = row.bar;
    expect(row.ours, beside).toBeGreaterThan(0);
    expect(row.theirs, beside).toBeGreaterThan(0);
    expect(row.ratio, beside).toBeGreaterThan(0);
    expect(row.lowerIsBetter, beside).toBe(row.unit === "ms" || row.unit === "bytes");
  }
  const possible = Object.entries(engineCases).filter(([name]) =>
    Object.entries(needs).every(([peer, kind]) => !name.includes(peer) || whyMissing(kind) === undefined),
  );
  expect(found).toEqual(Object.fromEntries(possible));
  // It says so itself, of the better-sqlite3 that is installed.
  expect(stdout).toMatch(
    /beside liteque .*\nleft out: .*liteque.*Transaction function cannot return a promise/,
  );
  expect(stdout).toMatch(/^asked of ours: \d+ of \d+ met$/m);
});

test("bench:engines leaves out what has no server, and says so", { timeout: 60_000 }, () => {
  const path = join(folder, "no-server.json");
  const { status, stdout } = run(
    "bench/engines.ts",
    ["--quick", "--case", "sqlite,memory-sqlite", "--json", path],
    { REDIS_SERVER: "/nowhere/redis-server" },
  );
  expect(status).toBe(0);
  expect(stdout).toMatch(/beside bullmq .*\nleft out: there is no \/nowhere\/redis-server/);
  const { rows } = JSON.parse(readFileSync(path, "utf8")) as { rows: Row[] };
  expect(rows.map((row) => row.case)).toEqual(Array(2).fill("memory of a worker, SQLite engine"));
});

test("bench:engines says what there is to be measured", () => {
  for (const [option, name] of [
    ["--case", "sidekiq"],
    ["--engine", "mysql"],
  ] as const) {
    const { status, stderr } = run("bench/engines.ts", [option, name]);
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`^There is no ${option.slice(2)} ${name}; there are .*sqlite.*\\.\n$`));
  }
});
