/**
 * Apps on the engine under test.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import { messageOf } from "../../errors.ts";
import { Petiole } from "../../task/petiole.ts";
import type { Task } from "../../task/task.ts";
import type { Worker, WorkerOptions } from "../../task/worker.ts";
import { Value } from "../../value/index.ts";

/** A value class, as apps have them. */
export class Money extends Value("contract.Money", { amount: BigInt, currency: String }) {
  plus(other: Money): Money {
    return this.with({ amount: this.amount + other.amount });
  }
}

/** What JSON loses, and one thing of it twice. */
export interface Rich {
  readonly fee: Money;
  readonly at: Date;
  readonly big: bigint;
  readonly prices: Map<string, Money>;
  readonly tags: Set<string>;
  readonly bytes: Uint8Array;
  readonly nothing: undefined;
  readonly numbers: readonly number[];
  readonly text: string;
  again?: Rich;
}

/** The same each time, in each process. */
export function richValue(): Rich {
  const fee = new Money({ amount: 12_345_678_901_234_567_890n, currency: "EUR" });
  const rich: Rich = {
    fee,
    at: new Date(951_782_400_123),
    big: -(2n ** 70n),
    prices: new Map([
      ["first", fee],
      ["second\u0000\ud800", new Money({ amount: -1n, currency: "ATS" })],
    ]),
    tags: new Set(["b", "a", ""]),
    bytes: new Uint8Array([0, 1, 254, 255]),
    nothing: undefined,
    numbers: [Number.NaN, -0, Infinity, 0.1],
    text: "NUL \u0000, a lone surrogate \udfff, 🌿",
  };
  rich.again = rich;
  return rich;
}

/** Fails unless it is a {@link richValue}, in all. */
export function assertRich(value: unknown): void {
  assert.deepStrictEqual(value, richValue());
  const { fee, prices, again } = value as Rich;
  assert.equal(fee.plus(fee).amount, 24_691_357_802_469_135_780n, "its methods work");
  assert.equal(prices.get("first"), fee, "what was one object is one");
  assert.equal(again, value, "cycles are closed");
}

/** The app of the tests with several processes. */
export function contractApp(engine: Engine): {
  readonly app: Petiole<[typeof Money]>;
  readonly echo: Task<Rich, Rich, Money>;
  /** Waits for the result of `echo`, and says what is wrong with it. */
  readonly check: (id: string) => Promise<string>;
  /** The same of a chain of three of them. */
  readonly checkChain: (ids: readonly string[]) => Promise<string>;
} {
  const app = new Petiole({ engine, values: [Money] });
  const echo = app.task("contract.echo", (rich: Rich): Rich => {
    assertRich(rich);
    return rich;
  });
  const checked = async (result: Promise<Rich>): Promise<string> => {
    try {
      assertRich(await result);
      return "as it was sent";
    } catch (error) {
      return messageOf(error);
    }
  };
  return {
    app,
    echo,
    check: (id) => checked(echo.handle(id).result({ timeout: "20s" })),
    checkChain: (ids) => checked(app.chain(echo, echo, echo).handle(ids).result({ timeout: "20s" })),
  };
}

/** An app in the process that sends, and one in the worker's. */
export interface Sides<Tasks> {
  /** The tasks, where they are sent from. */
  readonly tasks: Tasks;
  /** The engine of the workers: another instance where the engine is shared. */
  readonly workers: Engine;
  /** Starts a worker. All are stopped when the test ends. */
  work(options?: WorkerOptions): Promise<Worker>;
}

/** A logger that says nothing. */
export const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Runs something with an app on either side, which have the tasks that `define` makes. */
export async function withSides<Tasks>(
  engine: Engine,
  another: () => Engine,
  define: (app: Petiole<[typeof Money]>) => Tasks,
  run: (sides: Sides<Tasks>) => Promise<void>,
): Promise<void> {
  const workers = engine.capabilities.shared ? another() : engine;
  const [sending, working] = [engine, workers].map((each) => new Petiole({ engine: each, values: [Money] }));
  assert.ok(sending && working);
  const tasks = define(sending);
  define(working);
  const started: Worker[] = [];
  try {
    await run({
      tasks,
      workers,
      async work(options = {}) {
        const worker = working.worker({ watchdog: false, logger: silent, ...options });
        started.push(worker);
        await worker.start();
        return worker;
      },
    });
  } finally {
    await Promise.all(started.map((worker) => worker.stop({ timeout: 0 })));
  }
}

/** Resolves when a signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
