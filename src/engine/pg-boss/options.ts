/**
 * What {@link pgBoss} takes beside the instance or the pool.
 *
 * @module
 */
import { checkNames } from "../../errors.ts";
import { refuseSpans } from "../shared/milliseconds.ts";

/** How {@link pgBoss} behaves. All times in milliseconds. */
export interface PgBossOptions {
  /** pg-boss's schema, as its own option of this name has it. Default: `"pgboss"`. */
  readonly schema?: string;
  /**
   * How long a task that this process ends, and its result, can still be looked up, unless its settlement says
   * otherwise. Failed and parked tasks are kept for good. Default: 24 hours.
   */
  readonly retention?: number;
  /**
   * How often to look for what no notification told of. Default: 1,000, and 500 where the connections cannot listen.
   */
  readonly pollInterval?: number;
  /**
   * After how long without a sign of life a process counts as dead, so that its tasks run elsewhere. It gives three in
   * that time, by itself; a lease that was asked for is never longer. From 1,000. Default: 8,000.
   */
  readonly maxSilence?: number;
  /** How long a statement may take, before it is refused with `ERR_ENGINE_UNREACHABLE`. Default: 30,000. */
  readonly timeout?: number;
}

/** The options with their defaults. */
export interface Settings {
  readonly retention: number;
  readonly pollInterval: number | undefined;
  readonly maxSilence: number;
  readonly timeout: number;
}

/**
 * The options with their defaults.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for one that cannot be
 */
export function settingsOf(options: PgBossOptions): Settings {
  const names: Readonly<Record<keyof PgBossOptions, true>> = {
    schema: true,
    retention: true,
    pollInterval: true,
    maxSilence: true,
    timeout: true,
  };
  checkNames("The options of pgBoss()", options, names);
  refuseSpans("pgBoss()", options, {
    retention: { least: 0, isTimer: false },
    pollInterval: { least: 10, isTimer: true },
    maxSilence: { least: 1000, isTimer: true },
    timeout: { least: 1, isTimer: true },
  });
  return {
    retention: options.retention ?? 86_400_000,
    pollInterval: options.pollInterval,
    maxSilence: options.maxSilence ?? 8000,
    timeout: options.timeout ?? 30_000,
  };
}
