/** A Redis for a test: one of its own, or the one that `PETIOLE_TEST_REDIS` names by its URL. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { startServer } from "./server.ts";

/** The program. Debian's, unless told; `scripts/setup-services.sh` installs it. */
export const redisServer = process.env["REDIS_SERVER"] ?? "/usr/bin/redis-server";
const given = process.env["PETIOLE_TEST_REDIS"];
const ready = "Ready to accept connections";

/** Why there is none; undefined where one can be had. Where everything is to be tested, starting it fails instead. */
export const noRedis =
  given === undefined && !existsSync(redisServer) && !process.env["CI"]
    ? `there is no ${redisServer}: bash scripts/setup-services.sh installs it, or PETIOLE_TEST_REDIS names another`
    : undefined;

/** Why there is none of the test's own, to be stopped and started; undefined where one can be had. */
export const noOwnRedis =
  !existsSync(redisServer) && !process.env["CI"]
    ? `there is no ${redisServer}: bash scripts/setup-services.sh installs it`
    : undefined;

export interface Redis {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts an empty one that keeps nothing. One that was given is used as it is. */
export async function startRedis(): Promise<Redis> {
  if (given !== undefined) return { url: given, stop: async () => {} };
  return startOwnRedis();
}

export interface OwnRedisOptions {
  /** What was acknowledged survives a crash of the server: each write waits for the disk. */
  readonly durable?: boolean;
  /** More parameters of the program. */
  readonly parameters?: readonly string[];
}

export interface OwnRedis extends Redis {
  readonly port: number;
  /** The process id, of the latest start. */
  readonly pid: () => number;
  /** Stops it as a crash does, SIGKILL, and starts it again on the same port and data after so many milliseconds. */
  restart(downFor?: number): Promise<void>;
}

/** Starts an empty one of the test's own, whatever was given. */
export async function startOwnRedis(options: OwnRedisOptions = {}): Promise<OwnRedis> {
  const { durable = false, parameters: more = [] } = options;
  let parameters: readonly string[] = [];
  const server = await startServer({
    program: redisServer,
    name: "redis",
    parameters: (port, folder) =>
      (parameters = [
        "--port",
        `${port}`,
        "--bind",
        "127.0.0.1",
        "--dir",
        folder,
        "--save",
        "",
        ...(durable ? ["--appendonly", "yes", "--appendfsync", "always"] : []),
        ...more,
      ]),
    ready,
  });
  let again: Awaited<ReturnType<typeof startAgain>> | undefined;
  const pid = (): number => again?.pid ?? server.pid;
  return {
    url: `redis://127.0.0.1:${server.port}`,
    port: server.port,
    pid,
    async restart(downFor = 0) {
      const gone = ended(pid());
      process.kill(pid(), "SIGKILL");
      await gone;
      await sleep(downFor);
      again = await startAgain(parameters);
    },
    async stop() {
      await again?.stop();
      await server.stop();
    },
  };
}

async function startAgain(parameters: readonly string[]) {
  const child = spawn(redisServer, parameters, { stdio: ["ignore", "pipe", "ignore"] });
  const end = (): boolean => child.kill("SIGKILL");
  process.once("exit", end);
  child.once("close", () => process.off("exit", end));
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      if (said.length < 100_000) said += part;
      if (said.includes(ready)) resolve();
    });
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${redisServer} ended with ${code}:\n${said}`)));
  });
  return {
    pid: child.pid!,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, "close");
      child.kill();
      await closed;
    },
  };
}

/** Resolves when a process is no more. */
async function ended(pid: number): Promise<void> {
  for (;;) {
    await sleep(5);
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
  }
}
