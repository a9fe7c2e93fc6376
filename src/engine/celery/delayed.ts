/**
 * Messages whose time has not come: Celery's workers take them out of the queue, and hold them until it has.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import type { Holding } from "./held.ts";
import { again } from "./protocol/again.ts";

/** The right to what is held is for so long, in milliseconds, and renewed three times in that time. */
const lease = 60_000;

/** So long after its time, in milliseconds, what nobody here has claimed goes back to its queue: others may be free. */
const patience = 1000;

/** The same for what waits for the rate of its task: the worker that comes to it is most likely this one. */
const limitedPatience = 60_000;

/** As far as a timer goes. */
const longest = 2 ** 31 - 1;

interface Entry extends Holding {
  readonly runAt: number;
  /** By the monotonic clock. */
  readonly since: number;
  isTold: boolean;
  /** It waits for the rate of its task, and not for its time. */
  readonly isLimited: boolean;
}

/** What is held here, for whoever inspects it. */
export interface Waiting extends Holding {
  readonly runAt: number;
  /** It waits for the rate of its task, and not for its time. */
  readonly isLimited: boolean;
}

/** Holds messages, and hands them out when their time has come. */
export class Delayed {
  readonly #broker: Broker;
  readonly #wake: (queue: string) => void;
  /** In the order of their times. */
  #entries: Entry[] = [];
  /** Taken since the last time that the rights were extended. */
  readonly #fresh = new Set<Entry>();
  #limited = 0;
  #timer: NodeJS.Timeout | undefined;
  #beating: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();

  /** @param wake told when something of a queue may run */
  constructor(broker: Broker, wake: (queue: string) => void) {
    this.#broker = broker;
    this.#wake = wake;
  }

  /** How many are held for the rates of their tasks. */
  get limited(): number {
    return this.#limited;
  }

  /** What is held, in the order of their times. */
  entries(): readonly Waiting[] {
    return this.#entries;
  }

  /** Holds a message that was taken just now. @param isLimited it is the rate of its task that it waits for */
  hold(holding: Holding, runAt: number, isLimited = false): void {
    const { tag, received, crashes } = holding;
    const entry = { tag, received, crashes, runAt, since: performance.now(), isTold: false, isLimited };
    if (isLimited) this.#limited += 1;
    this.#insert(entry);
    // It was taken for as long as a claim lasts, which may be over before the next beat.
    if (this.#fresh.size === 0) setImmediate(() => this.#work(() => this.#keepFresh()));
    this.#fresh.add(entry);
    this.#beating ??= setInterval(() => this.#beat(), lease / 3).unref();
    if (this.#entries[0] === entry) this.#setTimer();
  }

  /** The rate of a task has changed: what waits for it gets other times, in the order that it has. */
  reschedule(task: string, next: () => number): void {
    const isMeant = ({ received, isLimited }: Entry): boolean => isLimited && received.message.task === task;
    const meant = this.#entries.filter(isMeant);
    this.#entries = this.#entries.filter((entry) => !isMeant(entry));
    for (const entry of meant) {
      const moved = { ...entry, runAt: next(), isTold: false };
      if (this.#fresh.delete(entry)) this.#fresh.add(moved);
      this.#insert(moved);
    }
    this.#setTimer();
  }

  /** Takes out what may run by now, at most `limit`, in the order of the queues. */
  due(queues: readonly string[], limit: number, now: number): readonly Waiting[] {
    const ready: Entry[] = [];
    for (const entry of this.#entries) {
      if (entry.runAt > now) break;
      ready.push(entry);
    }
    const taken = [...new Set(queues)]
      .flatMap((queue) => ready.filter(({ received }) => received.celery.queue === queue))
      .slice(0, limit);
    this.#remove(taken);
    return taken;
  }

  /** Takes out some. */
  take(isMeant: (holding: Holding) => boolean): readonly Holding[] {
    const taken = this.#entries.filter(isMeant);
    this.#remove(taken);
    return taken;
  }

  /** Nobody here claims any more: what waits for its rate would wait for nobody. */
  leave(): void {
    const limited = this.#entries.filter(({ isLimited }) => isLimited);
    if (limited.length === 0) return;
    this.#remove(limited);
    this.#work(() => this.#broker.giveBack(limited.map(({ tag }) => tag)));
  }

  /** Gives everything back. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    clearInterval(this.#beating);
    await this.#working;
    const tags = this.#entries.map(({ tag }) => tag);
    this.#entries = [];
    // What cannot be given back is when its time has run out.
    if (tags.length > 0) await this.#broker.giveBack(tags).catch(() => undefined);
  }

  #remove(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const gone = new Set(entries);
    this.#entries = this.#entries.filter((entry) => !gone.has(entry));
    this.#limited = this.#entries.reduce((count, { isLimited }) => count + (isLimited ? 1 : 0), 0);
    this.#setTimer();
  }

  #insert(entry: Entry): void {
    let at = this.#entries.length;
    while (at > 0 && this.#entries[at - 1]!.runAt > entry.runAt) at -= 1;
    this.#entries.splice(at, 0, entry);
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    let at = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries) {
      at = Math.min(at, entry.isTold ? Math.max(givenBackAt(entry), now + 50) : entry.runAt);
      // In the order of their times: those behind it are later.
      if (!entry.isTold) break;
    }
    if (at === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#tick(), Math.min(longest, Math.max(0, at - now))).unref();
  }

  /** Tells of what may run, and gives back what nobody has claimed. */
  #tick(): void {
    const now = Date.now();
    const queues = new Set<string>();
    const overdue: Entry[] = [];
    for (const entry of this.#entries) {
      if (entry.runAt > now) break;
      if (!entry.isTold) queues.add(entry.received.celery.queue);
      else if (givenBackAt(entry) <= now) overdue.push(entry);
      entry.isTold = true;
    }
    for (const queue of queues) this.#wake(queue);
    if (overdue.length > 0) this.#work(() => this.#sendAgain(overdue));
    this.#setTimer();
  }

  #beat(): void {
    const { holdsFor = Number.POSITIVE_INFINITY } = this.#broker;
    const before = performance.now() - holdsFor;
    const old = this.#entries.filter(({ since }) => since <= before);
    this.#work(async () => {
      if (old.length > 0) await this.#sendAgain(old);
      await this.#extend(this.#entries);
    });
  }

  async #keepFresh(): Promise<void> {
    const fresh = this.#entries.filter((entry) => this.#fresh.has(entry));
    this.#fresh.clear();
    await this.#extend(fresh);
  }

  async #extend(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const lost = new Set(
      await this.#broker.extend(
        entries.map(({ tag }) => tag),
        lease,
      ),
    );
    if (lost.size > 0) this.#remove(this.#entries.filter(({ tag }) => lost.has(tag)));
  }

  /** Puts messages back as they are: those whose time has come to the front. */
  async #sendAgain(given: readonly Entry[]): Promise<void> {
    // One that was claimed while this waited its turn runs now.
    const held = new Set(this.#entries);
    const entries = given.filter((entry) => held.has(entry));
    if (entries.length === 0) return;
    this.#remove(entries);
    const now = Date.now();
    await this.#broker.finish(
      entries.toReversed().map(({ tag, received, runAt, isLimited }) => ({
        tag,
        // What only waits for its rate has no other time.
        publish: [again(received, { runAt: isLimited ? (received.runAt ?? 0) : runAt, now })],
        front: runAt <= now,
      })),
      async () => undefined,
    );
  }

  /** One thing after the other. What fails is done with the next beat, or its right runs out. */
  #work(work: () => Promise<void>): void {
    this.#working = this.#working.then(work).catch(() => undefined);
  }
}

/** When what nobody here has claimed goes back. */
function givenBackAt({ runAt, isLimited }: Entry): number {
  return runAt + (isLimited ? limitedPatience : patience);
}
