/**
 * A PostgreSQL for a test: a server of its own, or the one that `PETIOLE_TEST_POSTGRES` names by its URL, of which
 * the user may create databases.
 */
import { execFile, execFileSync } from "node:child_process";
import { chownSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { Client } from "pg";
import { startServer } from "./server.ts";

/** Debian's newest, unless told; `scripts/setup-services.sh` installs it. */
const programs = process.env["POSTGRES_BIN"] ?? debianPrograms();
const given = process.env["PETIOLE_TEST_POSTGRES"];

/** Why there is none; undefined where one can be had. Where everything is to be tested, starting it fails instead. */
export const noPostgres =
  given === undefined && !existsSync(join(programs, "postgres")) && !process.env["CI"]
    ? `there is no ${programs}/postgres: bash scripts/setup-services.sh installs it, or PETIOLE_TEST_POSTGRES names a ` +
      "server by its URL"
    : undefined;

export interface Postgres {
  /** Of an empty database. */
  readonly url: string;
  /** Makes another empty database, and gives its URL. */
  createDatabase(): Promise<string>;
  /** Of the server, to be stopped or frozen; undefined for one that was given. Changes with a `restart`. */
  readonly pid?: number;
  /** Of the server; undefined for one that was given. */
  readonly port?: number;
  /** Ends the server as a crash does, and starts it again on the same port and data. Undefined for one that was given. */
  readonly restart?: (downFor?: number) => Promise<void>;
  stop(): Promise<void>;
}

/** Starts an empty one. `durable`: what was committed survives `restart`, which takes waiting for the disk. */
export async function startPostgres({ durable = false } = {}): Promise<Postgres> {
  if (given !== undefined) {
    const createDatabase = (): Promise<string> => createDatabaseOf(given);
    return { url: await createDatabase(), createDatabase, stop: async () => {} };
  }
  const user = process.getuid?.() === 0 ? postgresUser() : undefined;
  const started = await startServer({
    program: join(programs, "postgres"),
    name: "postgres",
    user,
    async prepare(folder) {
      if (user) chownSync(folder, user.uid, user.gid);
      const parameters = [
        "-D",
        join(folder, "data"),
        "-U",
        "petiole",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
      ];
      await promisify(execFile)(join(programs, "initdb"), [...parameters, "--no-sync"], {
        ...user,
        cwd: folder,
      });
    },
    parameters: (port, folder) => [
      "-D",
      join(folder, "data"),
      "-p",
      `${port}`,
      "-k",
      folder,
      "-h",
      "127.0.0.1",
      // Unless told, nobody needs its data after a crash.
      "-c",
      `fsync=${durable ? "on" : "off"}`,
      // After a crash: one call for all files, of which each database has a thousand.
      "-c",
      "recovery_init_sync_method=syncfs",
      "-c",
      "max_connections=200",
      "-c",
      "shared_buffers=32MB",
    ],
    ready: "ready to accept connections",
    // Those who are connected are not told of an error, as they would be after SIGINT: a client that is being closed at
    // that moment would throw it at nobody.
    urgently: "SIGQUIT",
  });
  const { port, restart, stop } = started;
  const server = `postgres://petiole@127.0.0.1:${port}/postgres`;
  const createDatabase = (): Promise<string> => createDatabaseOf(server);
  return {
    url: await createDatabase(),
    createDatabase,
    get pid() {
      return started.pid;
    },
    port,
    restart,
    stop,
  };
}

async function createDatabaseOf(server: string): Promise<string> {
  const name = `petiole_${randomUUID().replaceAll("-", "")}`;
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(`create database ${name} strategy file_copy`);
  } finally {
    await client.end();
  }
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

function debianPrograms(): string {
  const folder = "/usr/lib/postgresql";
  const versions = existsSync(folder) ? readdirSync(folder).map(Number).filter(Number.isFinite) : [];
  return join(folder, String(Math.max(15, ...versions)), "bin");
}

/** PostgreSQL refuses to run as root: the user that its package makes. */
function postgresUser(): { readonly uid: number; readonly gid: number } {
  const id = (option: string): number =>
    Number(execFileSync("id", [option, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
