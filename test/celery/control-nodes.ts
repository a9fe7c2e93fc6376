/**
 * Two nodes on one broker, for tests of remote control: a worker of ours that can be held, and one of Celery's, with those
 * who ask them.
 *
 * @module
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Petiole, type Worker } from "petiole";
import type { Engine } from "petiole/engine";
import { celeryControl, type CeleryControl } from "petiole/engine/celery";
import { expect } from "vitest";
import type { BrokerKind, RunningBroker } from "./brokers.ts";
import { answersIn } from "./control-site.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

/** What tells nobody. */
export const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The name of our node. */
export const me = "mailer@ours";

/** Both nodes answer, and no more: nobody waits for longer than that takes. */
export const both = { limit: 2, timeout: 15_000 } as const;

/** The same in Python, for what takes `limit` and `timeout`. */
export const pythonBoth = "limit=2, timeout=15";

/** A run of one of our tasks. */
export interface Run {
  readonly key: unknown;
  readonly at: number;
}

/** The two nodes, and who asks them. */
export class ControlNodes {
  readonly broker: RunningBroker;
  readonly #engine: Engine;
  readonly #worker: Worker;
  readonly control: CeleryControl;
  /** Celery's worker: with one process that runs tasks, and one more task reserved for it. */
  readonly python: CeleryWorker;
  readonly client: SiteClient;
  readonly #folder: string;
  /** What our tasks `ts.note` and `ts.hold` have run, in order. */
  readonly ran: Run[];
  /** Ends the runs of `ts.hold`, by their keys. */
  readonly open: ReadonlyMap<string, () => void>;
  /** The keys of the runs of `ts.hold` that were told to end. */
  readonly aborted: readonly string[];
  #gates = 0;

  private constructor(
    parts: Pick<ControlNodes, "broker" | "control" | "python" | "client" | "ran" | "open" | "aborted"> & {
      readonly engine: Engine;
      readonly worker: Worker;
      readonly folder: string;
    },
  ) {
    this.broker = parts.broker;
    this.#engine = parts.engine;
    this.#worker = parts.worker;
    this.control = parts.control;
    this.python = parts.python;
    this.client = parts.client;
    this.#folder = parts.folder;
    this.ran = parts.ran;
    this.open = parts.open;
    this.aborted = parts.aborted;
  }

  /** Starts a broker, and both on it. */
  static async start(kind: BrokerKind): Promise<ControlNodes> {
    const broker = await kind.start();
    const engine = broker.engine({
      hostname: me,
      tasks: { "ts.note": { positional: ["key"] } },
      queues: {
        video: {
          exchange: { name: "media", type: "topic" },
          routingKey: "media.video",
          bindings: ["media.video.#"],
        },
      },
    });
    const app = new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
    const ran: Run[] = [];
    const open = new Map<string, () => void>();
    const aborted: string[] = [];
    app.task("ts.note", ({ key }: { key: unknown }) => void ran.push({ key, at: Date.now() }));
    app.task("ts.hold", async ({ key }: { key: string }, job) => {
      ran.push({ key, at: Date.now() });
      await new Promise<void>((resolve, reject) => {
        open.set(key, resolve);
        job.signal.addEventListener("abort", () => {
          aborted.push(key);
          reject(job.signal.reason as Error);
        });
      });
    });
    const worker = app.worker({ queues: ["ts", "video"], concurrency: 5, watchdog: false, logger: quiet });
    await worker.start();
    const control = celeryControl({ broker: broker.source() });
    const environment = { CONF: JSON.stringify({ worker_prefetch_multiplier: 2 }) };
    const [python, client, folder] = await Promise.all([
      // Of a process of its own, it runs a task and answers meanwhile.
      startCeleryWorker({ ...broker.places, environment, pool: "prefork", neighbours: true }),
      startSiteClient(broker.places),
      mkdtemp(join(tmpdir(), "petiole-control-")),
    ]);
    return new ControlNodes({ broker, engine, worker, control, python, client, folder, ran, open, aborted });
  }

  async close(): Promise<void> {
    for (const end of this.open.values()) end();
    await this.control.close();
    await this.#worker.stop({ timeout: 0 });
    await this.#engine.close();
    await Promise.all([this.client.stop(), this.python.stop()]);
    await this.broker.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** What our tasks were given, in the order of their runs. */
  keys(): unknown[] {
    return this.ran.map(({ key }) => key);
  }

  /** Waits for a run of ours. */
  async began(key: string): Promise<void> {
    await expect.poll(() => this.keys()).toContain(key);
  }

  /** Sends a task from Python: the arguments of its `send`. Its id. */
  async send(call: string): Promise<string> {
    return (await this.client.outcome(`send(${call})`)).plain as string;
  }

  /** Sends a task to Celery's worker that runs until the gate is opened. */
  async hold(): Promise<{ readonly id: string; readonly open: () => Promise<void> }> {
    const gate = join(this.#folder, `gate-${(this.#gates += 1)}`);
    const id = await this.send(`"tasks.hold", ${JSON.stringify(`${gate}-note`)}, ${JSON.stringify(gate)}`);
    return { id, open: () => writeFile(gate, "") };
  }

  /** Asks us by Python's own client, without the seconds that a command of Celery's takes to start. */
  async ask(method: string, given: object = {}): Promise<unknown> {
    const call = `app.control.broadcast("${method}", json.loads(${JSON.stringify(JSON.stringify(given))}), ["${me}"], reply=True, timeout=20)`;
    const { plain, error, trace } = await this.client.outcome(`json.dumps(${call}[0]["${me}"])`);
    if (error !== undefined) throw new Error(trace);
    return JSON.parse(plain as string);
  }

  /**
   * Runs a command of Celery's that answers in JSON, `["inspect", "stats"]`, in the client's process, which needs no seconds
   * to start: the answers, by worker.
   */
  async command([kind, ...rest]: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const parameters = [kind, "--json", "--timeout", "20", ...rest];
    const { plain, error, trace } = await this.client.outcome(`command(*${JSON.stringify(parameters)})`);
    if (error !== undefined) throw new Error(trace);
    return answersIn(plain as string);
  }

  /** The name of Celery's worker. */
  async theirs(): Promise<string> {
    const { replies } = await this.control.ping(both);
    return [...replies.keys()].find((name) => name !== me)!;
  }
}
