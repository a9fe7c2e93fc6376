import { checkNames } from "../../../errors.ts";
import { closedError } from "../errors.ts";
import { refuseSpans } from "../../shared/milliseconds.ts";
import { CeleryControl } from "./client.ts";
import { mailboxOf, watchNames, type CeleryWatchOptions } from "./watching.ts";

/** How {@link celeryControl} behaves. Times in milliseconds. */
export interface CeleryControlOptions extends CeleryWatchOptions {
  /** How long to wait for answers, of which nobody knows how many will come. Default: 1 second. */
  readonly timeout?: number;
}

/**
 * Asks the workers on a broker what they do, and tells them what to do: Python's and ours, who answer alike. Its
 * connection is its own; it needs no app and no worker.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for options that cannot be
 *
 * @example
 * const control = celeryControl({ broker: new Redis() });
 * for (const [worker, tasks] of (await control.active()).replies) console.log(worker, tasks.length);
 * await control.rateLimit("shop.invoice", "10/m");
 * await control.close();
 */
export function celeryControl(options: CeleryControlOptions): CeleryControl {
  checkNames("The options of celeryControl()", options ?? {}, { ...watchNames, timeout: true });
  refuseSpans("celeryControl()", options ?? {}, { timeout: { least: 1, isTimer: true } });
  return new CeleryControl({ ...mailboxOf(options), timeout: options.timeout ?? 1000, closed: closedError });
}
