import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import type { RetryOptions } from "../../task/options.ts";
import { aborted, withSides } from "./app.ts";
import { assertRecord, can, claim, patience, pause, shortLease, soon } from "./case.ts";
import type { ContractCase } from "./case.ts";

/** The worker's clock and the server's may differ by so much within one machine, in milliseconds. */
const grain = 5;

class Hopeless extends Error {}

/** Runs, one after another, of a task that always fails. */
interface Run {
  readonly attempt: number;
  readonly began: number;
  readonly ended: number;
  /** Why the run before it failed, as the engine keeps it. */
  readonly before: string | undefined;
}

/** Retries are as the task's policy says: so many, so long after each other, for those errors. */
export const appRetryingCases: readonly ContractCase[] = [
  {
    name: "runs a failing task as often as its policy says, after the delays that it says",
    async run(engine, another) {
      const runs = await failing(engine, another, { attempts: 4, delay: 40, factor: 2, jitter: 0 });
      assert.deepEqual(
        runs.map(({ attempt }) => attempt),
        [1, 2, 3, 4],
      );
      assertGaps(runs, [40, 80, 160]);
      if (!can(engine, "records")) return;
      assert.deepEqual(
        runs.map(({ before }) => before),
        [undefined, "attempt 1", "attempt 2", "attempt 3"],
      );
    },
  },
  {
    name: "makes no delay longer than the longest, nor shorter than jitter may make it",
    async run(engine, another) {
      const capped = { attempts: 4, delay: 60, factor: 10, maxDelay: 80, jitter: 0.5 };
      assertGaps(await failing(engine, another, capped), [30, 40, 40]);
    },
  },
  {
    name: "runs a task with one attempt once",
    async run(engine, another) {
      const runs = await failing(engine, another, { attempts: 1, delay: 0 });
      assert.equal(runs.length, 1);
    },
  },
  {
    name: "retries for the errors that the policy names, and discards for those that it gives up",
    async run(engine, another) {
      const runs: string[] = [];
      const fail = (name: string): never => {
        runs.push(name);
        throw name === "hopeless" ? new Hopeless(name) : new TypeError(name);
      };
      const retry = { attempts: 3, delay: 1, jitter: 0 };
      await withSides(
        engine,
        another,
        (app) => ({
          picky: app.task("picky", fail, { retry, retryOn: [Hopeless] }),
          resigned: app.task("resigned", fail, { retry, discardOn: [Hopeless] }),
        }),
        async ({ tasks: { picky, resigned }, work }) => {
          await work();
          const ends = [
            [await picky.enqueue("type"), "ERR_TASK_FAILED", 1],
            [await picky.enqueue("hopeless"), "ERR_TASK_FAILED", 3],
            [await resigned.enqueue("hopeless"), "ERR_TASK_DISCARDED", 1],
          ] as const;
          for (const [handle, code] of ends)
            await assert.rejects(handle.result({ timeout: patience }), { code });
          assertRecord(await engine.find(ends[0][0].id), { state: "failed", attempts: 1 });
          assertRecord(await engine.find(ends[1][0].id), { state: "failed", attempts: 3 });
          assertRecord(await engine.find(ends[2][0].id), { state: "discarded" });
          assert.deepEqual(runs.toSorted(), ["hopeless", "hopeless", "hopeless", "hopeless", "type"]);
        },
      );
    },
  },
  {
    name: "counts a run that takes too long as an attempt, and aborts it",
    async run(engine, another) {
      let runs = 0;
      await withSides(
        engine,
        another,
        (app) =>
          app.task(
            "slow",
            async (_: undefined, job) => {
              runs += 1;
              await aborted(job.signal);
              throw job.signal.reason;
            },
            { timeout: 30, retry: { attempts: 2, delay: 1 } },
          ),
        async ({ tasks, work }) => {
          await work();
          const handle = await tasks.enqueue();
          await assert.rejects(handle.result({ timeout: patience }), { code: "ERR_TASK_TIMEOUT" });
          assert.equal(runs, 2);
          assertRecord(await engine.find(handle.id), { state: "failed", attempts: 2 });
        },
      );
    },
  },
  {
    name: "counts a lost worker as no attempt, and parks a task that loses too many",
    async run(engine, another) {
      const attempts: number[] = [];
      await withSides(
        engine,
        another,
        (app) => app.task("t", (_: undefined, job) => void attempts.push(job.attempt)),
        async ({ tasks, work }) => {
          const survivor = await tasks.enqueue();
          await lose(engine, 1);
          const poison = await tasks.enqueue(undefined, { queue: "poison" });
          await lose(engine, 3, "poison");
          await work({ maxCrashes: 3, queues: ["default", "poison"] });
          await survivor.result({ timeout: patience });
          await assert.rejects(poison.result({ timeout: patience }), { code: "ERR_TASK_PARKED" });
          assert.deepEqual(attempts, [1]);
          assertRecord(await engine.find(survivor.id), { attempts: 1, crashes: 1 });
          const record = await engine.find(poison.id);
          assertRecord(record, { state: "parked", attempts: 0, crashes: 3 });
          assert.equal(record?.reason?.code, "ERR_TASK_CRASHED");
        },
      );
    },
  },
  {
    name: "begins with the first attempt again when a person retries a task",
    async run(engine, another) {
      const attempts: number[] = [];
      await withSides(
        engine,
        another,
        (app) =>
          app.task(
            "t",
            (_: undefined, job) => {
              attempts.push(job.attempt);
              if (attempts.length < 4) throw new Error("not yet");
              return "at last";
            },
            { retry: { attempts: 2, delay: 1 } },
          ),
        async ({ tasks, work }) => {
          await work();
          const handle = await tasks.enqueue();
          await assert.rejects(handle.result({ timeout: patience }), { code: "ERR_TASK_FAILED" });
          assert.equal(await engine.retry([handle.id]), 1);
          assert.equal(await handle.result({ timeout: patience }), "at last");
          assert.deepEqual(attempts, [1, 2, 1, 2]);
        },
      );
    },
  },
];

/** The runs of a task that fails until it is given up. */
async function failing(engine: Engine, another: () => Engine, retry: RetryOptions): Promise<Run[]> {
  const runs: Run[] = [];
  await withSides(
    engine,
    another,
    (app) =>
      app.task(
        "fails",
        async (_: undefined, job) => {
          const began = Date.now();
          const before = (await engine.find(job.id))?.reason?.message;
          runs.push({ attempt: job.attempt, began, before, ended: Date.now() });
          throw new Error(`attempt ${job.attempt}`);
        },
        { retry },
      ),
    async ({ tasks, work }) => {
      await work();
      const handle = await tasks.enqueue();
      await assert.rejects(handle.result({ timeout: patience }), { code: "ERR_TASK_FAILED" });
      assertRecord(await engine.find(handle.id), { state: "failed", attempts: retry.attempts ?? 8 });
      // Nothing follows what was given up.
      await pause(100);
      assert.equal(runs.length, retry.attempts);
    },
  );
  return runs;
}

function assertGaps(runs: readonly Run[], delays: readonly number[]): void {
  for (const [index, delay] of delays.entries()) {
    const gap = (runs[index + 1]?.began ?? Number.NaN) - (runs[index]?.ended ?? Number.NaN);
    assert.ok(gap >= delay - grain, `run ${index + 2} came ${gap} ms after the one before, not ${delay}`);
  }
}

/** Claims what is there, so often, without a heartbeat. */
async function lose(engine: Engine, times: number, queue = "default"): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const claimed = await soon(claim(engine, { queues: [queue], lease: shortLease }), "the claim");
    assert.equal(claimed.length, 1);
    await pause(shortLease + 20);
  }
}
