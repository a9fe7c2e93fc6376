/** One fault done to one engine: who sends, who works, and what came of it. @module */
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine, QueueCount } from "../../src/engine.ts";
import type { Json } from "../../src/message.ts";
import type { Random } from "../wire/random.ts";
import { checked } from "./checks.ts";
import type { Outcome, Scene } from "./fault.ts";
import { Crew } from "./processes.ts";
import { Sender, type Manner } from "./sender.ts";

/** How long nothing may come to an end until no more is expected, in milliseconds. */
const patience = 30_000;

/** A round: a fault, an engine with empty queues, and tasks from one number to below another. */
export class Round {
  readonly scene: Scene;
  readonly random: Random;
  readonly first: number;
  /** How many to send. */
  readonly tasks: number;
  readonly problems: string[] = [];
  readonly #happened: Record<string, number> = {};
  readonly #senders: Sender[] = [];
  readonly #crews: Crew[] = [];
  readonly #cleanups: (() => unknown)[] = [];
  readonly #measured: Record<string, number> = {};
  readonly #began = performance.now();
  #isClosed = false;

  constructor(scene: Scene, random: Random, first: number, tasks: number) {
    this.scene = scene;
    this.random = random;
    this.first = first;
    this.tasks = tasks;
  }

  /** Who sends: the tasks of a second one come after those of the first. */
  sender(config: Json): Sender {
    const sent = this.#senders.reduce((sum, { accepted }) => sum + accepted.size, 0);
    const sender = new Sender(this.scene.module.open(config), this.first + sent, this.scene.signal);
    this.#senders.push(sender);
    return sender;
  }

  /** Who works. The lease is in milliseconds; the worker's default where it is left out. */
  crew(config: Json, lease?: number): Crew {
    const { engine, effectsFile } = this.scene;
    const crew = new Crew({ engine, config, effects: effectsFile, ...(lease !== undefined && { lease }) });
    this.#crews.push(crew);
    return crew;
  }

  /** To be done at the end, in every case. */
  atEnd(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** Counts what was done. */
  happened(what: string, count = 1): void {
    this.#happened[what] = (this.#happened[what] ?? 0) + count;
  }

  /** How often. */
  countOf(what: string): number {
    return this.#happened[what] ?? 0;
  }

  /** Keeps what was measured, in milliseconds. */
  measured(what: string, milliseconds: number): void {
    this.#measured[what] = milliseconds;
  }

  /** It is over: what ends now was ended by {@link finish} or {@link close}. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Waits for a moment, at random. */
  async pause(least: number, most: number): Promise<void> {
    await sleep(least + this.random.next() * (most - least), undefined, { signal: this.scene.signal });
  }

  /** Sends so many in lots, over a time in milliseconds, so that faults meet sends too. */
  async sendOver(sender: Sender, count: number, time: number, manner?: Manner): Promise<void> {
    const most = Math.max(1, Math.ceil(count / 20));
    const began = performance.now();
    for (let sent = 0; sent < count;) {
      const lot = Math.min(1 + this.random.below(most), count - sent);
      await sender.send(lot, manner);
      sent += lot;
      const ahead = (sent / count) * time - (performance.now() - began);
      if (ahead > 0) await sleep(ahead, undefined, { signal: this.scene.signal });
    }
  }

  /** Whether all tasks have had their effect. */
  get isDone(): boolean {
    return this.#hasEffects(this.first + this.tasks);
  }

  #hasEffects(below: number): boolean {
    return this.scene.effects.count(this.first, below) === below - this.first;
  }

  /**
   * Resolves once all tasks are at an end, or once nothing has come to one for a long time.
   *
   * @param below the number that the tasks so far are below; unless told, all tasks have been sent
   */
  async drained(engine: Engine, below = this.first + this.tasks): Promise<void> {
    let [last, since] = ["", performance.now()];
    while (performance.now() - since < patience) {
      this.scene.signal.throwIfAborted();
      // It may be out of reach for a while.
      const counts = await engine.counts().catch((): QueueCount[] => []);
      const left = counts.filter(({ state }) => ["scheduled", "waiting", "running"].includes(state));
      if (this.#hasEffects(below) && counts.length > 0 && left.length === 0) return;
      const now = JSON.stringify([counts, this.scene.effects.count(this.first, below)]);
      if (now !== last) [last, since] = [now, performance.now()];
      await sleep(50);
    }
    this.problems.push(`nothing came to an end any more for ${patience} ms: ${last}`);
  }

  /** Ends the workers and says what came of the tasks. `engine` has them; unless told, that of the first who sent. */
  async finish(): Promise<Outcome> {
    const [sender] = this.#senders;
    if (!sender) throw new Error("nobody has sent anything");
    this.#isClosed = true;
    const workers = this.#crews.flatMap((crew) => crew.living);
    const stopped = await Promise.all(workers.map((worker) => worker.stop()));
    for (const [index, isStopped] of stopped.entries()) {
      if (!isStopped) this.problems.push(`${workers[index]!.name} did not stop within 10 s`);
    }
    const accepted = new Map(this.#senders.flatMap(({ accepted }) => [...accepted]));
    const log = this.#crews.flatMap((crew) => crew.all.flatMap((worker) => worker.log));
    const fallen = this.#crews.flatMap((crew) => crew.fallen);
    const { problems, ...found } = await checked(sender.engine, this.scene.effects, accepted, {
      from: this.first,
      below: this.first + this.tasks,
    });
    return {
      ...found,
      refused: log.filter((line) => line.includes("ended here after its lease was lost")).length,
      happened: this.#happened,
      measured: this.#measured,
      problems: [...this.problems, ...fallen, ...problems],
      milliseconds: performance.now() - this.#began,
    };
  }

  /** Ends what was started. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#crews.map((crew) => crew.close()));
    await Promise.all(this.#senders.map((sender) => sender.close().catch(() => undefined)));
    for (const cleanup of this.#cleanups.toReversed()) await cleanup();
  }
}
