/** A Redis with a replica, and three Sentinels that put it in the place of a primary that is lost. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "redis";
import { eventually } from "./eventually.ts";
import { redisServer, startOwnRedis } from "./redis.ts";
import { startServer, type Server } from "./server.ts";

export { noOwnRedis as noSentinel } from "./redis.ts";

/** What runs. */
export interface WatchedRedis {
  /** Its name at the Sentinels. */
  readonly name: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** Resolves once the replica has all that the primary had when it was called. */
  replicated(): Promise<void>;
  /** Kills the primary, SIGKILL; resolves once the replica has taken its place. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts them. */
export async function startWatchedRedis(): Promise<WatchedRedis> {
  const name = "petiole";
  const primary = await startOwnRedis({ durable: true });
  const replica = await startOwnRedis({
    durable: true,
    parameters: ["--replicaof", "127.0.0.1", `${primary.port}`, "--repl-diskless-sync-delay", "0"],
  });
  const sentinels: Server[] = [];
  for (let count = 0; count < 3; count++)
    sentinels.push(
      await startServer({
        program: redisServer,
        name: "sentinel",
        parameters: (port, folder) => [
          `${folder}/sentinel.conf`,
          "--sentinel",
          "--port",
          `${port}`,
          "--bind",
          "127.0.0.1",
          "--dir",
          folder,
        ],
        prepare: (folder) =>
          writeFile(
            join(folder, "sentinel.conf"),
            [
              `sentinel monitor ${name} 127.0.0.1 ${primary.port} 2`,
              `sentinel down-after-milliseconds ${name} 700`,
              `sentinel failover-timeout ${name} 3000`,
              "",
            ].join("\n"),
          ),
        ready: "Sentinel ID is",
      }),
    );
  const ask = async <Answer>(port: number, command: readonly string[]): Promise<Answer> => {
    const client = createClient({ socket: { host: "127.0.0.1", port, reconnectStrategy: false } });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return (await client.sendCommand([...command])) as Answer;
    } finally {
      if (client.isOpen) client.destroy();
    }
  };
  // Until they know of each other and of the replica, they would put nothing in its place.
  await eventually(async () => {
    for (const { port } of sentinels) {
      const [others, replicas] = await Promise.all([
        ask<unknown[]>(port, ["SENTINEL", "SENTINELS", name]),
        ask<unknown[]>(port, ["SENTINEL", "REPLICAS", name]),
      ]);
      if (others.length < 2 || replicas.length < 1) throw new Error("they do not know of each other yet");
    }
    const about = await ask<string>(replica.port, ["INFO", "replication"]);
    if (!about.includes("master_link_status:up")) throw new Error("the replica does not follow yet");
  }, 30_000);
  return {
    name,
    sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
    async replicated() {
      await eventually(async () => {
        const offset = async (port: number, field: string): Promise<string | undefined> =>
          new RegExp(`^${field}:(\\d+)`, "m").exec(await ask<string>(port, ["INFO", "replication"]))?.[1];
        const wanted = Number(await offset(primary.port, "master_repl_offset"));
        if (!(Number(await offset(replica.port, "slave_repl_offset")) >= wanted))
          throw new Error("not all yet");
      });
    },
    async failOver() {
      process.kill(primary.pid(), "SIGKILL");
      await eventually(async () => {
        const about = await ask<string>(replica.port, ["INFO", "replication"]);
        if (!about.includes("role:master")) throw new Error("it is a replica still");
      }, 30_000);
    },
    async stop() {
      await Promise.all(sentinels.map((sentinel) => sentinel.stop()));
      await Promise.all([replica.stop(), primary.stop()]);
    },
  };
}
