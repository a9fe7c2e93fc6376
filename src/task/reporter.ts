/** What a run tells while it runs: taken at once, passed on to the engine one report after another. @module */
import type { Engine, Lease, LogLine, Progress } from "../engine.ts";
import { messageOf } from "../errors.ts";
import { nowOf } from "./clock.ts";
import { optionError } from "./options.ts";

/** One run's reports. */
export class Reporter {
  readonly #engine: Pick<Engine, "report" | "now">;
  readonly #lease: Lease;
  readonly #onError: (message: string) => void;
  #progress: Progress | undefined;
  #lines: LogLine[] = [];
  #sending: Promise<void> | undefined;

  /** `onError` is told when the engine does not take a report; the run goes on. */
  constructor(engine: Pick<Engine, "report" | "now">, lease: Lease, onError: (message: string) => void) {
    this.#engine = engine;
    this.#lease = lease;
    this.#onError = onError;
  }

  progress(fraction: number, note?: string): void {
    if (!(fraction >= 0 && fraction <= 1)) throw optionError("progress", "be a number from 0 to 1", fraction);
    this.#progress = note === undefined ? { fraction } : { fraction, note: String(note) };
    this.#start();
  }

  log(text: string): void {
    this.#lines.push({ at: nowOf(this.#engine), text: String(text) });
    this.#start();
  }

  /** Whether there is something to {@link flush}. */
  get isBusy(): boolean {
    return this.#sending !== undefined || this.#hasMore();
  }

  /** Resolves when all that was told is passed on, or could not be. Never rejects. */
  async flush(): Promise<void> {
    await this.#sending;
    if (!this.#hasMore()) return;
    // Once more, for what was left by a report that failed.
    this.#start();
    await this.#sending;
  }

  #hasMore(): boolean {
    return this.#progress !== undefined || this.#lines.length > 0;
  }

  #start(): void {
    this.#sending ??= this.#send();
  }

  async #send(): Promise<void> {
    // Begins in its own turn, so that what is told in one turn is one report, and `#sending` is set.
    await Promise.resolve();
    // What is told while a report is under way makes up the next.
    while (this.#hasMore()) {
      const [progress, lines] = [this.#progress, this.#lines];
      this.#progress = undefined;
      this.#lines = [];
      try {
        await this.#engine.report(this.#lease, { ...(progress ? { progress } : {}), lines });
      } catch (error) {
        this.#progress ??= progress;
        this.#lines = [...lines, ...this.#lines];
        this.#onError(messageOf(error));
        break;
      }
    }
    // At once, with nothing between the last look and this: what is told from here on begins anew.
    this.#sending = undefined;
  }
}
