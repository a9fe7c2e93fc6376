#!/usr/bin/env node
/**
 * The command line: `petiole <command> <app module>`.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { parseCommand, usage, type Invocation } from "./arguments.ts";
import { loadApp, type App } from "./app-module.ts";
import { cancel } from "./cancel.ts";
import { change } from "./change.ts";
import { describeFailure } from "./failure.ts";
import { list } from "./list.ts";
import { printOutbox, printOutboxOf } from "./outbox.ts";
import { pauseOrResume } from "./pause.ts";
import { relay } from "./relay.ts";
import { show } from "./show.ts";
import { status } from "./status.ts";
import { supervise } from "./supervise.ts";
import { Supervised } from "./supervised.ts";
import { work } from "./work.ts";

async function main(parameters: readonly string[], supervised: Supervised | undefined): Promise<number> {
  const invocation = parseCommand(parameters);
  if (invocation === "help" || invocation === "version") {
    console.log(invocation === "help" ? usage : version());
    return 0;
  }
  const { command, module, flags } = invocation;
  if (command === "outbox" && flags.dialect !== undefined) return printOutbox(flags.dialect, flags.table);
  if (flags.processes !== undefined) return supervise(invocation, flags.processes);
  const app = await loadApp(module);
  // A worker closes its app itself, once what it runs is over.
  if (command === "worker") return work(app, invocation, supervised);
  if (command === "relay") return relay(app);
  try {
    const exitCode = await inspect(app, invocation, command);
    await flushed(process.stdout);
    if (unwritten !== undefined) throw unwritten;
    return exitCode;
  } finally {
    await app.close();
  }
}

function inspect(
  app: App,
  invocation: Invocation,
  command: Exclude<Invocation["command"], "worker" | "relay">,
): Promise<number> {
  switch (command) {
    case "outbox":
      return printOutboxOf(app);
    case "status":
      return status(app, invocation);
    case "failed":
    case "parked":
      return list(app, invocation, command);
    case "show":
      return show(app, invocation);
    case "retry":
    case "discard":
      return change(app, invocation, command);
    case "cancel":
      return cancel(app, invocation);
    case "pause":
    case "resume":
      return pauseOrResume(app, invocation, command);
  }
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** Resolves once a stream has written everything, or cannot. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}

// Whoever reads what it prints may end before it does, as `tee` at the same Ctrl-C: nothing that runs shall die of it.
let unwritten: NodeJS.ErrnoException | undefined;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // Whoever pipes it into `head` has seen enough; a full disk has not got it.
  if (error.code !== "EPIPE") unwritten ??= error;
});
process.stderr.on("error", () => {});
const supervised = Supervised.find();
const exitCode = await main(process.argv.slice(2), supervised).catch(async (error: unknown) => {
  const { text, exitCode } = describeFailure(error);
  const isTold = (await supervised?.failed(text, exitCode)) === true;
  if (!isTold) console.error(text);
  return exitCode;
});
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
// Not left to the end of all work: the app's module may hold a connection or a timer, and a handler that was
// handed back may still be at it.
process.exit(exitCode);
