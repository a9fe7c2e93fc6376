/** A worker process's side of the supervisor that started it: `petiole worker --processes`. @module */

/** The variable that says to a process that it is supervised: others, too, start programs with a channel. */
export const supervisedVariable = "PETIOLE_SUPERVISED";

/** What a supervisor says to its processes. */
export interface Order {
  readonly petiole: "stop";
  /** What it was told to stop by. */
  readonly signal: NodeJS.Signals;
  /** Hand back what runs, in place of finishing it. */
  readonly now: boolean;
}

/** What a process says to its supervisor. */
export type Word =
  | { readonly petiole: "ready" }
  /** It could not start. Said in place of printed, so that it is printed once for all processes. */
  | { readonly petiole: "failed"; readonly text: string; readonly exitCode: number };

/** Called with what the process is told to stop by. */
type StopListener = (why: string, now: boolean) => void;

/** The channel to the supervisor. */
export class Supervised {
  #onStop: StopListener | undefined;

  /** Of this process; undefined when nobody supervises it. */
  static find(): Supervised | undefined {
    const isSupervised = process.env[supervisedVariable] !== undefined && process.send !== undefined;
    // Not for the processes that tasks may start.
    delete process.env[supervisedVariable];
    return isSupervised ? new Supervised() : undefined;
  }

  private constructor() {
    process.on("message", (message) => {
      if (isOrder(message)) this.#onStop?.(message.signal, message.now);
    });
    // A supervisor that was killed can neither stop this process nor start it again.
    process.on("disconnect", () => {
      if (!this.#onStop) process.exit(1);
      this.#onStop("the supervisor is gone", false);
    });
    // An app module that waits for what never comes is to end the process, as it does without a supervisor.
    process.channel?.unref();
  }

  /** Until there is a listener, the process just ends when its supervisor does. */
  onStop(listener: StopListener): void {
    this.#onStop = listener;
    process.channel?.ref();
  }

  ready(): void {
    void say({ petiole: "ready" });
  }

  /** Resolves to whether the supervisor was told. */
  failed(text: string, exitCode: number): Promise<boolean> {
    return say({ petiole: "failed", text, exitCode });
  }
}

function say(word: Word): Promise<boolean> {
  return new Promise((resolve) => {
    if (process.connected) process.send!(word, (error: unknown) => resolve(!error));
    else resolve(false);
  });
}

// The app's own code may use the channel as well.
function isOrder(message: unknown): message is Order {
  return typeof message === "object" && message !== null && Reflect.get(message, "petiole") === "stop";
}
