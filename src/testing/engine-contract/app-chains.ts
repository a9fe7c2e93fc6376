import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import { PetioleError, type TaskError } from "../../errors.ts";
import { Petiole } from "../../task/petiole.ts";
import { Money, aborted, assertRich, richValue, silent, withSides, type Rich } from "./app.ts";
import { can, eventually, patience, pause, shortLease } from "./case.ts";
import type { ContractCase } from "./case.ts";
import { withChildren } from "./processes.ts";

const timeout = patience;

/** What an app's chains are promised on the engine: each step is sent by the worker of the one before. */
export const appChainCases: readonly ContractCase[] = [
  {
    name: "runs the steps of a chain one after the other, each with the result of the one before",
    features: ["sharedEnds"],
    run: (engine, another) => {
      const runs: (readonly [task: string, id: string, parent: string | undefined, root: string])[] = [];
      return withSides(
        engine,
        another,
        (app) => ({
          app,
          make: app.task("make", (_: undefined, job): Rich => {
            runs.push(["make", job.id, job.parent, job.root]);
            return richValue();
          }),
          pass: app.task("pass", (rich: Rich, job): Rich => {
            assertRich(rich);
            runs.push(["pass", job.id, job.parent, job.root]);
            return rich;
          }),
          price: app.task("price", ({ fee }: { fee: Money }, job): Money => {
            runs.push(["price", job.id, job.parent, job.root]);
            return fee.plus(fee);
          }),
        }),
        async ({ tasks: { app, make, pass, price }, work }) => {
          await work();
          const fee = new Money({ amount: 2n ** 70n, currency: "EUR" });
          const handle = await app.chain(make, pass, pass, price.signature({ fee })).enqueue();
          const ended = await handle.result({ timeout });
          assert.deepStrictEqual(ended, fee.plus(fee));
          assertRich(await handle.handles[1].result({ timeout }));
          const [first, second, third, fourth] = handle.ids;
          assert.deepEqual(runs, [
            ["make", first, undefined, first],
            ["pass", second, first, first],
            ["pass", third, second, first],
            ["price", fourth, third, first],
          ]);
        },
      );
    },
  },
  {
    name: "brings the end of a chain to another process that waits for it",
    features: ["sharedEnds"],
    needs: "elsewhere",
    run: (engine, another, { elsewhere }) =>
      withSides(
        engine,
        another,
        (app) => {
          const echo = app.task("contract.echo", (payload: Rich) => payload);
          return app.chain(echo, echo, echo.with({ delay: 50 }));
        },
        async ({ tasks: chain, work }) => {
          const { ids } = await chain.enqueue(richValue());
          await withChildren(elsewhere, "waitForChain", [{ ids }], async ([child]) => {
            // It waits by then, as far as can be told.
            await pause(50);
            await work();
            assert.equal(await child?.next(), "as it was sent");
          });
        },
      ),
  },
  {
    name: "leaves a step of a chain that a worker does not know to one that does",
    features: ["needs", "sharedEnds"],
    run: (engine, another) =>
      withSides(
        engine,
        another,
        (app) => ({ app, known: app.task("known", (x: number) => x + 1) }),
        async ({ tasks: { app, known }, workers, work }) => {
          await work();
          const newer = new Petiole({ engine: workers, values: [Money] });
          const handler = (x: number): string => `newer ${x}`;
          newer.task("newer", handler);
          const handle = await app.chain(known, app.task("newer", handler)).enqueue(1);
          await assert.rejects(handle.result({ timeout }), { code: "ERR_TASK_PARKED" });
          const worker = newer.worker({ watchdog: false, logger: silent });
          await worker.start();
          try {
            const last = handle.ids[1]!;
            await eventually(async () => (await engine.find(last))?.state === "succeeded", "its run");
            assert.equal(await handle.result({ timeout }), "newer 2");
          } finally {
            await worker.stop({ timeout: 0 });
          }
        },
      ),
  },
  {
    name: "ends a chain with the step that fails, after its retries, and runs none that follow",
    features: ["sharedEnds"],
    run: (engine, another) => {
      const runs: string[] = [];
      return withSides(
        engine,
        another,
        (app) => ({
          app,
          flaky: app.task(
            "flaky",
            (fails: number, job) => {
              runs.push(`flaky ${job.attempt}`);
              if (job.attempt <= fails) throw new RangeError(`attempt ${job.attempt}`);
              return fails;
            },
            { retry: { attempts: 2, delay: 1 } },
          ),
          after: app.task("after", (fails: number) => void runs.push(`after ${fails}`)),
        }),
        async ({ tasks: { app, flaky, after }, work }) => {
          await work();
          const chain = app.chain(flaky, after);
          await (await chain.enqueue(1)).result({ timeout });
          assert.deepEqual(runs.splice(0), ["flaky 1", "flaky 2", "after 1"]);
          const handle = await chain.enqueue(2);
          await assert.rejects(handle.result({ timeout }), (error: TaskError) => {
            assert.equal(error.code, "ERR_TASK_FAILED");
            assert.equal(error.task, "flaky");
            assert.match(error.message, /attempt 2$/);
            return true;
          });
          await pause(50);
          assert.deepEqual(runs, ["flaky 1", "flaky 2"]);
          assert.equal(await handle.cancel(), false, "there is nothing left to call off");
          if (can(engine, "records")) assert.equal(await engine.find(handle.ids[1]!), undefined);
        },
      );
    },
  },
  {
    name: "calls off what follows in a chain, though the step that runs succeeds all the same",
    features: ["cancelRunning", "sharedEnds"],
    run: (engine, another) => {
      const runs: string[] = [];
      return withSides(
        engine,
        another,
        (app) => ({
          app,
          t: app.task("t", async (name: string, job) => {
            runs.push(name);
            await aborted(job.signal);
            if (name === "stubborn") return "finished";
            throw job.signal.reason;
          }),
          after: app.task("after", (name: string) => void runs.push(`after: ${name}`)),
        }),
        async ({ tasks: { app, t, after }, work }) => {
          await work();
          const chain = app.chain(t, after, after.signature("once more"));
          for (const name of ["stubborn", "heeding"]) {
            const handle = await chain.enqueue(name);
            await eventually(() => runs.includes(name), "it runs");
            assert.equal(await handle.cancel("enough"), true);
            await assert.rejects(handle.result({ timeout }), { code: "ERR_TASK_CANCELLED" });
          }
          const waiting = await app.chain(t.with({ delay: 60_000 }), after).enqueue("never");
          assert.equal(await waiting.cancel(), true);
          if (can(engine, "records"))
            await assert.rejects(waiting.result({ timeout }), { code: "ERR_TASK_CANCELLED" });
          await pause(50);
          assert.deepEqual(runs, ["stubborn", "heeding"]);
        },
      );
    },
  },
  {
    name: "sends what follows in a chain before its step is settled, and once, though the worker dies in between",
    run: async (engine, another) => {
      const runs: string[] = [];
      const define = (app: Petiole<[typeof Money]>) => {
        const first = app.task("first", (_: undefined, job) => {
          runs.push("first");
          return `result ${runs.length} of ${job.id}`;
        });
        return app.chain(
          first,
          app.task("second", (result: string) => void runs.push(`second: ${result.split(" of")[0]}`)),
        );
      };
      await withSides(engine, another, define, async ({ tasks: chain, workers, work }) => {
        const { engine: mortal, died } = diesBeforeSettling(workers);
        const dying = new Petiole({ engine: mortal, values: [Money] });
        define(dying);
        const worker = dying.worker({ lease: shortLease, concurrency: 1, watchdog: false, logger: silent });
        await worker.start();
        try {
          const handle = await chain.enqueue();
          await died;
          await worker.stop({ timeout: 0 });
          await work();
          await eventually(() => runs.filter((run) => run === "first").length === 2, "the first ran again");
          await eventually(() => runs.some((run) => run.startsWith("second")), "the second");
          if (can(engine, "sharedEnds")) await handle.result({ timeout });
          await pause(100);
          assert.equal(runs.includes("second: result 1"), true, "it goes on with what was sent first");
          if (can(engine, "knownIds"))
            assert.deepEqual(runs.toSorted(), ["first", "first", "second: result 1"]);
        } finally {
          await worker.stop({ timeout: 0 });
        }
      });
    },
  },
  {
    name: "carries as much as may follow a step of a chain",
    run: (engine, another) => {
      const runs: number[] = [];
      return withSides(
        engine,
        another,
        (app) => ({
          app,
          t: app.task("t", ({ text }: { text: string }) => {
            runs.push(text.length);
            return { text };
          }),
        }),
        async ({ tasks: { app, t }, work }) => {
          await work();
          // Three bytes each, and beside them names and ids.
          const text = "\u2665".repeat(21_000);
          const long = t.signature({ text });
          await app.chain(t, t.signature({ text: "" }), long, t).enqueue({ text: "begin" });
          await eventually(() => runs.length === 4, "the last step");
          assert.deepEqual(runs, [5, 0, 21_000, 21_000]);
          await assert.rejects(app.chain(t, long, long).enqueue({ text: "" }), {
            code: "ERR_OPTION_INVALID",
          });
        },
      );
    },
  },
];

/**
 * An engine whose first settlement that is a success never arrives, nor anything after it, as of a process that is
 * killed then.
 */
function diesBeforeSettling(engine: Engine): { readonly engine: Engine; readonly died: Promise<void> } {
  const { promise: died, resolve: die } = Promise.withResolvers<void>();
  let isDead = false;
  const changes: Partial<Engine> = {
    claim: async (request) => (isDead ? [] : engine.claim(request)),
    extend: async (leases, duration) => (isDead ? [] : engine.extend(leases, duration)),
    async settle(settlements) {
      isDead ||= settlements.some(({ kind }) => kind === "complete");
      if (!isDead) return engine.settle(settlements);
      die();
      throw new PetioleError("ERR_ENGINE_CLOSED", "The process is dead.");
    },
  };
  const mortal = new Proxy(engine, {
    get(target, key) {
      const value = Reflect.get(key in changes ? changes : target, key) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  return { engine: mortal, died };
}
