/**
 * Settling and claiming: what one turn settles goes to the server with the claim that follows, in one statement. Where that
 * is much, and the claim does not depend on it, in two at the same time.
 *
 * @module
 */
import type { Settlement } from "../../engine.ts";
import { Batcher } from "./batcher.ts";
import type { Database } from "./database.ts";
import { encodeSettlement, type EncodedSettlement } from "./settlements.ts";

/** What `own.settle` tells. Jobs by their ids, queues as pg-boss names them. */
export interface Settled {
  readonly held: readonly number[];
  readonly ended: readonly string[];
  readonly changed: readonly string[];
  readonly ready: readonly string[];
  /** Lanes have room again. */
  readonly freed: boolean;
}

/** Told of what was settled, and what has come of it. */
export type OnSettled = (settlements: readonly EncodedSettlement[], settled: Settled) => void;

type Item =
  | { readonly kind: "settle"; readonly settlements: readonly EncodedSettlement[] }
  | { readonly kind: "claim"; readonly request: ClaimParameters; readonly late: () => void };
type Result = readonly boolean[] | string;

/** What `own.claim` takes, in its order. */
export type ClaimParameters = readonly [
  token: number,
  queues: readonly string[],
  limit: number,
  lease: number,
  worker: string,
  limits: string,
  knows: boolean,
  asked: readonly string[],
  known: readonly string[],
  adopts: readonly string[],
  long: readonly number[],
  short: readonly number[],
];

/** At most so many settlements and claims go together. */
const mostAtOnce = 1000;

/** From so many settlements on they have a statement of their own. Fewer take less time than its commit. */
const apartFrom = 20;

/** Settles and claims. */
export class Cycle {
  readonly #database: Database;
  readonly #who: string;
  readonly #soon: number;
  readonly #retention: number;
  readonly #settled: OnSettled;
  readonly #isFree: (job: string, token: number) => boolean;
  readonly #batcher: Batcher<Item, Result>;
  /** Settlements beside a claim. */
  readonly #apart: Batcher<Item, Result>;

  /** `isFree`: whether it is known that no claim depends on the end of a task. */
  constructor(
    database: Database,
    who: string,
    soon: number,
    retention: number,
    isFree: (job: string, token: number) => boolean,
    settled: OnSettled,
  ) {
    this.#database = database;
    this.#who = who;
    this.#soon = soon;
    this.#retention = retention;
    this.#settled = settled;
    this.#isFree = isFree;
    this.#batcher = new Batcher((items) => this.#run(items), mostAtOnce);
    this.#apart = new Batcher((items) => this.#together(items, undefined), mostAtOnce);
  }

  /** Whether each lease was held. Throws at once what cannot be written. */
  settle(settlements: readonly Settlement[]): Promise<readonly boolean[]> {
    const encoded = settlements.map((settlement) => encodeSettlement(settlement, this.#retention));
    return this.#batcher.add({ kind: "settle", settlements: encoded }) as Promise<readonly boolean[]>;
  }

  /**
   * Runs `own.claim` after what was settled before; what it gives, as text.
   *
   * @param late called when it was done after all, once it had been given up
   */
  claim(request: ClaimParameters, late: () => void): Promise<string> {
    return this.#batcher.add({ kind: "claim", request, late }) as Promise<string>;
  }

  /** Hands back, and counts nothing for it, what was claimed by tokens of which nobody has the answer. */
  async abandon(tokens: readonly number[]): Promise<void> {
    const { own } = this.#database.names;
    await this.#database.query(
      "handing back what was claimed",
      `SELECT ${own}.settle($1::bigint[], NULL, (
         SELECT json_agg(json_build_object('n', 0, 'j', job, 'a', l.token, 'g', 'release', 'unused', true))::text
         FROM ${own}.lease l CROSS JOIN unnest(l.jobs) AS job WHERE l.token = ANY ($1::bigint[])),
       $2::float8, $3::float8, $4::text)`,
      [tokens, Math.min(this.#retention, 1e13), this.#soon, this.#who],
    );
  }

  async idle(): Promise<void> {
    await this.#batcher.idle();
    await this.#apart.idle();
  }

  /**
   * The settlements first: were this process blocked between a claim and them, the claim might find their leases lost.
   */
  async #run(items: readonly Item[]): Promise<readonly (Result | Promise<Result>)[]> {
    const settles = items.filter(({ kind }) => kind === "settle");
    const [claim, ...others] = items.filter(({ kind }) => kind === "claim");
    const results = new Map<Item, Result | Promise<Result>>();
    if (claim?.kind === "claim" && this.#areApart(settles)) {
      results.set(claim, this.#statement([], [], claim, []) as Promise<string>);
      for (const item of settles) results.set(item, this.#apart.add(item));
      // Nobody hears of them before the whole batch is done.
      if (others.length > 0)
        for (const result of results.values()) (result as Promise<Result>).catch(() => {});
    } else {
      const both = claim === undefined ? settles : [...settles, claim];
      for (const [index, result] of (await this.#together(settles, claim)).entries())
        results.set(both[index]!, result);
    }
    for (const other of others) results.set(other, (await this.#together([], other))[0]!);
    return items.map((item) => results.get(item)!);
  }

  /** Whether it does not matter to a claim whether all of these are settled. */
  #areApart(settles: readonly Item[]): boolean {
    let count = 0;
    for (const item of settles) {
      if (item.kind !== "settle") return false;
      for (const { settlement, isEnd, job, token } of item.settlements) {
        // What is parked may be for this claim.
        if (!isEnd || settlement.kind === "park" || !this.#isFree(job, token)) return false;
        count += 1;
      }
    }
    return count >= apartFrom;
  }

  async #together(settles: readonly Item[], claim: Item | undefined): Promise<Result[]> {
    const settlements: EncodedSettlement[] = [];
    for (const item of settles) if (item.kind === "settle") settlements.push(...item.settlements);
    const rounds = roundsOf(settlements);
    const answers: boolean[] = [];
    const claiming = claim?.kind === "claim" ? claim : undefined;
    let claimed: string | undefined;
    for (let index = 0; index < rounds.length; index++) {
      const isLast = index === rounds.length - 1;
      claimed = await this.#statement(settlements, rounds[index]!, isLast ? claiming : undefined, answers);
    }
    if (rounds.length === 0 && claiming !== undefined)
      claimed = await this.#statement(settlements, [], claiming, answers);
    let next = 0;
    const results: Result[] = [];
    for (const item of settles) {
      if (item.kind === "settle") results.push(answers.slice(next, (next += item.settlements.length)));
    }
    if (claimed !== undefined) results.push(claimed);
    return results;
  }

  /** Settles some of these, by their numbers, then claims. Writes the answers down; what the claim gives is returned. */
  async #statement(
    settlements: readonly EncodedSettlement[],
    round: readonly number[],
    claim: (Item & { readonly kind: "claim" }) | undefined,
    answers: boolean[],
  ): Promise<string | undefined> {
    const { own } = this.#database.names;
    const columns: string[] = [];
    const values: unknown[] = [];
    const column = (call: (...parameters: string[]) => string, ...given: unknown[]): void => {
      columns.push(call(...given.map((value) => `$${values.push(value)}`)));
    };
    if (round.length > 0) {
      column(
        (tokens, ends, others, retention, soon, who) =>
          `${own}.settle(${tokens}::bigint[], ${ends}::text, ${others}::text, ${retention}::float8, ${soon}::float8, ${who}::text) AS settled`,
        [...new Set(round.map((number) => settlements[number]!.token))],
        batchOf(settlements, round, true),
        batchOf(settlements, round, false),
        Math.min(this.#retention, 1e13),
        this.#soon,
        this.#who,
      );
    }
    if (claim !== undefined) {
      column(
        (token, queues, limit, lease, worker, limits, knows, asked, known, adopts, long, short) =>
          `${own}.claim(${token}::bigint, ${queues}::text[], ${limit}::int, ${lease}::float8, ${worker}::text, ${limits}::jsonb, ` +
          `${knows}::boolean, ${asked}::text[], ${known}::text[], ${adopts}::text[], ${long}::bigint[], ${short}::bigint[]) AS claimed`,
        ...claim.request,
      );
    }
    const what =
      round.length === 0
        ? "claiming tasks"
        : `settling ${round.length === 1 ? "1 task" : `${round.length} tasks`}`;
    const [row] = await this.#database.query(what, `SELECT ${columns.join(", ")}`, values, claim?.late);
    if (round.length > 0) {
      const settled = JSON.parse(String(row?.["settled"])) as Settled;
      const held = new Set(settled.held);
      for (const number of round) answers[number] = held.has(number);
      this.#settled(
        round.length === settlements.length ? settlements : round.map((number) => settlements[number]!),
        settled,
      );
    }
    return claim === undefined ? undefined : String(row?.["claimed"]);
  }
}

/** Those of a round that end, or do not, as `own.settle` takes them; null for none. */
function batchOf(
  settlements: readonly EncodedSettlement[],
  round: readonly number[],
  areEnds: boolean,
): string | null {
  let json = "";
  for (const number of round) {
    const settlement = settlements[number]!;
    if (settlement.isEnd === areEnds)
      json += `${json === "" ? "[" : ","}{"n":${number},${settlement.json.slice(1)}`;
  }
  return json === "" ? null : `${json}]`;
}

/** The numbers of settlements, those of one task in different rounds: only the first can have an effect. */
function roundsOf(settlements: readonly EncodedSettlement[]): number[][] {
  const rounds: number[][] = [];
  const seen = new Map<string, number>();
  for (let number = 0; number < settlements.length; number++) {
    const { job } = settlements[number]!;
    const round = seen.get(job) ?? 0;
    seen.set(job, round + 1);
    (rounds[round] ??= []).push(number);
  }
  return rounds;
}
