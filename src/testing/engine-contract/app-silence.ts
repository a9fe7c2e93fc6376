import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import type { WorkerOptions } from "../../task/worker.ts";
import { withSides } from "./app.ts";
import { assertRecord, eventually, pause, shortLease, type Beyond, type ContractCase } from "./case.ts";

const timeout = 20_000;

/** So much longer than allowed a process is silent, in milliseconds. */
const more = 100;

/** Makes the workers' engine: one for which a short silence is long, where it has a measure of its own. */
function workersOf(another: () => Engine, { impatient }: Beyond): () => Engine {
  return impatient ?? another;
}

/** As a worker is by default, where the engine limits the silence; else with a lease that a test can wait for. */
function kindOf({ silence }: Engine): { readonly allowed: number; readonly options: WorkerOptions } {
  if (silence !== undefined) return { allowed: silence, options: {} };
  return { allowed: shortLease, options: { lease: shortLease } };
}

/** What a worker is promised that could give no sign of life for too long: what nobody else has taken is its own. */
export const appSilenceCases: readonly ContractCase[] = [
  {
    name: "gives a process that was blocked for too long nothing that it runs already",
    run: (engine, another, beyond) => {
      const runs: string[] = [];
      const unblocked = Promise.withResolvers<void>();
      let allowed = 0;
      return withSides(
        engine,
        workersOf(another, beyond),
        (app) =>
          app.task("t", async (name: string) => {
            runs.push(name);
            if (name !== "blocks") return unblocked.promise;
            for (const end = performance.now() + allowed + more; performance.now() < end;);
            // The others end now, and the worker asks for more before any timer can have renewed a lease.
            unblocked.resolve();
            await pause(100);
          }),
        async ({ tasks, work, workers }) => {
          const kind = kindOf(workers);
          allowed = kind.allowed;
          const handles = [];
          for (const name of ["waits", "blocks", "comes after"]) handles.push(await tasks.enqueue(name));
          await work({ ...kind.options, concurrency: 2 });
          for (const handle of handles) await handle.result({ timeout });
          assert.deepEqual(runs, ["waits", "blocks", "comes after"]);
          for (const { id } of handles) assertRecord(await engine.find(id), { attempts: 1, crashes: 0 });
        },
      );
    },
  },
  {
    name: "gives a process nothing that it runs already when its server was away for too long",
    features: ["lastingLeases"],
    needs: "interrupt",
    async run(engine, another, beyond) {
      const { interrupt } = beyond;
      const runs: string[] = [];
      const [soon, late] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const define = (app: Parameters<Parameters<typeof withSides>[2]>[0]) =>
        ["a", "b"].map((queue) =>
          app.task(
            queue,
            async (name: string) => {
              runs.push(`${name} of ${queue}`);
              if (name === "long") await late.promise;
              if (!name.startsWith("short")) return;
              await soon.promise;
              await pause(Number(name.slice(6)) * 10);
            },
            { queue },
          ),
        );
      // By the engine's measure, and by a lease that is shorter.
      await withSides(engine, workersOf(another, beyond), define, (long) =>
        withSides(engine, another, define, async (short) => {
          const { allowed, options } = kindOf(long.workers);
          const send = (name: string) => Promise.all(long.tasks.map((task) => task.enqueue(name)));
          const names = ["long", ...Array.from({ length: 9 }, (_, index) => `short ${index}`)];
          const handles = (await Promise.all(names.map(send))).flat();
          await long.work({ ...options, concurrency: 11, queues: ["a"] });
          await short.work({ lease: shortLease, concurrency: 11, queues: ["b"] });
          await eventually(() => runs.length === handles.length, "all of them running", timeout);
          const away = interrupt(Math.max(allowed, shortLease) + 3 * more);
          // From before it is away until after: what they come to waits for it, and so do the claims that follow.
          soon.resolve();
          await away;
          for (const handle of handles.slice(2)) await handle.result({ timeout });
          const after = await send("after");
          for (const handle of after) await handle.result({ timeout });
          late.resolve();
          handles.push(...after);
          for (const handle of handles) await handle.result({ timeout });
          assert.deepEqual(
            runs.toSorted(),
            [...names, "after"].flatMap((name) => [`${name} of a`, `${name} of b`]).toSorted(),
          );
          for (const { id } of handles) assertRecord(await engine.find(id), { attempts: 1, crashes: 0 });
        }),
      );
    },
  },
];
