/** What ends a run from outside: its timeout, and its worker's stop. @module */
import { PetioleError } from "../errors.ts";
import { after } from "./duration.ts";

/** How long a handler may take to heed its signal before it is given up, in milliseconds. */
const grace = 1000;

/** One run's signal. Closed when the run is over, so that nothing outlives it. */
export class RunBounds {
  /** Aborts when the timeout is over or the worker must stop. */
  readonly signal: AbortSignal;
  /** Rejects when the handler has not heeded the signal. */
  readonly overdue: Promise<never>;
  readonly close: () => void;

  constructor(timeout: number | undefined, stop: AbortSignal) {
    const controller = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    this.signal = controller.signal;
    this.overdue = promise;
    let stopTimer = (): void => {};
    const abort = (reason: unknown): void => {
      stopTimer();
      controller.abort(reason);
      stopTimer = after(grace, () => reject(reason as Error));
    };
    const onStop = (): void => abort(stop.reason);
    this.close = () => {
      stopTimer();
      stop.removeEventListener("abort", onStop);
    };
    if (timeout !== undefined) stopTimer = after(timeout, () => abort(timeoutError(timeout)));
    if (stop.aborted) onStop();
    else stop.addEventListener("abort", onStop, { once: true });
  }
}

/** The error of a run that took too long; `thrown` is what its handler made of the signal. */
export function timeoutError(timeout: number | undefined, thrown?: unknown): PetioleError {
  if (thrown instanceof PetioleError && thrown.code === "ERR_TASK_TIMEOUT") return thrown;
  const message = `the run took longer than its timeout of ${timeout} ms`;
  return new PetioleError("ERR_TASK_TIMEOUT", message, thrown === undefined ? {} : { cause: thrown });
}
