/** What a side of a comparison is: an engine as its users use it, in a producer process and a worker process. @module */

/** Where a store is: what a side opens. A fresh one for each round. */
export interface Place {
  /** A URL of a server, or the path of a file. */
  readonly at: string;
  /** Whether what is acknowledged survives a power cut, where the client says so and not the server. */
  readonly power: boolean;
}

/** One engine. Each module in `sides/` hands one to `serve`. */
export interface Side {
  /** In the producer's process. */
  producer(place: Place): Promise<Producer>;
  /**
   * In the worker's process: runs tasks from now on. `began` is to be called with the task's `n` at the start of each
   * handler, which then returns `outcomeOf` its payload.
   */
  worker(place: Place, concurrency: number, began: (n: number) => void): Promise<Closing>;
}

export interface Closing {
  /** Lets go of everything; what runs is finished first. */
  close(): Promise<unknown>;
}

export interface Producer extends Closing {
  /** Resolves when the engine has accepted the task. */
  send(n: number): unknown;
  /** How many tasks have succeeded and are kept, with what they returned; undefined for who keeps none. */
  kept(): Promise<number | undefined>;
}

/** The memory that a process takes, in bytes. */
export interface Resident {
  /** With the space that the engine of JavaScript holds for garbage to come. */
  readonly atOnce: number;
  /** Once that has gone back to the system, as it does when the process has been idle for some seconds. */
  readonly collected: number;
}

/** What the parent asks of a side's process, by name. Times are milliseconds of a clock that all processes share. */
export interface Commands {
  openProducer(request: { readonly place: Place }): void;
  openWorker(request: { readonly place: Place; readonly concurrency: number }): void;
  /** Sends tasks `from` up to `from + count`, so many at a time unanswered. */
  send(request: { readonly from: number; readonly count: number; readonly inFlight: number }): {
    readonly began: number;
    readonly ended: number;
  };
  /** Sends one task after another, about `every` milliseconds apart. When each was begun to be sent. */
  trickle(request: {
    readonly from: number;
    readonly count: number;
    readonly every: number;
  }): readonly number[];
  /** Resolves once `count` handlers have been started. When the start number `from` was (the first is 1), and the last. */
  until(request: { readonly from: number; readonly count: number }): {
    readonly first: number;
    readonly last: number;
  };
  /** When the handlers of tasks `from` up to `from + count` were first started. */
  starts(request: { readonly from: number; readonly count: number }): readonly number[];
  resident(request: Record<string, never>): Resident;
  kept(request: Record<string, never>): number | null;
  close(request: Record<string, never>): void;
}

export type Command = keyof Commands;
export type Request<Name extends Command> = Parameters<Commands[Name]>[0];
export type Answer<Name extends Command> = ReturnType<Commands[Name]>;
