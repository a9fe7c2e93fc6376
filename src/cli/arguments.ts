/** What a person typed, checked. @module */
import { parseArgs } from "node:util";
import { PetioleError } from "../errors.ts";

export const usage = `petiole <command> <app module>

  worker   run tasks                 --concurrency N  --queues a,b  --lease 30s  --name NAME
  status   how many tasks there are, by queue and state     --json
  failed   list failed tasks         --task NAME  --queue NAME  --limit N  --json
  parked   list parked tasks         --task NAME  --queue NAME  --limit N  --json
  retry    run them again            ID …  |  --failed  |  --parked
  discard  give them up              ID …  |  --failed  |  --parked

The app module is a file that exports a Petiole as \`app\` or as its default: petiole worker ./app.ts`;

const commands = ["worker", "status", "failed", "parked", "retry", "discard"] as const;

/** One of the commands. */
export type Command = (typeof commands)[number];

const flags = {
  worker: ["concurrency", "queues", "lease", "name"],
  status: ["json"],
  failed: ["task", "queue", "limit", "json"],
  parked: ["task", "queue", "limit", "json"],
  retry: ["failed", "parked"],
  discard: ["failed", "parked"],
} as const satisfies Record<Command, readonly string[]>;

/** A command with what goes with it. */
export interface Invocation {
  readonly command: Command;
  /** The app module's path, as typed. */
  readonly module: string;
  readonly ids: readonly string[];
  readonly flags: {
    readonly concurrency?: number;
    readonly queues?: string;
    readonly lease?: string;
    readonly name?: string;
    readonly task?: string;
    readonly queue?: string;
    readonly limit?: number;
    readonly json?: boolean;
    readonly failed?: boolean;
    readonly parked?: boolean;
  };
}

/**
 * Reads the command line.
 *
 * @throws PetioleError `ERR_COMMAND_LINE`
 */
export function parseCommand(parameters: readonly string[]): Invocation | "help" {
  const { values, positionals } = parse(parameters);
  const [command, module, ...ids] = positionals;
  if (values.help === true || command === undefined || command === "help") return "help";
  if (!isCommand(command)) throw wrong(`there is no command "${command}"`);
  if (module === undefined) throw wrong(`${command} needs an app module: petiole ${command} ./app.ts`);
  const { help: _help, ...given } = values;
  const unfit = Object.keys(given).find((flag) => !(flags[command] as readonly string[]).includes(flag));
  if (unfit !== undefined) throw wrong(`${command} takes no --${unfit}`);
  const several = command === "retry" || command === "discard";
  if (!several && ids.length > 0)
    throw wrong(`${command} takes nothing after the app module, received "${ids[0]}"`);
  if (several && ids.length > 0 === (given.failed === true || given.parked === true)) {
    throw wrong(`${command} needs either ids, or --failed or --parked`);
  }
  const { concurrency, limit, ...others } = given;
  return {
    command,
    module,
    ids,
    flags: {
      ...others,
      ...(concurrency === undefined ? {} : { concurrency: wholeNumber(concurrency, "concurrency") }),
      ...(limit === undefined ? {} : { limit: wholeNumber(limit, "limit") }),
    },
  };
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
        concurrency: text,
        queues: text,
        lease: text,
        name: text,
        task: text,
        queue: text,
        limit: text,
        json: flag,
        failed: flag,
        parked: flag,
        help: { ...flag, short: "h" },
      },
    });
  } catch (error) {
    throw wrong((error as Error).message.replace(/\.$/, ""));
  }
}
