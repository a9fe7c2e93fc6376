/**
 * The relay: sends what transactions have left in the outbox, in their order, and removes it once the engine has it.
 *
 * Several may be at work on one outbox. Each sends the oldest and goes on only when they are sent, so the order holds;
 * what two of them send is one task, for an engine takes a message with the same id once. For an engine that does not look
 * at ids they take turns, by a claim that runs out should a relay die.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Engine, Outgoing } from "../engine.ts";
import { messageOf } from "../errors.ts";
import type { OrmAdapter, Within } from "../model/adapter.ts";
import { newId } from "./id.ts";
import { isRefusal } from "./refusal.ts";
import { backoff } from "./retry.ts";
import type { Outbox, Waiting } from "./outbox.ts";

/** What a relay needs of its app. */
export interface RelayContext {
  readonly engine: () => Engine;
  readonly adapters: readonly OrmAdapter[];
  readonly outbox: Outbox;
  /**
   * Runs what must not see what is not committed. Where a database is one connection, that takes a transaction of its
   * own, while there is no other.
   */
  readonly exclusively: <Result>(
    adapter: OrmAdapter,
    run: (within: Within) => Promise<Result>,
  ) => Promise<Result>;
}

/** Settings of `app.relay`. */
export interface RelayOptions {
  /** Where what goes wrong is told. The console unless told. */
  readonly logger?: { warn(message: string): void };
}

/** A relay of its own, in a process that runs no worker. */
export interface RunningRelay {
  /** Opens the engine and begins to send. @throws PetioleError what the engine throws when it cannot be opened */
  start(): Promise<void>;
  /** Resolves when nothing of it is left running. */
  stop(): Promise<void>;
}

/** What became of what was read: the ids of those that the engine has, and of those that it never takes, with why. */
interface Outcome {
  readonly sent: string[];
  readonly refused: [id: string, why: string][];
}

/** Whether all is sent; otherwise another relay is at it. */
type Pass = Promise<boolean>;

/** So many are sent together. */
const batchSize = 100;
/** For how long a relay has what it has claimed, in milliseconds. */
const claimFor = 30_000;
/** How often somebody who waits for what another has claimed looks whether it is sent, in milliseconds. */
const lookAgain = 100;
/** How often a relay looks, in milliseconds, for what another process has left. */
const pollEvery = 1000;
/** Between attempts at a database or an engine that is out of reach. */
const retrying = { delay: 200, factor: 2, maxDelay: 10_000, jitter: 0.5 } as const;

/** Sends what is in an app's outboxes. */
export class Relay {
  readonly #context: RelayContext;
  /** What is under way, and what comes after it, by adapter. */
  readonly #passes = new Map<OrmAdapter, { readonly now: Pass; next: Pass | undefined }>();
  /** Its names, for its claims: one for each adapter, as two may be of one database. */
  readonly #names = new Map<OrmAdapter, string>();
  /** A pass is no part of what asks for it, a transaction that has just been committed for one. */
  readonly #outside = AsyncLocalStorage.snapshot();
  readonly #closing = new AbortController();

  constructor(context: RelayContext) {
    this.#context = context;
  }

  /** The name of the table that it sends from. */
  get table(): string {
    return this.#context.outbox.table;
  }

  /** Resolves once all that is in the outbox now is sent. Tries again for as long as the process lives. */
  async sendAll(adapter: OrmAdapter): Promise<void> {
    const { signal } = this.#closing;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        if (await this.pass(adapter)) return;
        attempt = 0;
        await sleep(lookAgain, signal);
      } catch {
        await sleep(backoff(attempt, retrying), signal);
      }
    }
  }

  /**
   * Sends all that is in the outbox now. What is asked for meanwhile is one more pass, after this one.
   *
   * @returns `false` when another relay is at it
   */
  pass(adapter: OrmAdapter): Pass {
    const running = this.#passes.get(adapter);
    if (running?.next) return running.next;
    const begin = (): Pass => {
      const now = this.#outside(() => this.#pass(adapter)).finally(() => {
        if (!this.#passes.get(adapter)?.next) this.#passes.delete(adapter);
      });
      this.#passes.set(adapter, { now, next: undefined });
      return now;
    };
    if (!running) return begin();
    running.next = running.now.then(begin, begin);
    return running.next;
  }

  /** Sends all that is in any outbox now. */
  async passAll(): Promise<void> {
    await Promise.all(this.#adapters().map((adapter) => this.pass(adapter)));
  }

  /** Looks again and again, until it is told to stop. `warn` is told what goes wrong, each thing once in a row. */
  async run(signal: AbortSignal, warn: (message: string) => void): Promise<void> {
    await Promise.all(
      this.#adapters().map(async (adapter) => {
        let warned = "";
        for (let failures = 0; !signal.aborted;) {
          try {
            await this.pass(adapter);
            failures = 0;
            warned = "";
          } catch (error) {
            failures++;
            const message = `The outbox of ${adapter.name} could not be sent: ${messageOf(error)}`;
            if (message !== warned) warn(message);
            warned = message;
          }
          await sleep(failures > 0 ? backoff(failures, retrying) : pollEvery, signal);
        }
      }),
    );
  }

  /** Gives up what `sendAll` has not sent: it is in the outbox, for another relay. */
  close(): void {
    this.#closing.abort();
  }

  #adapters(): readonly OrmAdapter[] {
    return this.#context.adapters.filter(({ sql }) => sql);
  }

  async #pass(adapter: OrmAdapter): Pass {
    const { outbox, exclusively } = this.#context;
    while (!this.#closing.signal.aborted) {
      // Most passes find nothing, and need no transaction for it.
      if ((await outbox.oldest(adapter, 1, {})).length === 0) return true;
      const waiting = await exclusively(adapter, (within) => this.#waiting(adapter, within));
      if (waiting === undefined) return false;
      // Not in a transaction: an engine may take its time, and who else has the connection is not to wait for it.
      const { sent, refused } = await this.#send(waiting);
      await exclusively(adapter, async (within) => {
        for (const [id, why] of refused) await outbox.setAside(adapter, id, why, within);
        if (sent.length > 0) await outbox.remove(adapter, sent, within);
      });
      if (waiting.length < batchSize && !this.#claims) return true;
    }
    return true;
  }

  /** Whether what is sent twice would be two tasks. */
  get #claims(): boolean {
    return this.#context.engine().capabilities.lacks.knownIds !== undefined;
  }

  /** Undefined when another relay is at it. */
  #waiting(adapter: OrmAdapter, within: Within): Promise<readonly Waiting[] | undefined> {
    const { outbox } = this.#context;
    if (!this.#claims) return outbox.oldest(adapter, batchSize, within);
    const now = Date.now();
    const relay = this.#names.get(adapter) ?? newId();
    this.#names.set(adapter, relay);
    return outbox.claim(adapter, { relay, now, until: now + claimFor, limit: batchSize }, within);
  }

  /** Sends them. */
  async #send(waiting: readonly Waiting[]): Promise<Outcome> {
    const outcome: Outcome = { sent: [], refused: [] };
    const readable: { readonly id: string; readonly outgoing: Outgoing }[] = [];
    for (const { id, outgoing } of waiting) {
      if (outgoing) readable.push({ id, outgoing });
      else outcome.refused.push([id, "this is not a message of Petiole's"]);
    }
    if (readable.length === 0) return outcome;
    try {
      await this.#context.engine().send(readable.map(({ outgoing }) => outgoing));
      outcome.sent.push(...readable.map(({ id }) => id));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (readable.length === 1) outcome.refused.push([readable[0]!.id, messageOf(error)]);
      // One of them is refused, and is not to hold up the others.
      else for (const each of readable) merge(outcome, await this.#send([each]));
    }
    return outcome;
  }
}

function merge(outcome: Outcome, { sent, refused }: Outcome): void {
  outcome.sent.push(...sent);
  outcome.refused.push(...refused);
}

/** What `app.relay` gives. */
export function runningRelay(
  relay: Relay,
  context: { readonly engine: Engine },
  warn: (message: string) => void,
): RunningRelay {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  /** The timers between passes keep no process alive, and this is what it runs for. */
  let alive: NodeJS.Timeout | undefined;
  return {
    async start() {
      await context.engine.open();
      if (running || stopping.signal.aborted) return;
      running = relay.run(stopping.signal, warn);
      alive = setInterval(() => {}, 60_000);
    },
    async stop() {
      stopping.abort();
      await running;
      clearInterval(alive);
    },
  };
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    // Sending again is no reason to keep a process alive: the outbox has it.
    timer.unref();
    signal?.addEventListener("abort", end, { once: true });
  });
}
