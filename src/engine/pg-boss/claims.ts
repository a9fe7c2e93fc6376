/**
 * Claiming tasks.
 *
 * @module
 */
import { randomInt } from "node:crypto";
import type { ClaimRequest, Delivery, Settlement } from "../../engine.ts";
import type { Json } from "../../message.ts";
import type { ClaimParameters, Cycle } from "./cycle.ts";
import type { Leases } from "./leases.ts";
import { toQueue } from "./queue-names.ts";
import { idOf, readDelivery, unreadable, type DeliveryRow } from "./records.ts";
import { toColumn } from "../shared/text.ts";

/** What `own.take` gives: the columns of some tasks of a queue. */
interface Taken {
  readonly queue: string;
  /** Whether any is in a lane. */
  readonly laned: boolean;
  readonly jobs: readonly string[];
  readonly ids: readonly (string | null)[];
  readonly tasks: readonly string[];
  readonly headers: readonly string[];
  readonly forms: readonly (string | null)[];
  readonly data: readonly Json[];
  /** Attempts, crashes, deferrals, the time of the first, and why it was cancelled; null where nothing was before. */
  readonly pasts: readonly (Past | null)[];
}

type Past = readonly [
  attempts: number,
  crashes: number,
  deferrals: number,
  deferredAt: number | null,
  cancelled: string | null,
];

/** What `own.claim` gives. */
interface Claimed {
  /** Sets of needs of which it must be told whether they are known. */
  readonly ask?: readonly string[];
  readonly token: number;
  readonly tasks: readonly Taken[];
  /** In how many milliseconds a full lane may have room by itself. */
  readonly room: number | null;
}

/** What others must know of a claim. */
export interface ClaimNews {
  /** Jobs that run now. */
  readonly jobs: readonly string[];
  /** In how many milliseconds a lane that was full may have room. */
  readonly room: number | null;
}

/** How often what was claimed in vain is looked for, in milliseconds. */
const handBackEvery = 500;

/** Hands out tasks. */
export class Claims {
  readonly #cycle: Cycle;
  readonly #leases: Leases;
  readonly #news: (news: ClaimNews) => void;
  /** Sets of needs that were asked for: whether they are known is told with each claim. */
  readonly #needs = new Set<string>();
  /** The tokens count on from here: no other engine begins near it. */
  #token = randomInt(2 ** 48 - 1);
  /** Claims whose answer was lost, with until when what they took is to be handed back: they may be done yet. */
  readonly #abandoned = new Map<number, number>();
  #handBackAt = 0;

  constructor(cycle: Cycle, leases: Leases, news: (news: ClaimNews) => void) {
    this.#cycle = cycle;
    this.#leases = leases;
    this.#news = news;
  }

  /** See {@link Engine.claim}. Parks what cannot be read, and goes on. */
  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    const deliveries: Delivery[] = [];
    if (this.#abandoned.size > 0) await this.#handBack();
    while (deliveries.length < request.limit) {
      const asked = performance.now();
      const claimed = await this.#ask(request, request.limit - deliveries.length);
      const rows = claimed.tasks.flatMap(rowsOf);
      const isFree = !claimed.tasks.some(({ laned }) => laned);
      const token = String(claimed.token);
      const damaged: Settlement[] = [];
      for (const row of rows) {
        const delivery = readDelivery(row, token);
        if ("problem" in delivery) {
          const lease = { id: idOf(row[0], row[1]), token };
          damaged.push({ kind: "park", lease, reason: unreadable(delivery.problem) });
        } else {
          deliveries.push(delivery);
          this.#leases.hold(row[0], claimed.token, request.lease, isFree, asked);
        }
      }
      this.#news({ jobs: rows.map(([job]) => job), room: claimed.room });
      if (damaged.length === 0) break;
      await this.#cycle.settle(damaged);
    }
    return deliveries;
  }

  async #ask(request: ClaimRequest, limit: number): Promise<Claimed> {
    const { queues, worker, limits, knows, adopts } = request;
    // As of now: what is asked may wait for the server for longer than it lasts.
    const { long, short } = this.#leases.tokens();
    for (;;) {
      const asked = knows === undefined ? [] : [...this.#needs];
      const token = ++this.#token;
      const claimed = JSON.parse(
        await this.#claim([
          token,
          [...new Set(queues)].map(toQueue),
          limit,
          this.#leases.inDatabase(request.lease),
          toColumn(worker),
          limitsColumn(limits),
          knows !== undefined,
          asked,
          asked.filter((needs) => areKnown(needs, knows)),
          adopts === undefined ? [] : queues.filter((queue) => adopts(queue)).map(toQueue),
          long,
          short,
        ]),
      ) as Claimed;
      if (claimed.ask === undefined) return claimed;
      // Not for ever: what nobody needs any more is asked for no more.
      if (this.#needs.size > 1000) this.#needs.clear();
      for (const needs of claimed.ask) this.#needs.add(needs);
    }
  }

  async #claim(parameters: ClaimParameters): Promise<string> {
    const [token, , , lease] = parameters;
    // Later than that, its leases have run out.
    const abandon = (): unknown => this.#abandoned.set(token, performance.now() + 2 * lease);
    try {
      return await this.#cycle.claim(parameters, abandon);
    } catch (error) {
      abandon();
      throw error;
    }
  }

  /** Now and then, and more than once: a claim may arrive after it was given up. */
  async #handBack(): Promise<void> {
    const now = performance.now();
    if (now < this.#handBackAt) return;
    this.#handBackAt = now + handBackEvery;
    const abandoned = [...this.#abandoned];
    await this.#cycle.abandon(abandoned.map(([token]) => token));
    for (const [token, until] of abandoned)
      if (until < now && this.#abandoned.get(token) === until) this.#abandoned.delete(token);
  }
}

const noPast: Past = [0, 0, 0, null, null];

function rowsOf({ queue, jobs, ids, tasks, headers, forms, data, pasts }: Taken): DeliveryRow[] {
  return jobs.map((job, n) => {
    const [attempts, crashes, deferrals, deferredAt, cancelled] = pasts[n] ?? noPast;
    return [
      job,
      ids[n]!,
      queue,
      tasks[n]!,
      headers[n]!,
      forms[n]!,
      data[n]!,
      attempts,
      crashes,
      deferrals,
      deferredAt,
      cancelled,
    ];
  });
}

/** The limits of lanes as `own.claim` takes them. */
function limitsColumn(limits: ClaimRequest["limits"] = new Map()): string {
  return JSON.stringify(
    Object.fromEntries(
      [...limits]
        .filter(([lane]) => lane !== "")
        .map(([lane, { concurrency, rate }]) => [
          toColumn(lane),
          { c: concurrency, n: rate?.limit, per: rate?.per },
        ]),
    ),
  );
}

/** Whether each need of a set is known; not of what is none. */
function areKnown(column: string, knows: ClaimRequest["knows"]): boolean {
  try {
    const needs: unknown = JSON.parse(column);
    return Array.isArray(needs) && needs.every((need) => typeof need === "string" && knows?.(need) === true);
  } catch {
    return false;
  }
}
