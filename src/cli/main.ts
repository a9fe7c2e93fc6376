#!/usr/bin/env node
/**
 * The command line: `petiole <command> <app module>`.
 *
 * @module
 */
import { PetioleError } from "../errors.ts";
import { parseCommand, usage, type Invocation } from "./arguments.ts";
import { loadApp } from "./app-module.ts";
import { change } from "./change.ts";
import { fail } from "./failure.ts";
import { list } from "./list.ts";
import { status } from "./status.ts";
import { work } from "./work.ts";

async function main(parameters: readonly string[]): Promise<number> {
  const invocation = parseCommand(parameters);
  if (invocation === "help") {
    console.log(usage);
    return 0;
  }
  const app = await loadApp(invocation.module);
  // A worker closes its app itself, once what it runs is over.
  if (invocation.command === "worker") return work(app, invocation);
  try {
    return await inspect(app, invocation);
  } finally {
    await app.close();
  }
}

function inspect(app: Awaited<ReturnType<typeof loadApp>>, invocation: Invocation): Promise<number> {
  switch (invocation.command) {
    case "status":
      return status(app, invocation);
    case "failed":
    case "parked":
      return list(app, invocation, invocation.command);
    case "retry":
    case "discard":
      return change(app, invocation, invocation.command);
    default:
      throw new PetioleError("ERR_COMMAND_LINE", `There is no command ${invocation.command}.`);
  }
}

/** Resolves once a stream has written everything, or cannot. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

const exitCode = await main(process.argv.slice(2)).catch(fail);
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Not left to the end of all work: the app's module may hold a connection or a timer, and a handler that was
// handed back may still be at it.
process.exit(exitCode);
