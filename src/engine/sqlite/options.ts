/**
 * What {@link sqlite} takes.
 *
 * @module
 */
import { PetioleError, checkNames, describe } from "../../errors.ts";
import { refuseSpans } from "../shared/milliseconds.ts";

/** How {@link sqlite} behaves. */
export interface SqliteOptions {
  /**
   * What a send that has resolved survives.
   *
   * - `"process"` (default): the end of any process in any way, `kill -9` included. A power cut or a crash of
   *   the operating system may take the last moments with it; the file stays sound.
   *   (SQLite: `synchronous = NORMAL`.)
   * - `"power"`: a power cut too. Each transaction waits for the disk. (SQLite: `synchronous = FULL`.)
   */
  readonly durability?: "process" | "power";
  /**
   * How long a task that this process ends, and its result, can still be looked up, in milliseconds, unless its
   * settlement says otherwise. Failed and parked tasks are kept for good. Default: 24 hours.
   */
  readonly retention?: number;
  /**
   * How long an operation waits while other processes are writing, in milliseconds; then it is refused with
   * `ERR_ENGINE_BUSY`. The event loop is free meanwhile. Default: 30 seconds.
   */
  readonly busyTimeout?: number;
  /**
   * How often to look for what no other process has told of, in milliseconds. Other processes are woken at once
   * as a rule; this is for file systems that have no notifications. Default: 500.
   */
  readonly pollInterval?: number;
  /**
   * The file is your application's own database: the engine's tables lie beside yours, their names beginning with
   * `petiole_`, and `transactions: "same-database"` of an app sends as part of your transactions. Only where your own
   * connection to it is a `node:sqlite` one, in every process. The file is put in WAL mode. Default: false, a file of
   * the engine's own.
   */
  readonly sameDatabase?: boolean;
}

/** The options with their defaults. */
export function settingsOf(options: SqliteOptions): Required<SqliteOptions> {
  return {
    durability: options.durability ?? "process",
    retention: options.retention ?? 86_400_000,
    busyTimeout: options.busyTimeout ?? 30_000,
    pollInterval: options.pollInterval ?? 500,
    sameDatabase: options.sameDatabase ?? false,
  };
}

/** Refuses a path that is no file's, and options that cannot be. */
export function refuseInvalid(path: string, options: SqliteOptions): void {
  if (
    typeof path !== "string" ||
    path === "" ||
    path === ":memory:" ||
    path.includes("\0") ||
    path.startsWith("file:")
  ) {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `sqlite() needs the path of a file, such as "tasks.db"; it got ${describe(path)}. ` +
        "For an engine in memory, use memory().",
    );
  }
  checkNames("The options of sqlite()", options, settingsOf({}));
  const { durability } = options;
  if (durability !== undefined && durability !== "process" && durability !== "power") {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `sqlite(): durability is "process" or "power"; it got ${describe(durability)}.`,
    );
  }
  if (options.sameDatabase !== undefined && typeof options.sameDatabase !== "boolean") {
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `sqlite(): sameDatabase is true or false; it got ${describe(options.sameDatabase)}.`,
    );
  }
  refuseSpans("sqlite()", options, {
    retention: { least: 0, isTimer: false },
    busyTimeout: { least: 0, isTimer: false },
    pollInterval: { least: 0, isTimer: true },
  });
}
