/**
 * Limits that remote control sets for tasks of a name, as long as this process lives: how often they run, and how long.
 *
 * @module
 */

/** The rate of a task. */
interface Bucket {
  /** Starts in a second. */
  readonly rate: number;
  /** As it was told: `10/m`. */
  readonly text: string;
  /** When the next may run, in epoch milliseconds. */
  next: number;
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/**
 * A rate as Celery writes it: `10/m`, `5/s`, `100/h`, `0.5`, 3. In starts per second; 0 is none.
 *
 * @returns undefined for what is no rate
 */
export function rateOf(told: unknown): number | undefined {
  if (told === null || told === undefined || told === "" || told === false) return 0;
  if (typeof told === "number") return Number.isFinite(told) && told >= 0 ? told : undefined;
  if (typeof told !== "string") return undefined;
  const [, number, unit = "s"] = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*(?:\/([smh]))?$/.exec(told) ?? [];
  return number === undefined ? undefined : Number(number) / units[unit]!;
}

/** Remembers limits, and when the next run of each task may begin. */
export class TaskLimits {
  readonly #buckets = new Map<string, Bucket>();
  readonly #times = new Map<string, number>();

  /** Whether a rate holds for any task. */
  get any(): boolean {
    return this.#buckets.size > 0;
  }

  /** Sets a task's rate, in starts per second; 0 for none. */
  setRate(task: string, rate: number, text: string): void {
    if (rate === 0) this.#buckets.delete(task);
    else this.#buckets.set(task, { rate, text, next: 0 });
  }

  /** A task's rate, as it was told. */
  rateOf(task: string): string | undefined {
    return this.#buckets.get(task)?.text;
  }

  /** Takes the next place of a task: when it may run, in epoch milliseconds. By now, where no rate holds. */
  reserve(task: string, now: number): number {
    const bucket = this.#buckets.get(task);
    if (bucket === undefined) return now;
    const at = Math.max(now, bucket.next);
    bucket.next = at + 1000 / bucket.rate;
    return at;
  }

  /** Sets how long runs of a task may take, in milliseconds; undefined for no limit of this kind. */
  setTime(task: string, milliseconds: number | undefined): void {
    if (milliseconds === undefined) this.#times.delete(task);
    else this.#times.set(task, milliseconds);
  }

  timeOf(task: string): number | undefined {
    return this.#times.get(task);
  }
}
