import assert from "node:assert/strict";
import type { PetioleError } from "../../errors.ts";
import { Petiole } from "../../task/petiole.ts";
import { assertRich, richValue, withSides, type Rich } from "./app.ts";
import { assertRecord, eventually, find, outgoing, patience, pause, soon } from "./case.ts";
import type { ContractCase } from "./case.ts";
import { withChildren } from "./processes.ts";

const timeout = patience;

/** What an app's tasks are promised, through a worker on the engine: sent, run, and told of. */
export const appRunningCases: readonly ContractCase[] = [
  {
    name: "brings payloads and results across with their types",
    run: (engine, another) =>
      withSides(
        engine,
        another,
        (app) =>
          app.task("rich", (payload: Rich) => {
            assertRich(payload);
            return payload;
          }),
        async ({ tasks, work }) => {
          const early = await tasks.enqueue(richValue());
          await work();
          assertRich(await early.result({ timeout }));
          const late = await tasks.enqueue(richValue());
          assertRich(await late.result({ timeout }));
          assertRich(await tasks.handle(early.id).result({ timeout }));
        },
      ),
  },
  {
    name: "brings a result with its types to another process that waits for it",
    features: ["sharedEnds"],
    needs: "elsewhere",
    run: (engine, another, { elsewhere }) =>
      withSides(
        engine,
        another,
        (app) => app.task("contract.echo", (payload: Rich) => payload),
        async ({ tasks, work }) => {
          const { id } = await tasks.enqueue(richValue());
          await withChildren(elsewhere, "wait", [{ id }], async ([child]) => {
            // It waits by then, as far as can be told.
            await pause(50);
            await work();
            assert.equal(await child?.next(), "as it was sent");
          });
        },
      ),
  },
  {
    name: "runs what was sent by and for another process",
    needs: "elsewhere",
    run: (engine, another, { elsewhere }) =>
      withChildren(elsewhere, "work", [null, null], () =>
        withSides(
          engine,
          another,
          (app) => app.task("contract.echo", (payload: Rich) => payload),
          async ({ tasks }) => {
            const handles = await tasks.enqueueMany(Array.from({ length: 20 }, richValue));
            for (const handle of handles) assertRich(await handle.result({ timeout }));
          },
        ),
      ),
  },
  {
    name: "tells whoever waits how else a task ended",
    run: (engine, another) =>
      withSides(
        engine,
        another,
        (app) =>
          app.task(
            "fails",
            (why: string) => {
              throw new RangeError(why);
            },
            { retry: { attempts: 1 } },
          ),
        async ({ tasks, work }) => {
          const handle = await tasks.enqueue("out of \u0000 range");
          const told = assert.rejects(handle.result({ timeout }), (error: PetioleError) => {
            assert.equal(error.code, "ERR_TASK_FAILED");
            assert.match(error.message, /out of \0 range$/);
            return true;
          });
          await work();
          await told;
          assertRecord(await engine.find(handle.id), { state: "failed", attempts: 1 });
        },
      ),
  },
  {
    name: "runs a delayed task no earlier than its time, and those before it meanwhile",
    run: (engine, another) => {
      const runs: [string, number][] = [];
      return withSides(
        engine,
        another,
        (app) => app.task("t", (name: string) => void runs.push([name, Date.now()])),
        async ({ tasks, work }) => {
          await work();
          const before = Date.now();
          const delayed = await tasks.enqueue("delayed", { delay: 500 });
          const now = await tasks.enqueue("now");
          await now.result({ timeout });
          await delayed.result({ timeout });
          assert.deepEqual(
            runs.map(([name]) => name),
            ["now", "delayed"],
          );
          assert.ok((runs[1]?.[1] ?? 0) >= before + 500, "ran before its time");
        },
      );
    },
  },
  {
    name: "runs the more urgent first",
    features: ["priority"],
    run: (engine, another) => {
      const runs: number[] = [];
      return withSides(
        engine,
        another,
        (app) => app.task("t", (urgency: number) => void runs.push(urgency)),
        async ({ tasks, work }) => {
          for (const priority of [1, -5, 0, 3]) await tasks.enqueue(priority, { priority });
          await work({ concurrency: 1 });
          await eventually(() => runs.length === 4, "all of them running");
          assert.deepEqual(runs, [3, 1, 0, -5]);
        },
      );
    },
  },
  {
    name: "runs a task no more once its time is over, and says so",
    run: (engine, another) => {
      const runs: string[] = [];
      return withSides(
        engine,
        another,
        (app) => app.task("t", (name: string) => void runs.push(name)),
        async ({ tasks, work }) => {
          const over = await tasks.enqueue("over", { expires: 20 });
          const delayed = await tasks.enqueue("delayed", { delay: 40, expires: "1h" });
          await pause(60);
          await work();
          await assert.rejects(over.result({ timeout }), { code: "ERR_TASK_EXPIRED" });
          await delayed.result({ timeout });
          assert.deepEqual(runs, ["delayed"]);
          assertRecord(await engine.find(over.id), { state: "expired", attempts: 0 });
        },
      );
    },
  },
  {
    name: "parks a task that the worker does not know, with its bytes",
    run: (engine, another) =>
      withSides(
        engine,
        another,
        (app) => app.task("known", () => "known"),
        async ({ tasks, work }) => {
          const message = { ...outgoing("1").message, task: "unknown", payload: '{ "b": 1, "a": 2 }' };
          await engine.send([{ message, runAt: 0 }]);
          const handle = await tasks.enqueue();
          await work();
          const record = await soon(engine.ended("1"), "the end");
          assertRecord(record, { message, state: "parked", attempts: 0 });
          assert.equal(record?.reason?.code, "ERR_TASK_UNKNOWN");
          assert.equal(await handle.result({ timeout }), "known", "the others go on");
        },
      ),
  },
  {
    name: "gives a task that was not known to the first worker that knows it",
    features: ["records", "needs"],
    run: (engine, another) =>
      withSides(
        engine,
        another,
        (app) => app.task("old", () => "old"),
        async ({ work, workers }) => {
          await work();
          const newer = new Petiole({ engine: workers });
          const task = newer.task("new", () => "done");
          const handle = await task.enqueue();
          await eventually(async () => (await find(engine, handle.id)).state === "parked", "parking it");
          const worker = newer.worker({ watchdog: false, logger: { ...console, info: () => undefined } });
          await worker.start();
          try {
            assert.equal(
              (
                await soon(
                  untilSucceeded(() => find(engine, handle.id)),
                  "its run",
                )
              ).attempts,
              1,
            );
          } finally {
            await worker.stop({ timeout: 0 });
          }
        },
      ),
  },
  {
    name: "parks what cannot be decoded, with its bytes",
    run: (engine, another) =>
      withSides(
        engine,
        another,
        (app) => app.task("t", () => undefined),
        async ({ work }) => {
          const payloads = ["", "{", '{"$type":"no.Such","value":1}', "\u0000"];
          const messages = payloads.map((payload, index) => ({
            ...outgoing(`${index}`).message,
            task: "t",
            payload,
            headers: { wire: 1, ...(index === 2 && { types: ["no.Such"] }) },
          }));
          await engine.send(messages.map((message) => ({ message, runAt: 0 })));
          await work();
          for (const message of messages) {
            const record = await soon(engine.ended(message.id), `the end of ${message.id}`);
            assertRecord(record, { message, state: "parked", attempts: 0 });
          }
        },
      ),
  },
  {
    name: "sends one task for a key, and gives its handle for the others",
    features: ["uniqueKeys"],
    run: (engine, another) => {
      let runs = 0;
      return withSides(
        engine,
        another,
        (app) => app.task("t", (_: number) => ++runs, { unique: (n) => `key ${n}` }),
        async ({ tasks, work }) => {
          const handles = await tasks.enqueueMany([1, 1, 2, 1]);
          const again = await tasks.enqueue(2);
          assert.deepEqual(
            [...handles, again].map(({ id }) => handles.findIndex((one) => one.id === id)),
            [0, 0, 2, 0, 2],
          );
          await work();
          for (const handle of [...handles, again]) await handle.result({ timeout });
          assert.equal(runs, 2);
          await (await tasks.enqueue(1)).result({ timeout });
          assert.equal(runs, 3);
        },
      );
    },
  },
  {
    name: "runs each of 1,000 that were sent at once, once",
    run: (engine, another) => {
      const runs: number[] = [];
      return withSides(
        engine,
        another,
        (app) => app.task("t", (n: number) => (runs.push(n), n * 2)),
        async ({ tasks, work }) => {
          const numbers = Array.from({ length: 1000 }, (_, index) => index);
          const handles = await tasks.enqueueMany(numbers);
          await work({ concurrency: 50 });
          const results = await soon(
            Promise.all(handles.map((handle) => handle.result())),
            "all results",
            60_000,
          );
          assert.deepEqual(
            results,
            numbers.map((n) => n * 2),
          );
          assert.deepEqual(
            runs.toSorted((one, other) => one - other),
            numbers,
          );
        },
      );
    },
  },
  {
    name: "sends none of many when one of them cannot travel",
    features: ["list"],
    run: (engine, another) =>
      withSides(
        engine,
        another,
        (app) => app.task("t", (_: unknown) => undefined),
        async ({ tasks }) => {
          const impossible = tasks.enqueueMany([1, { n: 2 }, { call: () => undefined } as never]);
          await assert.rejects(impossible, { code: "ERR_PAYLOAD_REFUSED" });
          assert.deepEqual(
            (await engine.counts()).filter(({ count }) => count > 0),
            [],
          );
        },
      ),
  },
];

async function untilSucceeded<Kept extends { readonly state: string }>(
  find: () => Promise<Kept>,
): Promise<Kept> {
  for (;;) {
    const record = await find();
    if (record.state === "succeeded") return record;
    await pause(10);
  }
}
