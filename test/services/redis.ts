/** A Redis for a test: one of its own, or the one that `PETIOLE_TEST_REDIS` names by its URL. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Debian's, unless told; `scripts/setup-services.sh` installs it. */
const program = process.env["REDIS_SERVER"] ?? "/usr/bin/redis-server";
const given = process.env["PETIOLE_TEST_REDIS"];

/** Why there is none; undefined where one can be had. Where everything is to be tested, starting it fails instead. */
export const noRedis =
  given === undefined && !existsSync(program) && !process.env["CI"]
    ? `there is no ${program}: bash scripts/setup-services.sh installs it, or PETIOLE_TEST_REDIS names another`
    : undefined;

export interface Redis {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts an empty one that keeps nothing. One that was given is used as it is. */
export async function startRedis(): Promise<Redis> {
  if (given !== undefined) return { url: given, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), "petiole-redis-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // The port was free a moment ago: another may have it by now.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const parameters = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "inherit"] });
    const end = (): boolean => child.kill();
    process.once("exit", end);
    try {
      await isReady(child);
    } catch (error) {
      process.off("exit", end);
      if (attempt < 3) continue;
      remove();
      throw error;
    }
    return {
      url: `redis://127.0.0.1:${port}`,
      async stop() {
        process.off("exit", end);
        const ended = once(child, "close");
        if (end()) await ended;
        remove();
      },
    };
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when it takes connections; rejects with what it said when it has ended. */
function isReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout!.setEncoding("utf8").on("data", (part: string) => {
      said += part;
      if (said.includes("Ready to accept connections")) resolve();
    });
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${program} ended with ${code}:\n${said}`)));
  });
}
