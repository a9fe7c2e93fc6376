/**
 * Other processes for the contract's tests.
 *
 * @module
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { isAbsolute } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Json } from "../../message.ts";
import { soon } from "./case.ts";
import type { Elsewhere } from "./harness.ts";

/** What a child process is told to do, see `child.ts`. */
export type Role = "compete" | "send" | "wait" | "waitForChain" | "hold" | "work";

/** A process that has the engine open. */
export interface Child {
  /** The next line that it says, which must come soon. */
  next(): Promise<unknown>;
  /** Tells it to go on, or to come to an end: it hears each call once. */
  tell(): void;
  /** Ends it with SIGKILL, as a crash does. */
  kill(): Promise<void>;
}

// Beside this file, and compiled as it is.
const script = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./child.ts" : "./child.js", import.meta.url),
);

/**
 * Runs something with child processes, each ready, and ends them.
 *
 * @param parameters for each child its own
 */
export async function withChildren(
  elsewhere: Elsewhere,
  role: Role,
  parameters: readonly Json[],
  run: (children: readonly Child[]) => Promise<void>,
): Promise<void> {
  const children = parameters.map((each) => startChild(elsewhere, role, each));
  try {
    for (const child of children) await child.next();
    await run(children);
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
}

function startChild({ module, config }: Elsewhere, role: Role, parameters: Json): Child {
  const url = isAbsolute(module) ? pathToFileURL(module).href : module;
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      script,
      url,
      JSON.stringify(config),
      role,
      JSON.stringify(parameters),
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const exited = once(child, "exit");
  // What it is told when it is gone already.
  child.stdin.on("error", () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      const line = await soon(lines.next(), `a line of the process that shall ${role}`, 60_000);
      if (line.done === true) throw new Error(`The process that shall ${role} has ended: ${endOf(child)}.`);
      return JSON.parse(line.value) as unknown;
    },
    tell: () => void child.stdin.write("\n"),
    async kill() {
      child.kill("SIGKILL");
      await exited;
      child.stdout.destroy();
    },
  };
}

function endOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `code ${exitCode}`;
}
