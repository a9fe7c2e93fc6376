/** One process of `petiole worker --processes`, as its supervisor sees it. @module */
import { fork, type ChildProcess } from "node:child_process";
import { supervisedVariable, type Order, type Word } from "./supervised.ts";

/** How a process ended. */
export interface Ending {
  /** How, for a person: `ended with code 1`. */
  readonly how: string;
  /** Whether it ended as it was asked to. */
  readonly asAsked: boolean;
  /** The code that its own failure to start asks for; undefined when it told of none. */
  readonly failure: number | undefined;
  /** For how long it lived, in milliseconds. */
  readonly lived: number;
}

/** A process that runs this program again. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #since = performance.now();
  readonly ended: Promise<Ending>;
  isReady = false;
  #asked: NodeJS.Signals | undefined;
  #failure: number | undefined;

  /** @param complain - told the text of an error that kept it from starting */
  constructor(parameters: readonly string[], complain: (text: string) => void) {
    this.#child = fork(process.argv[1]!, parameters, {
      env: { ...process.env, [supervisedVariable]: "1" },
    });
    this.#child.on("message", (word) => {
      if (!isWord(word)) return;
      if (word.petiole === "ready") this.isReady = true;
      else {
        this.#failure = word.exitCode;
        complain(word.text);
      }
    });
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) =>
        resolve(this.#ending(`cannot be started: ${error.message}`, false)),
      );
      this.#child.once("exit", (code, signal) => {
        const asAsked = this.#asked !== undefined && (code === 0 || signal === this.#asked);
        const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
        resolve(this.#ending(how, asAsked));
      });
    });
  }

  get id(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Tells it to stop. Over the channel and not by a signal: a terminal and systemd send theirs to all
   * processes, so that it would get each twice, and take the second for "hand back".
   */
  stop(signal: NodeJS.Signals, now: boolean): void {
    this.#asked = signal;
    // Before it is ready there is nothing to finish, and it may be busy with something that never ends.
    if (!this.isReady) this.#child.kill(signal);
    else if (this.#child.connected) {
      // It may end at this moment: then nobody needs to be told.
      this.#child.send({ petiole: "stop", signal, now } satisfies Order, () => {});
    }
  }

  #ending(how: string, asAsked: boolean): Ending {
    return { how, asAsked, failure: this.#failure, lived: performance.now() - this.#since };
  }
}

// The app's own code may use the channel as well.
function isWord(message: unknown): message is Word {
  if (typeof message !== "object" || message === null) return false;
  return ["ready", "failed"].includes(Reflect.get(message, "petiole") as string);
}
