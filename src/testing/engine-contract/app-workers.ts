import assert from "node:assert/strict";
import type { Progress } from "../../engine.ts";
import { aborted, withSides } from "./app.ts";
import { assertRecord, assertUnderWay, eventually, patience, pause } from "./case.ts";
import type { ContractCase } from "./case.ts";

const timeout = patience;

/** What workers do with the engine: be told, tell, share, pause and stop. */
export const appWorkerCases: readonly ContractCase[] = [
  {
    name: "cancels a running task through its signal, and one that waits before it runs",
    features: ["cancelRunning"],
    async run(engine, another) {
      const runs: string[] = [];
      await withSides(
        engine,
        another,
        (app) =>
          app.task("t", async (name: string, job) => {
            runs.push(name);
            await aborted(job.signal);
            if (name === "stubborn") return "finished";
            throw job.signal.reason;
          }),
        async ({ tasks, work }) => {
          await work({ concurrency: 2 });
          const heeding = await tasks.enqueue("heeding");
          const stubborn = await tasks.enqueue("stubborn");
          await eventually(() => runs.length === 2, "both running");
          const waiting = await tasks.enqueue("waiting");
          for (const handle of [waiting, heeding, stubborn])
            assert.equal(await handle.cancel("enough"), true);
          await assert.rejects(waiting.result({ timeout }), { code: "ERR_TASK_CANCELLED" });
          await assert.rejects(heeding.result({ timeout }), /was cancelled: enough/);
          assert.equal(await stubborn.result({ timeout }), "finished");
          assert.equal(await heeding.cancel(), false);
          assert.deepEqual(runs, ["heeding", "stubborn"]);
        },
      );
    },
  },
  {
    name: "tells progress and log lines through a handle, while the task runs and after",
    features: ["records", "reports"],
    async run(engine, another) {
      const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
      await withSides(
        engine,
        another,
        (app) =>
          app.task("t", async (_: undefined, job) => {
            job.progress(0.25, "a \u0000 quarter");
            job.log("began");
            await steps[0].promise;
            job.progress(0.75);
            await steps[1].promise;
            job.log("ended");
            job.progress(1);
            return "done";
          }),
        async ({ tasks, work }) => {
          await work();
          const handle = await tasks.enqueue();
          const told: Progress[] = [];
          const deadline = setTimeout(() => steps.forEach(({ resolve }) => resolve()), timeout);
          for await (const progress of handle.progress()) {
            told.push(progress);
            if (progress.fraction === 0.25) {
              assertRecord(await engine.find(handle.id), { state: "running" });
              steps[0].resolve();
            }
            if (progress.fraction === 0.75) steps[1].resolve();
          }
          clearTimeout(deadline);
          assert.deepEqual(told, [
            { fraction: 0.25, note: "a \u0000 quarter" },
            { fraction: 0.75 },
            { fraction: 1 },
          ]);
          assert.equal(await handle.result({ timeout }), "done");
          assert.deepEqual(
            (await handle.logs()).map(({ text }) => text),
            ["began", "ended"],
          );
        },
      );
    },
  },
  {
    name: "lets what runs finish when a worker stops, and leaves the rest to others",
    async run(engine, another) {
      const go = Promise.withResolvers<void>();
      const runs: string[] = [];
      await withSides(
        engine,
        another,
        (app) =>
          app.task("t", async (name: string) => {
            runs.push(name);
            await go.promise;
            return name;
          }),
        async ({ tasks, work }) => {
          const first = await work({ concurrency: 1 });
          const running = await tasks.enqueue("running");
          const waiting = await tasks.enqueue("waiting");
          await eventually(() => runs.length === 1, "the first running");
          const stopped = first.stop();
          await pause(50);
          await assertUnderWay(engine, waiting.id, { state: "waiting" });
          go.resolve();
          await stopped;
          assert.equal(await running.result({ timeout }), "running");
          assert.deepEqual(runs, ["running"]);
          await work();
          assert.equal(await waiting.result({ timeout }), "waiting");
        },
      );
    },
  },
  {
    name: "hands what does not finish back when a worker must stop, with nothing counted",
    async run(engine, another) {
      const attempts: number[] = [];
      await withSides(
        engine,
        another,
        (app) =>
          app.task("t", async (_: undefined, job) => {
            attempts.push(job.attempt);
            if (attempts.length > 1) return "done";
            await aborted(job.signal);
            throw job.signal.reason;
          }),
        async ({ tasks, work }) => {
          const first = await work({ name: "first" });
          const handle = await tasks.enqueue();
          await eventually(() => attempts.length === 1, "its run");
          await first.stop({ timeout: 0 });
          await assertUnderWay(engine, handle.id, { state: "waiting", attempts: 0, crashes: 0 });
          await work({ name: "second" });
          assert.equal(await handle.result({ timeout }), "done");
          assert.deepEqual(attempts, [1, 1]);
          assertRecord(await engine.find(handle.id), { attempts: 1, crashes: 0, worker: "second" });
        },
      );
    },
  },
  {
    name: "keeps a task that runs for longer than its lease, by heartbeats",
    async run(engine, another) {
      let runs = 0;
      await withSides(
        engine,
        another,
        (app) =>
          app.task("long", async (_: undefined, job) => {
            runs += 1;
            await pause(1300);
            return job.signal.aborted;
          }),
        async ({ tasks, work }) => {
          for (let index = 0; index < 2; index += 1) await work({ lease: 500 });
          const handle = await tasks.enqueue();
          assert.equal(await handle.result({ timeout }), false);
          assert.equal(runs, 1);
          assertRecord(await engine.find(handle.id), { attempts: 1, crashes: 0 });
        },
      );
    },
  },
  {
    name: "shares tasks among workers, and runs no more at once than a task allows",
    features: ["limits"],
    async run(engine, another) {
      let [running, most] = [0, 0];
      await withSides(
        engine,
        another,
        (app) => ({
          limited: app.task(
            "limited",
            async (_: number) => {
              most = Math.max(most, ++running);
              await pause(15);
              running -= 1;
            },
            { concurrency: 2 },
          ),
          free: app.task("free", () => "free"),
        }),
        async ({ tasks: { limited, free }, work }) => {
          const handles = await limited.enqueueMany(Array.from({ length: 12 }, (_, index) => index));
          const last = await free.enqueue();
          for (let index = 0; index < 2; index += 1) await work();
          assert.equal(await last.result({ timeout }), "free");
          for (const handle of handles) await handle.result({ timeout });
          assert.equal(most, 2);
        },
      );
    },
  },
  {
    name: "leaves a paused queue alone, and goes on once it is resumed",
    features: ["pause"],
    async run(engine, another) {
      await withSides(
        engine,
        another,
        (app) => ({
          paused: app.task("paused", () => "resumed", { queue: "paused" }),
          other: app.task("other", () => "not paused", { queue: "other" }),
        }),
        async ({ tasks: { paused, other }, work }) => {
          await engine.pause("paused");
          await work();
          const held = await paused.enqueue();
          assert.equal(await (await other.enqueue()).result({ timeout }), "not paused");
          await pause(50);
          await assertUnderWay(engine, held.id, { state: "waiting" });
          await engine.resume("paused");
          assert.equal(await held.result({ timeout }), "resumed");
        },
      );
    },
  },
];
