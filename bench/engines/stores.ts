/** What the engines keep their tasks in: files, and servers of the benchmark's own, fresh for each round. @module */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { noRedis } from "../../test/services/redis.ts";
import { startServer } from "../../test/services/server.ts";
import type { Place } from "./side.ts";

/** Hands out empty places. */
export interface Store {
  fresh(): Promise<Place>;
  close(): Promise<void>;
}

export type StoreKind = "file" | "file, power" | "redis" | "redis, always" | "postgres";

/** A file for each round. */
export async function files(power: boolean): Promise<Store> {
  const folder = await mkdtemp(join(tmpdir(), "petiole-bench-"));
  let count = 0;
  const clear = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", clear);
  return {
    fresh: async () => ({ at: join(await mkdtemp(join(folder, "round-")), `${count++}.db`), power }),
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
export async function redis(appendfsync: "everysec" | "always"): Promise<Store> {
  if (noRedis !== undefined) throw new Error(noRedis);
  const { port, stop } = await startServer({
    program: process.env["REDIS_SERVER"] ?? "/usr/bin/redis-server",
    name: "bench-redis",
    parameters: (port, folder) => [
      ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
      ...["--appendonly", "yes", "--appendfsync", appendfsync, "--auto-aof-rewrite-percentage", "0"],
      ...["--maxmemory-policy", "noeviction"],
    ],
    ready: "Ready to accept connections",
  });
  const client = new Redis(port, "127.0.0.1");
  return {
    async fresh() {
      await client.flushall();
      return { at: `redis://127.0.0.1:${port}`, power: appendfsync === "always" };
    },
    async close() {
      client.disconnect();
      await stop();
    },
  };
}
