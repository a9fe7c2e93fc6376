/**
 * Keeping leases: in Redis they are short, so that a dead process is noticed soon, and renewed for as long as they were
 * asked for.
 *
 * @module
 */
import type { Lease, Report } from "../../engine.ts";
import type { Connection } from "./connection.ts";
import { toJobId } from "./names.ts";
import type { Settings } from "./options.ts";
import { lineText } from "./records.ts";
import { scripts } from "./scripts.ts";

/** Of a task's lines, so many are kept. */
const linesKept = 1000;

/** The leases that this process's workers hold. */
export class Leases {
  readonly #connection: Connection;
  readonly #deadAfter: number;
  /**
   * Those that are longer than Redis has them, by the token of their claim and by task, with the time, of the process's own
   * clock, until which they last.
   */
  readonly #held = new Map<string, Map<string, number>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection, { deadAfter }: Settings) {
    this.#connection = connection;
    this.#deadAfter = deadAfter;
  }

  /** They were claimed, for so long. */
  taken(leases: readonly Lease[], duration: number): void {
    if (duration <= this.#deadAfter) {
      this.over(leases);
      return;
    }
    const until = performance.now() + duration;
    for (const { id, token } of leases) {
      const claim = this.#held.get(token);
      if (claim === undefined) this.#held.set(token, new Map([[id, until]]));
      else claim.set(id, until);
    }
    if (leases.length > 0) this.#timer ??= setInterval(() => void this.#renew(), this.#deadAfter / 3).unref();
  }

  /** They are over. */
  over(leases: readonly Lease[]): void {
    for (const { id, token } of leases) {
      const claim = this.#held.get(token);
      claim?.delete(id);
      if (claim?.size === 0) this.#held.delete(token);
    }
  }

  /** See {@link Engine.extend}. */
  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    if (leases.length === 0) return [];
    const lost = await this.#extend(leases, Math.min(duration, this.#deadAfter));
    this.taken(
      leases.filter((lease) => !lost.includes(lease)),
      duration,
    );
    this.over(lost);
    return lost;
  }

  /** See {@link Engine.report}. */
  async report(lease: Lease, { progress, lines = [] }: Report): Promise<boolean> {
    const reply = await this.#connection.run("keeping what a run tells", scripts.report, [
      toJobId(lease.id),
      lease.token,
      progress === undefined ? "" : JSON.stringify(progress),
      String(linesKept),
      ...lines.slice(-linesKept).map(lineText),
    ]);
    return reply === 1;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#held.clear();
  }

  async #extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    const what = leases.length === 1 ? "extending 1 lease" : `extending ${leases.length} leases`;
    const reply = await this.#connection.run(what, scripts.extend, [
      String(Math.ceil(duration)),
      ...leases.flatMap(({ id, token }) => [toJobId(id), token]),
    ]);
    const lost = new Set(reply as readonly number[]);
    return leases.filter((_, index) => lost.has(index));
  }

  async #renew(): Promise<void> {
    const now = performance.now();
    const leases: Lease[] = [];
    for (const [token, claim] of this.#held) {
      for (const [id, until] of claim) {
        if (until <= now) this.over([{ id, token }]);
        else leases.push({ id, token });
      }
    }
    if (leases.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    try {
      this.over(await this.#extend(leases, this.#deadAfter));
    } catch {
      // The next time, or the worker's own heartbeat, which is told.
    }
  }
}
