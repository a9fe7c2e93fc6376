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

/** Leases by the token of their claim and by task, with the time, of the process's own clock, until which they last. */
type Held = Map<string, Map<string, number>>;

/** The leases that this process's workers hold. */
export class Leases {
  readonly #connection: Connection;
  readonly #deadAfter: number;
  /** Those that are longer than Redis has them. */
  readonly #long: Held = new Map();
  /** The others. */
  readonly #short: Held = new Map();
  #timer: NodeJS.Timeout | undefined;

  constructor(connection: Connection, { deadAfter }: Settings) {
    this.#connection = connection;
    this.#deadAfter = deadAfter;
  }

  /** They were claimed, for so long from a time of `performance.now()` on: when that was asked for, which Redis did later. */
  taken(leases: readonly Lease[], duration: number, from: number): void {
    if (leases.length === 0) return;
    const isLong = duration > this.#deadAfter;
    const [held, other] = isLong ? [this.#long, this.#short] : [this.#short, this.#long];
    const until = from + duration;
    for (const { id, token } of leases) {
      remove(other, id, token);
      const claim = held.get(token);
      if (claim === undefined) held.set(token, new Map([[id, until]]));
      else claim.set(id, until);
    }
    if (isLong) this.#timer ??= setInterval(() => void this.#renew(), this.#deadAfter / 3).unref();
  }

  /** They are over. */
  over(leases: readonly Lease[]): void {
    for (const { id, token } of leases) {
      remove(this.#long, id, token);
      remove(this.#short, id, token);
    }
  }

  /** Calls back with the tokens of claims of which all that has not ended is held now, and whether for long. */
  forEachHeld(call: (token: string, isLong: boolean) => void): void {
    const now = performance.now();
    for (const held of [this.#long, this.#short]) {
      for (const [token, claim] of held) {
        let isHeld = true;
        for (const until of claim.values()) isHeld &&= until > now;
        if (isHeld) call(token, held === this.#long);
        // Nothing else is to be done for these.
        else if (held === this.#short) held.delete(token);
      }
    }
  }

  /** See {@link Engine.extend}. */
  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    if (leases.length === 0) return [];
    const from = performance.now();
    const lost = await this.#extend(leases, Math.min(duration, this.#deadAfter));
    this.taken(
      leases.filter((lease) => !lost.includes(lease)),
      duration,
      from,
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
    this.#long.clear();
    this.#short.clear();
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
    for (const [token, claim] of this.#long) {
      const before = leases.length;
      // One that has run out stays as long as others of its claim do: no claim may take the two for equal.
      for (const [id, until] of claim) if (until > now) leases.push({ id, token });
      if (leases.length === before) this.#long.delete(token);
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

function remove(held: Held, id: string, token: string): void {
  const claim = held.get(token);
  claim?.delete(id);
  if (claim?.size === 0) held.delete(token);
}
