/**
 * Claiming tasks.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { ClaimRequest, Delivery, LaneLimit } from "../../engine.ts";
import type { Connection } from "./connection.ts";
import { messageOf, reasonOf, unreadable } from "./job.ts";
import type { Leases } from "./leases.ts";
import { foreignId, fromJobId, toName, toQueue } from "./names.ts";
import { scripts } from "./scripts.ts";
import type { Ready } from "./ready.ts";
import type { Settlements } from "./settlements.ts";

/**
 * Queue, job id, name, data, our field; where there is any of it: attempts, crashes, deferrals, the first deferral, the
 * reason of a cancelling.
 */
type Claimed = readonly [
  queue: string,
  jobId: string,
  name: string | null,
  data: string | null,
  pt: string | null,
  attempts?: string,
  crashes?: string | number,
  deferrals?: string,
  deferredAt?: string,
  cancelled?: string,
];
type Reply = readonly [readonly Claimed[], number, readonly string[], readonly string[]];

/** So many names of jobs of others are remembered at most. */
const namesKept = 1000;

/** How often what was claimed in vain is looked for, in milliseconds. */
const handBackEvery = 500;

/**
 * Where somebody listens, a claim takes so many at most, or a third of what is asked for, and wakes the listener for more:
 * while Redis is at these, the process runs those before.
 */
const hand = 25;

/** At most so often a claim asks again: for needs that it did not know, and for jobs that could not be read. */
const rounds = 10;

/** Hands out tasks. */
export class Claims {
  readonly #connection: Connection;
  readonly #leases: Leases;
  readonly #settlements: Settlements;
  readonly #deadAfter: number;
  readonly #ready: Ready;
  /** What parked tasks were seen to need, as scripts have it, and as it is. */
  readonly #needs = new Map<string, readonly string[]>();
  /** What jobs of others were seen to be called. */
  readonly #names = new Set<string>();
  /** Makes tokens that no other engine makes: a random name for this one, and a count. */
  readonly #name = randomUUID();
  #count = 0;
  /** Claims whose answer was lost: what they took, or may take yet, is to be handed back. */
  readonly #abandoned = new Map<string, { readonly queues: readonly string[]; readonly until: number }>();
  #handBackAt = 0;

  /** @param ready told when to look again */
  constructor(
    connection: Connection,
    leases: Leases,
    settlements: Settlements,
    deadAfter: number,
    ready: Ready,
  ) {
    this.#connection = connection;
    this.#leases = leases;
    this.#settlements = settlements;
    this.#deadAfter = deadAfter;
    this.#ready = ready;
  }

  /** See {@link Engine.claim}. Parks jobs that cannot be read, and goes on. */
  async claim(request: ClaimRequest): Promise<readonly Delivery[]> {
    const deliveries: Delivery[] = [];
    if (request.queues.length === 0 || request.limit < 1) return deliveries;
    if (this.#abandoned.size > 0) await this.#handBack();
    const queues = request.queues.map(toQueue);
    const most = this.#handOf(request.limit, queues);
    const asked = performance.now();
    for (let round = 0; round < rounds; round += 1) {
      const limit = most - deliveries.length;
      const token = `${this.#name}-${++this.#count}`;
      const lease = Math.min(request.lease, this.#deadAfter);
      const reply = await this.#ask(token, limit, lease, request);
      const [claimed, next, unasked, names] = reply as Reply;
      for (const needs of unasked) this.#needs.set(needs, needsOf(needs));
      if (this.#names.size > namesKept) this.#names.clear();
      for (const name of names) this.#names.add(name);
      const before = deliveries.length;
      for (const each of claimed) {
        const delivery = await this.#deliveryOf(each, token);
        if (delivery !== undefined) deliveries.push(delivery);
      }
      const isShort = deliveries.length < most;
      const more = names.some((name) => request.adopts?.(name) === true);
      if (unasked.length > 0 || deliveries.length - before < claimed.length || (more && isShort)) continue;
      if (isShort && next >= 0) this.#ready.soon(next);
      break;
    }
    if (most < request.limit && deliveries.length >= most)
      for (const queue of queues) this.#ready.wake(queue);
    this.#leases.taken(
      deliveries.map((delivery) => delivery.lease),
      request.lease,
      asked,
    );
    if (deliveries.length > 0) this.#ready.soon(Math.min(request.lease, this.#deadAfter));
    return deliveries;
  }

  #handOf(limit: number, queues: readonly string[]): number {
    return this.#ready.isListenedTo(queues) ? Math.min(limit, Math.max(hand, Math.ceil(limit / 3))) : limit;
  }

  async #ask(token: string, limit: number, lease: number, request: ClaimRequest): Promise<unknown> {
    try {
      return await this.#connection.run("claiming tasks", scripts.claim, [
        String(limit),
        String(Math.ceil(lease)),
        token,
        toName(request.worker),
        this.#held(),
        ...this.#listsOf(request),
      ]);
    } catch (error) {
      // Later than that, its leases have run out.
      const until = performance.now() + 2 * lease;
      this.#abandoned.set(token, { queues: request.queues.map(toQueue), until });
      throw error;
    }
  }

  /** Now and then, and more than once: a claim may arrive after it was given up. */
  async #handBack(): Promise<void> {
    const now = performance.now();
    if (now < this.#handBackAt) return;
    this.#handBackAt = now + handBackEvery;
    const abandoned = [...this.#abandoned];
    const queues = new Set(abandoned.flatMap(([, claim]) => claim.queues));
    await this.#connection.run("handing back what was claimed", scripts.abandon, [
      String(queues.size),
      ...queues,
      ...abandoned.map(([token]) => token),
    ]);
    for (const [token, { until }] of abandoned) if (until < now) this.#abandoned.delete(token);
  }

  /** What this engine holds of its own claims, as the script takes it: the numbers in their tokens. */
  #held(): string {
    let held = "";
    this.#leases.forEachHeld((token, isLong) => {
      if (token.startsWith(this.#name)) held += `${token.slice(this.#name.length)}${isLong ? "+" : "."}`;
    });
    return held;
  }

  #listsOf({ queues, limits, knows, adopts }: ClaimRequest): string[] {
    const names = new Set(queues.map(toQueue));
    const lanes = [...(limits ?? [])];
    const [known, unknown]: [string[], string[]] = [[], []];
    for (const [text, needs] of this.#needs) {
      const isKnown = knows !== undefined && needs.every((need) => knows(need));
      (isKnown ? known : unknown).push(text);
    }
    return [
      String(names.size),
      ...names,
      String(lanes.length),
      ...lanes.flatMap(([lane, limit]) => laneArguments(lane, limit)),
      String(known.length),
      ...known,
      String(unknown.length),
      ...unknown,
      ...this.#namesOf(adopts),
    ];
  }

  #namesOf(adopts: ClaimRequest["adopts"]): string[] {
    if (adopts === undefined) return ["0", "0"];
    const [taken, left]: [string[], string[]] = [[], []];
    for (const name of this.#names) (adopts(name) ? taken : left).push(name);
    return [String(taken.length), ...taken, String(left.length), ...left, String(this.#count)];
  }

  async #deliveryOf(claimed: Claimed, token: string): Promise<Delivery | undefined> {
    const [queue, jobId, name, data, pt, attempts, crashes, deferrals, deferredAt = "", cancelled = ""] =
      claimed;
    const lease = { id: pt === null || pt === "" ? foreignId(queue, jobId) : fromJobId(jobId), token };
    try {
      return {
        message: messageOf(queue, jobId, name ?? "", data ?? "", pt ?? ""),
        lease,
        attempts: Number(attempts ?? 0),
        crashes: Number(crashes ?? 0),
        deferrals: Number(deferrals ?? 0),
        ...(deferredAt !== "" && { deferredAt: Number(deferredAt) }),
        ...(cancelled !== "" && { cancelled: reasonOf(cancelled, "pt:cxl") }),
      };
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const parking = this.#settlements.settle([{ kind: "park", lease, reason: unreadable(error.message) }]);
      this.#settlements.flush();
      await parking;
      return undefined;
    }
  }
}

function laneArguments(lane: string, { concurrency, rate }: LaneLimit): string[] {
  return [
    toName(lane),
    concurrency === undefined ? "" : String(concurrency),
    rate === undefined ? "" : String(rate.limit),
    rate === undefined ? "" : String(rate.per),
  ];
}

/** What a field says that a task needs; something that nobody knows where it says nothing. */
function needsOf(text: string): readonly string[] {
  try {
    const needs: unknown = JSON.parse(text);
    if (Array.isArray(needs) && needs.every((need) => typeof need === "string")) return needs;
  } catch {
    // Said below.
  }
  return [`what cannot be read: ${text}`];
}
