/**
 * What {@link pgBoss} takes beside the instance or the pool.
 *
 * @module
 */
import { PetioleError, describe } from "../../errors.ts";

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
  const least = { retention: 0, pollInterval: 10, maxSilence: 1000, timeout: 1 };
  for (const [name, minimum] of Object.entries(least) as [keyof typeof least, number][]) {
    const value: unknown = options[name];
    const isRight =
      value === undefined ||
      (typeof value === "number" && value >= minimum && (name === "retention" || value < 2 ** 31));
    if (isRight) continue;
    throw new PetioleError(
      "ERR_OPTION_INVALID",
      `pgBoss(): ${name} is a number of milliseconds, ${minimum} or more; it got ${describe(value)}.`,
    );
  }
  return {
    retention: options.retention ?? 86_400_000,
    pollInterval: options.pollInterval,
    maxSilence: options.maxSilence ?? 8000,
    timeout: options.timeout ?? 30_000,
  };
}
