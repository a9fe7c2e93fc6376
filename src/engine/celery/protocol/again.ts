/**
 * A message that takes the place of another: the same task, at another time or after another attempt.
 *
 * @module
 */
import { isOfDelivery } from "./headers.ts";
import type { CeleryHeaders, CeleryMessage } from "./message.ts";
import { readPetioleHeader, writePetioleHeader } from "./petiole-header.ts";
import { etaOf, nonZero } from "./sending.ts";
import type { Counters } from "./sending.ts";
import type { Received } from "./receiving.ts";
import { toTime } from "./times.ts";

/** What becomes different. Counters that are not told stay. */
export interface AgainChanges extends Partial<Counters> {
  /** Not before this time, in epoch milliseconds. In the past means now. */
  readonly runAt: number;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** The message to publish: the same bytes, id and what follows it. A counter that is given as undefined is cleared. */
export function again(received: Received, changes: AgainChanges): CeleryMessage {
  const { celery } = received;
  const { runAt, now, ...counted } = changes;
  const { attempts, crashes, deferrals, deferredAt }: Counters = { ...received, ...counted };
  const eta = etaOf(runAt, now);
  const petiole = readPetioleHeader(celery.headers["petiole"]) ?? { headers: { wire: 1 }, own: {} };
  const { crashes: _crashes, deferrals: _deferrals, deferredAt: _deferredAt, ...own } = petiole.own;
  const headers = Object.fromEntries(
    Object.entries(celery.headers).filter(([name]) => !isOfDelivery(name)),
  ) as CeleryHeaders;
  const { expiration: _expiration, delivered: _delivered, ...message } = celery;
  return {
    ...message,
    isAgain: true,
    headers: {
      ...headers,
      eta: eta === undefined ? null : toTime(eta),
      retries: attempts,
      petiole: writePetioleHeader({
        headers: petiole.headers,
        own: { ...own, ...nonZero({ crashes, deferrals, ...(deferredAt !== undefined && { deferredAt }) }) },
      }),
    },
  };
}
