/** pg-boss on a PostgreSQL of the test's own, for whoever tests engines with several processes. */
import { Client } from "pg";
import { PgBoss } from "pg-boss";
import type { Engine } from "../../src/engine.ts";
import { pgBoss, type PgBossOptions } from "../../src/engine/pg-boss.ts";
import type { Json } from "../../src/message.ts";
import { noPostgres, startPostgres } from "../services/postgres.ts";
import type { EngineStore } from "./engine-store.ts";

/** Why it cannot be tested here. */
export const missing = noPostgres;

interface Config {
  readonly url: string;
  readonly options?: PgBossOptions;
}

/** Starts a PostgreSQL with pg-boss in it. `durable`: what was acknowledged survives `restart`. */
export async function start({ durable = false } = {}): Promise<EngineStore> {
  const server = await startPostgres({ durable });
  const { port, restart, pid } = server;
  await install(server.url);
  const template = new URL(server.url).pathname.slice(1);
  return {
    config: { url: await copyOf(server.url, template) },
    ...(port !== undefined && {
      port,
      through: (other: number, config: Json) => {
        const url = new URL((config as unknown as Config).url);
        url.port = String(other);
        return { url: url.href };
      },
    }),
    ...(pid !== undefined && { pid: () => server.pid! }),
    ...(restart !== undefined && { restart }),
    fresh: async () => ({ url: await copyOf(server.url, template) }),
    close: () => server.stop(),
  };
}

/** An engine on a database with pg-boss in it, with an instance of its own, which ends with it. */
export function open(config: Json): Engine {
  const { url, options } = config as unknown as Config;
  const boss = new PgBoss({
    connectionString: url,
    supervise: false,
    schedule: false,
    migrate: false,
    max: 10,
  });
  boss.on("error", () => {}); // the engine's calls tell
  let starting: Promise<unknown> | undefined;
  // `open` cannot wait for it. One that could not be started is started again.
  const started = async (): Promise<ReturnType<PgBoss["getDb"]>> => {
    starting ??= boss.start();
    await starting.catch((error: unknown) => {
      starting = undefined;
      throw error;
    });
    return boss.getDb();
  };
  const engine = pgBoss(
    {
      getDb: () => ({
        executeSql: async (text, values) => (await started()).executeSql(text, values),
        listen: async (channel, heard, missed) => (await started()).listen!(channel, heard, missed),
      }),
    },
    options,
  );
  const close = engine.close.bind(engine);
  engine.close = async () => {
    await close();
    if (starting === undefined) return;
    await starting.catch(() => {});
    await boss.stop({ graceful: false });
  };
  return engine;
}

async function install(url: string): Promise<void> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  await boss.start();
  const engine = pgBoss(boss);
  await engine.open();
  await engine.close();
  await boss.stop({ graceful: false });
}

async function copyOf(url: string, template: string): Promise<string> {
  const name = `pgboss_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = new URL(url);
  admin.pathname = "/postgres";
  const client = new Client({ connectionString: admin.href });
  await client.connect();
  try {
    // Half the time of a copy through the log.
    await client.query(`create database ${name} template ${template} strategy file_copy`);
  } finally {
    await client.end();
  }
  const copy = new URL(url);
  copy.pathname = `/${name}`;
  return copy.href;
}
