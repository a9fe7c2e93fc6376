/** A Redis for a test: one of its own, or the one that `PETIOLE_TEST_REDIS` names by its URL. */
import { existsSync } from "node:fs";
import { startServer } from "./server.ts";

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
  const { port, stop } = await startServer({
    program,
    name: "redis",
    parameters: (port, folder) => ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
    ready: "Ready to accept connections",
  });
  return { url: `redis://127.0.0.1:${port}`, stop };
}
