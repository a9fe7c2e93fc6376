/** What ends a run from outside: its timeout, and its worker's stop. @module */
import { PetioleError } from "../errors.ts";
import { after } from "./duration.ts";

/** How long a handler may take to heed its signal before it is given up, in milliseconds. */
const grace = 1000;

/** Why a run is stopped that somebody has called off. */
export const calledOff = "it was cancelled";

/** A call to stop, to one run. An AbortController costs more than the rest of a short run, and most never abort. */
export class Stop {
  /** Called once, when it is called to. */
  onCall: (() => void) | undefined;
  #called = false;
  #reason: unknown;

  get isCalled(): boolean {
    return this.#called;
  }

  /** Whether it is because the task was called off. */
  get isCancel(): boolean {
    return this.#reason instanceof Error && this.#reason.message === calledOff;
  }

  /** Why, once it is called to. */
  get reason(): unknown {
    return this.#reason;
  }

  call(reason: unknown): void {
    if (this.#called) return;
    this.#called = true;
    this.#reason = reason;
    this.onCall?.();
  }
}

/** The shorter of a task's own bound and the one that its message came with, in milliseconds. */
export function shorter(own: number | undefined, sent: unknown): number | undefined {
  if (typeof sent !== "number" || !(sent > 0)) return own;
  return own === undefined ? sent : Math.min(own, sent);
}

/** One run's signal. Closed when the run is over, so that nothing outlives it. */
export class RunBounds {
  readonly #timeout: number | undefined;
  readonly #stop: Stop;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;
  #stopTimer: () => void = () => {};
  #giveUp: (reason: unknown) => void = () => {};

  constructor(timeout: number | undefined, stop: Stop) {
    this.#timeout = timeout;
    this.#stop = stop;
    if (timeout !== undefined) this.#stopTimer = after(timeout, () => this.#abort(timeoutError(timeout)));
    if (stop.isCalled) this.#abort(stop.reason);
    else stop.onCall = () => this.#abort(stop.reason);
  }

  /** Aborts when the timeout is over or the worker must stop. Made when it is asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** What the run comes to; rejects as well when its handler has not heeded the signal. To be called once. */
  within<Result>(run: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject;
      run.then(resolve, reject);
    });
  }

  /** What a thrown error is: the timeout's, where that made the handler throw. */
  errorOf(thrown: unknown): unknown {
    return this.#aborted ? timeoutError(this.#timeout, thrown) : thrown;
  }

  close(): void {
    this.#stopTimer();
    this.#stop.onCall = undefined;
  }

  #abort(reason: unknown): void {
    this.#stopTimer();
    // By the timeout and by the stop: the first reason stays, and the grace begins anew.
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
    this.#stopTimer = after(grace, () => this.#giveUp(reason));
  }
}

/** The error of a run that took too long; `thrown` is what its handler made of the signal. */
export function timeoutError(timeout: number | undefined, thrown?: unknown): PetioleError {
  if (thrown instanceof PetioleError && thrown.code === "ERR_TASK_TIMEOUT") return thrown;
  const message = `the run took longer than its timeout of ${timeout} ms`;
  return new PetioleError("ERR_TASK_TIMEOUT", message, thrown === undefined ? {} : { cause: thrown });
}
