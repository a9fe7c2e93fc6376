/**
 * Keeping leases. In the database a lease is short, so that a dead process is noticed early; as long as this process
 * lives, it is made longer again and again, until the time that was asked for.
 *
 * @module
 */
import type { Lease } from "../../engine.ts";
import type { Database } from "./database.ts";
import { jobId } from "./ids.ts";
import { tokenColumn } from "./settlements.ts";

interface Held {
  readonly token: number;
  /** Whether no claim depends on its end: it is in no lane. */
  readonly isFree: boolean;
  /** Until when it was asked for, by `performance.now()`: the machine's clock may be put forward or back. */
  until: number;
  /** For longer than the database has it. */
  isLong: boolean;
}

/** The leases of this process. */
export class Leases {
  readonly #database: Database;
  readonly #longest: number;
  readonly #held = new Map<string, Held>();
  readonly #timer: NodeJS.Timeout;
  #renewing = false;

  /** `longest`: of a lease in the database, in milliseconds. */
  constructor(database: Database, longest: number) {
    this.#database = database;
    this.#longest = longest;
    this.#timer = setInterval(() => void this.#renew(), longest / 3).unref();
  }

  /** How long a lease lasts in the database of which so much was asked for. */
  inDatabase(duration: number): number {
    return Math.min(duration, this.#longest);
  }

  /** This process has a task, for so long from when it asked for that (`performance.now()`): the database did it later. */
  hold(job: string, token: number, duration: number, isFree: boolean, asked: number): void {
    const isLong = duration > this.#longest;
    this.#held.set(job, { token, isFree, until: asked + duration, isLong });
  }

  /** The tokens of claims of which all that has not ended is held now: for longer than the database has it, and others. */
  tokens(): { readonly long: readonly number[]; readonly short: readonly number[] } {
    const now = performance.now();
    const [long, short, over] = [new Set<number>(), new Set<number>(), new Set<number>()];
    for (const { token, until, isLong } of this.#held.values())
      (until <= now ? over : isLong ? long : short).add(token);
    const held = (tokens: Set<number>): number[] => [...tokens].filter((token) => !over.has(token));
    return { long: held(long), short: held(short) };
  }

  /** Whether it is known that no claim depends on the end of a task. */
  isFree(job: string, token: number): boolean {
    const held = this.#held.get(job);
    return held?.token === token && held.isFree;
  }

  /** This process has it no more. */
  letGo(job: string, token: number): void {
    if (this.#held.get(job)?.token === token) this.#held.delete(job);
  }

  /** See {@link Engine.extend}. */
  async extend(leases: readonly Lease[], duration: number): Promise<readonly Lease[]> {
    const jobs = leases.map(({ id, token }) => ({ job: jobId(id), token: tokenColumn(token), duration }));
    const asked = performance.now();
    const kept = await this.#write(jobs);
    return leases.filter((_, index) => {
      const { job, token } = jobs[index]!;
      const isHeld = kept.has(job) && kept.get(job) === token;
      if (isHeld) this.hold(job, token, duration, this.isFree(job, token), asked);
      else this.letGo(job, token);
      return !isHeld;
    });
  }

  /** Makes all leases as long as was asked for: nobody looks after them from now on. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const now = performance.now();
    const left = [...this.#held.entries()]
      .filter(([, { isLong }]) => isLong)
      .map(([job, { token, until }]) => ({ job, token, duration: until - now }));
    this.#held.clear();
    if (left.length > 0) await this.#write(left, false).catch(() => undefined);
  }

  async #renew(): Promise<void> {
    if (this.#renewing) return;
    const now = performance.now();
    const due: { job: string; token: number; duration: number }[] = [];
    const tokens = new Set<number>();
    for (const { token, until } of this.#held.values()) if (until > now) tokens.add(token);
    for (const [job, { token, until, isLong }] of this.#held) {
      if (until > now) {
        if (isLong) due.push({ job, token, duration: until - now });
        // One that has run out stays as long as others of its claim do: no claim may take the two for equal.
      } else if (!tokens.has(token)) this.#held.delete(job);
    }
    if (due.length === 0) return;
    this.#renewing = true;
    try {
      const kept = await this.#write(due);
      // Whoever has lost one hears of it from the next heartbeat, or when it settles.
      for (const { job, token } of due) if (kept.get(job) !== token) this.letGo(job, token);
    } catch {
      // The next time, or the lease is lost.
    } finally {
      this.#renewing = false;
    }
  }

  /** Writes until when leases last. Those that are held, by job. */
  async #write(
    leases: readonly { readonly job: string; readonly token: number; readonly duration: number }[],
    isCapped = true,
  ): Promise<ReadonlyMap<string, number>> {
    if (leases.length === 0) return new Map();
    const what = `extending ${leases.length === 1 ? "1 lease" : `${leases.length} leases`}`;
    const text = `SELECT ${this.#database.names.own}.extend($1::uuid[], $2::bigint[], $3::float8[]) AS json`;
    const values = [
      leases.map(({ job }) => job),
      leases.map(({ token }) => token),
      leases.map(({ duration }) => (isCapped ? this.inDatabase(duration) : duration)),
    ];
    type Kept = readonly (readonly [string, number])[];
    // In time for another, should it fail. With the last, the connection for it is given back.
    const held = isCapped
      ? await this.#database.urgent<Kept>(what, text, values, this.#longest / 3)
      : await this.#database.json<Kept>(what, text, values);
    return new Map(held);
  }
}
