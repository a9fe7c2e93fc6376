/** A server of a test's own: a program on a free port of this machine, in a temporary folder. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ServerOptions {
  readonly program: string;
  /** The start of the temporary folder's name. */
  readonly name: string;
  readonly parameters: (port: number, folder: string) => readonly string[];
  /** What takes the place of this process's environment. */
  readonly environment?: (port: number, folder: string) => Promise<NodeJS.ProcessEnv>;
  /** What it prints once it takes connections. */
  readonly ready: string;
  /** Makes the folder ready, once. */
  readonly prepare?: (folder: string) => Promise<void>;
  /** The user that it runs as, where it refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** The signal that ends it at once, where SIGTERM lets it wait for its clients. */
  readonly urgently?: NodeJS.Signals;
}

export interface Server {
  readonly port: number;
  /** Changes with a `restart`. */
  readonly pid: number;
  /** Ends it as a crash does, and starts it again on the same port and folder, after so many milliseconds. */
  restart(downFor?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it; rejects with what it said when it ends instead. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { program, name, parameters, environment, ready, prepare, user, urgently = "SIGTERM" } = options;
  const folder = mkdtempSync(join(tmpdir(), `petiole-${name}-`));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  let child: ChildProcess;
  const end = (): boolean => child.kill(urgently);
  const start = async (port: number): Promise<void> => {
    const env = (await environment?.(port, folder)) ?? process.env;
    child = spawn(program, parameters(port, folder), { stdio: ["ignore", "pipe", "pipe"], env, ...user });
    await isReady(child, program, ready);
  };
  try {
    await prepare?.(folder);
    process.once("exit", end);
    // The port was free a moment ago: another may have it by now.
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      try {
        await start(port);
      } catch (error) {
        if (attempt < 3) continue;
        process.off("exit", end);
        throw error;
      }
      return {
        port,
        get pid() {
          return child.pid!;
        },
        async restart(downFor = 0) {
          const ended = once(child, "close");
          child.kill("SIGKILL");
          await ended;
          await new Promise((resolve) => {
            setTimeout(resolve, downFor);
          });
          await start(port);
        },
        async stop() {
          process.off("exit", end);
          const ended = once(child, "close");
          if (child.kill()) {
            // Clients that were ended a moment ago may still be on their way: to be cut off would be an error to them.
            const hurry = setTimeout(end, 2000);
            await ended;
            clearTimeout(hurry);
          }
          // A database is a thousand files.
          await rm(folder, { recursive: true, force: true });
        },
      };
    }
  } catch (error) {
    remove();
    throw error;
  }
}

/**
 * One that is free at this moment, and none of those that systems give to clients (from 32,768 on, as a rule): a server that
 * is started again finds it free, and who tries to reach it meanwhile does not reach themselves.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
      throw error;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

function isReady(child: ChildProcess, program: string, ready: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        // Only what comes before it is ready is of interest.
        if (said.length < 100_000) said += part;
        if (said.includes(ready)) resolve();
      });
    }
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`${program} ended with ${code}:\n${said}`)));
  });
}
