/** What the engines keep their tasks in: files, and servers of the benchmark's own, fresh for each round. @module */
import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { noPostgres, startPostgres } from "../../test/services/postgres.ts";
import { redisServer, startOwnRedis } from "../../test/services/redis.ts";
import type { Place } from "./side.ts";

/** Hands out empty places. */
export interface Store {
  fresh(): Promise<Place>;
  close(): Promise<void>;
}

export type StoreKind = "file" | "file, power" | "redis" | "redis, always" | "postgres";

/** A file for each round. */
async function files(power: boolean): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "petiole-bench-"));
  const clear = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", clear);
  return {
    fresh: async () => ({ at: join(await mkdtemp(join(folder, "round-")), "tasks.db"), power }),
    async close() {
      process.off("exit", clear);
      clear();
    },
  };
}

/**
 * A Redis that keeps what it accepts: an append-only file, synchronised each second (what `synchronous=NORMAL` is for
 * SQLite) or with each write (`FULL`). It is emptied for each round, and its file not rewritten meanwhile.
 */
async function redis(appendfsync: "everysec" | "always"): Promise<Store> {
  const { port, url, stop } = await startOwnRedis({
    parameters: [
      "--appendonly",
      "yes",
      "--appendfsync",
      appendfsync,
      "--auto-aof-rewrite-percentage",
      "0",
      "--maxmemory-policy",
      "noeviction",
    ],
  });
  const client = new Redis(port, "127.0.0.1");
  return {
    async fresh() {
      await client.flushall();
      return { at: url, power: appendfsync === "always" };
    },
    async close() {
      client.disconnect();
      await stop();
    },
  };
}

/** A PostgreSQL that keeps what it accepts, as it comes; a database for each round. */
async function postgres(): Promise<Store> {
  const { createDatabase, stop } = await startPostgres({ durable: true });
  return { fresh: async () => ({ at: await createDatabase(), power: true }), close: stop };
}

/** Why there is no store of a kind here; undefined where one can be had. */
export function whyMissing(kind: StoreKind): string | undefined {
  // One that is given will not do: it may keep nothing, and is not to be emptied.
  if (kind.startsWith("redis") && !existsSync(redisServer))
    return `there is no ${redisServer}: bash scripts/setup-services.sh installs it`;
  return kind === "postgres" ? noPostgres : undefined;
}

function open(kind: StoreKind): Promise<Store> {
  switch (kind) {
    case "file":
      return files(false);
    case "file, power":
      return files(true);
    case "redis":
      return redis("everysec");
    case "redis, always":
      return redis("always");
    case "postgres":
      return postgres();
  }
}

/** The stores of a run: each is opened when it is needed first, and stays open. */
export class Stores {
  readonly #opened = new Map<StoreKind, Promise<Store>>();

  of(kind: StoreKind): Promise<Store> {
    const store = this.#opened.get(kind) ?? open(kind);
    this.#opened.set(kind, store);
    return store;
  }

  /** Stops what was started, and removes what was kept. */
  async close(): Promise<void> {
    for (const store of this.#opened.values()) await (await store).close();
  }
}
