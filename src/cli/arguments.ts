/** What a person typed, checked. @module */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { PetioleError } from "../errors.ts";

export const usage = `petiole <command> <app module>

  worker   run tasks                 --processes N|auto  --concurrency N  --queues a,b  --lease 30s
                                     --max-crashes N  --shutdown-timeout 30s  --name NAME
  relay    send what transactions left in the outbox
  outbox   outbox sql <app module>: print the SQL that makes the outbox's table
                                     or, without an app module, --dialect postgres|sqlite|mysql  --table NAME
  status   how many tasks there are, by queue and state     --json
  failed   list failed tasks         --task NAME  --queue NAME  --limit N  --json
  parked   list parked tasks         --task NAME  --queue NAME  --limit N  --json
  show     all about one task        ID  --json
  retry    run them again            ID …  |  --failed  |  --parked
  discard  give them up              ID …  |  --failed  |  --parked
  cancel   call them off             ID …
  pause    take nothing from queues  QUEUE …
  resume   end that                  QUEUE …

The app module is a file that exports a Petiole as \`app\` or as its default: petiole worker ./app.ts
petiole --version prints the version.`;

const commands = [
  "worker",
  "relay",
  "outbox",
  "status",
  "failed",
  "parked",
  "show",
  "retry",
  "discard",
  "cancel",
  "pause",
  "resume",
] as const;

/** One of the commands. */
export type Command = (typeof commands)[number];

const flags = {
  worker: ["processes", "concurrency", "queues", "lease", "max-crashes", "shutdown-timeout", "name"],
  relay: [],
  outbox: ["dialect", "table"],
  status: ["json"],
  failed: ["task", "queue", "limit", "json"],
  parked: ["task", "queue", "limit", "json"],
  show: ["json"],
  retry: ["failed", "parked"],
  discard: ["failed", "parked"],
  cancel: [],
  pause: [],
  resume: [],
} as const satisfies Record<Command, readonly string[]>;

/** A command with what goes with it. */
export interface Invocation {
  readonly command: Command;
  /** The app module's path, as typed; empty where a command does without. */
  readonly module: string;
  /** Ids of tasks or, for `pause` and `resume`, names of queues. */
  readonly names: readonly string[];
  readonly flags: {
    /** For how many processes; `auto` is counted already. */
    readonly processes?: number;
    readonly concurrency?: number;
    readonly queues?: string;
    readonly lease?: string;
    readonly maxCrashes?: number;
    readonly shutdownTimeout?: string;
    readonly name?: string;
    readonly task?: string;
    readonly queue?: string;
    readonly limit?: number;
    readonly json?: boolean;
    readonly failed?: boolean;
    readonly parked?: boolean;
    readonly dialect?: string;
    readonly table?: string;
  };
}

/**
 * Reads the command line.
 *
 * @throws PetioleError `ERR_COMMAND_LINE`
 */
export function parseCommand(parameters: readonly string[]): Invocation | "help" | "version" {
  const { values, positionals } = parse(parameters);
  const { help, version, ...given } = values;
  const [command, ...others] = positionals;
  if (help === true || command === "help") return "help";
  if (version === true) return "version";
  if (command === undefined) return "help";
  if (!isCommand(command)) throw wrong(`there is no command "${command}"`);
  const [module, ...names] = command === "outbox" ? outboxModule(others, given) : others;
  if (module === undefined) throw wrong(`${command} needs an app module: petiole ${command} ./app.ts`);
  const unfit = Object.keys(given).find((flag) => !(flags[command] as readonly string[]).includes(flag));
  if (unfit !== undefined) throw wrong(`${command} takes no --${unfit}`);
  checkNames(command, names, given.failed === true || given.parked === true);
  return { command, module, names, flags: flagsOf(given) };
}

/** What follows `outbox sql`: an app module, or nothing where its flags say enough. */
function outboxModule(
  [what, ...others]: readonly string[],
  { dialect, table }: ReturnType<typeof parse>["values"],
): string[] {
  if (what !== "sql")
    throw wrong(`outbox takes the word sql: petiole outbox sql ./app.ts, received "${what ?? ""}"`);
  const isEnough = dialect !== undefined;
  if (others.length > 0 ? isEnough || table !== undefined : !isEnough)
    throw wrong("outbox sql needs either an app module, or --dialect (and perhaps --table)");
  return others.length > 0 ? [...others] : [""];
}

function checkNames(command: Command, names: readonly string[], hasStates: boolean): void {
  switch (command) {
    case "retry":
    case "discard":
      if (names.length > 0 === hasStates) throw wrong(`${command} needs either ids, or --failed or --parked`);
      return;
    case "cancel":
      if (names.length === 0) throw wrong("cancel needs the ids of tasks");
      return;
    case "pause":
    case "resume":
      if (names.length === 0) throw wrong(`${command} needs the names of queues`);
      return;
    case "show":
      if (names.length !== 1) throw wrong(`show needs the id of one task, received ${names.length}`);
      return;
    default:
      if (names.length > 0)
        throw wrong(`${command} takes nothing after the app module, received "${names[0]}"`);
  }
}

function flagsOf(given: Omit<ReturnType<typeof parse>["values"], "help" | "version">): Invocation["flags"] {
  const {
    processes,
    concurrency,
    "max-crashes": maxCrashes,
    "shutdown-timeout": shutdownTimeout,
    limit,
    ...others
  } = given;
  return {
    ...others,
    ...(processes === undefined ? {} : { processes: processCount(processes) }),
    ...(concurrency === undefined ? {} : { concurrency: wholeNumber(concurrency, "concurrency") }),
    ...(maxCrashes === undefined ? {} : { maxCrashes: wholeNumber(maxCrashes, "max-crashes") }),
    ...(shutdownTimeout === undefined ? {} : { shutdownTimeout }),
    ...(limit === undefined ? {} : { limit: wholeNumber(limit, "limit") }),
  };
}

/** A number of processes that was typed. One that is far too high would bring the machine down. */
function processCount(text: string): number {
  if (text === "auto") return availableParallelism();
  const count = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : Infinity;
  if (count <= 1000) return count;
  throw wrong(`--processes must be a whole number from 1 to 1000, or auto, received "${text}"`);
}

/** A whole number above 0 that was typed. */
function wholeNumber(text: string, flag: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw wrong(`--${flag} must be a whole number above 0, received "${text}"`);
}

/** A command line that says nothing that can be done. */
export function wrong(why: string): PetioleError {
  return new PetioleError("ERR_COMMAND_LINE", `${why}.\n\n${usage}`);
}

function isCommand(text: string): text is Command {
  return (commands as readonly string[]).includes(text);
}

function parse(parameters: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args: [...parameters],
      allowPositionals: true,
      options: {
        processes: text,
        concurrency: text,
        queues: text,
        lease: text,
        "max-crashes": text,
        "shutdown-timeout": text,
        name: text,
        task: text,
        queue: text,
        limit: text,
        json: flag,
        failed: flag,
        parked: flag,
        dialect: text,
        table: text,
        help: { ...flag, short: "h" },
        version: flag,
      },
    });
  } catch (error) {
    throw wrong((error as Error).message.replace(/\.$/, ""));
  }
}
