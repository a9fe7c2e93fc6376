import assert from "node:assert/strict";
import type { Delivery, Engine, Lease } from "../../engine.ts";
import { withSides } from "./app.ts";
import {
  assertRecord,
  awaitEnd,
  can,
  claim,
  claimOne,
  eventually,
  find,
  ids,
  outgoing,
  pause,
  reason,
  send,
  soon,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

/** How long it may take until all goes on, once the server is there again, in milliseconds. */
const recovery = 20_000;

/**
 * What is promised when the connections to the server are cut. Calls of that time may be refused, clearly, and may have
 * had their effect all the same; whatever comes after works, and nobody who waits is forgotten.
 */
export const interruptingCases: readonly ContractCase[] = [
  {
    name: "goes on after it was cut off, with all that was accepted before",
    features: ["lastingLeases"],
    needs: "interrupt",
    async run(engine, _, { interrupt }) {
      await send(engine, "1", "2");
      const { lease } = await claimOne(engine);
      await interrupt();
      await again(() => engine.send([outgoing("3")]), "sending");
      assert.deepEqual(await again(() => engine.extend([lease], 30_000), "extending"), []);
      assert.deepEqual(
        await again(() => engine.settle([{ kind: "complete", lease, result: "1" }]), "settling"),
        [true],
      );
      assertRecord(await find(engine, "1"), { state: "succeeded", result: "1", attempts: 1, crashes: 0 });
      assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["2", "3"]);
    },
  },
  {
    name: "has everything that was accepted before it was cut off, and what was claimed with it or again",
    needs: "interrupt",
    async run(engine, _, { interrupt }) {
      await send(engine, "1", "2");
      const { lease } = await claimOne(engine);
      await interrupt();
      await again(() => engine.send([outgoing("3")]), "sending");
      const lost = await again(() => engine.extend([lease], 30_000), "extending");
      const settled = await again(
        () => engine.settle([{ kind: "complete", lease, result: "1" }]),
        "settling",
      );
      assert.deepEqual([lost, settled], lost.length === 0 ? [[], [true]] : [[lease], [false]]);
      const rest = await again(() => claim(engine, { limit: 10 }), "claiming");
      assert.deepEqual(ids(rest).toSorted(), lost.length === 0 ? ["2", "3"] : ["1", "2", "3"]);
      const was = rest.find(({ message }) => message.id === "1");
      if (was) assert.deepEqual([was.attempts, was.crashes], [0, 1]);
    },
  },
  {
    name: "loses nothing that it accepted while it was cut off, and has no task twice when a send is repeated",
    needs: "interrupt",
    async run(engine, _, { interrupt }) {
      await engine.open();
      const names = Array.from({ length: 60 }, (_, index) => `task ${index}`);
      const cut = interrupt();
      const outcomes = await soon(
        Promise.allSettled(names.map((id) => engine.send([outgoing(id)]))),
        "every send having an outcome",
        recovery,
      );
      await cut;
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === "rejected") {
          assertClear(outcome.reason);
          await again(() => engine.send([outgoing(names[index]!)]), "sending again");
        }
      }
      const claimed: Delivery[] = [];
      await eventually(
        async () => {
          claimed.push(...(await again(() => claim(engine, { limit: 100 }), "claiming")));
          return new Set(ids(claimed)).size >= names.length;
        },
        "all tasks being there",
        recovery,
      );
      const there = can(engine, "knownIds") ? ids(claimed) : [...new Set(ids(claimed))];
      assert.deepEqual(there.toSorted(), names.toSorted());
    },
  },
  {
    name: "gives every task, at least once, to workers that were cut off while they claimed and settled",
    needs: "interrupt",
    async run(engine, _, { interrupt }) {
      const names = Array.from({ length: 100 }, (_, index) => `task ${index}`);
      await engine.send(names.map((id) => outgoing(id)));
      const runs = new Map<string, number>();
      const over = new AbortController();
      const workers = Array.from({ length: 4 }, async () => {
        while (!over.signal.aborted) {
          try {
            // A claim whose answer is lost is handed on when its lease has run out.
            for (const { message, lease } of await claim(engine, { limit: 2, lease: 1000 })) {
              runs.set(message.id, (runs.get(message.id) ?? 0) + 1);
              await engine.settle([{ kind: "complete", lease, result: "1" }]);
            }
          } catch (error) {
            assertClear(error);
          }
          await pause(5);
        }
      });
      try {
        await pause(30);
        await interrupt();
        await eventually(
          async () => {
            const records = await again(() => Promise.all(names.map((id) => engine.find(id))), "looking");
            return records.every((record) => record?.state === "succeeded");
          },
          "all tasks being done",
          recovery,
        );
      } finally {
        over.abort();
        await Promise.all(workers);
      }
      assert.deepEqual([...runs.keys()].toSorted(), names.toSorted());
    },
  },
  {
    name: "tells those who listened before it was cut off",
    needs: "interrupt",
    async run(engine, _, { interrupt }) {
      await send(engine, "ended", "cancelled");
      const [first, second] = await claim(engine, { limit: 2 });
      assert.ok(first && second);
      const end = awaitEnd(engine, "ended");
      const cancelled: Lease[] = [];
      let [ready, changed] = [0, 0];
      const stops = [
        engine.onReady(["default"], () => void ready++),
        engine.watch("ended", () => void changed++),
        engine.onCancel("tester", (leases) => cancelled.push(...leases)),
      ];
      await pause(50);
      await interrupt();
      await pause(50);
      const before = { ready, changed };
      await again(() => engine.send([outgoing("new")]), "sending");
      await again(() => engine.cancel(["cancelled"], reason), "cancelling");
      await again(() => engine.settle([{ kind: "complete", lease: first.lease, result: "1" }]), "settling");
      assertRecord(await soon(end, "the end", recovery), { state: "succeeded" });
      await eventually(() => ready > before.ready, "onReady being told", recovery);
      await eventually(() => changed > before.changed, "watch being told", recovery);
      await eventually(() => cancelled.length > 0, "onCancel being told", recovery);
      for (const stop of stops) stop();
      assert.deepEqual(cancelled[0], second.lease);
    },
    features: ["cancelRunning", "lastingLeases"],
  },
  {
    name: "runs an app's tasks through it, and brings the results to those who wait",
    needs: "interrupt",
    run: (engine, another, { interrupt }) =>
      withSides(
        engine,
        another,
        (app) =>
          app.task("t", async (n: number) => {
            await pause(10);
            return n;
          }),
        async ({ tasks, work }) => {
          const numbers = Array.from({ length: 60 }, (_, index) => index);
          const handles = await tasks.enqueueMany(numbers.slice(0, 40));
          // Who asks at that very moment may be refused, and asks again.
          const resultOf = (handle: { result(): Promise<number> }): Promise<number> =>
            again(() => handle.result(), "waiting for a result", 2 * recovery);
          const results = Promise.all(handles.map(resultOf));
          results.catch(() => undefined);
          await work({ concurrency: 4, lease: "2s" });
          await pause(40);
          await interrupt();
          const later: Promise<number>[] = [];
          for (const n of numbers.slice(40))
            later.push(resultOf(await again(() => tasks.enqueue(n), "enqueueing")));
          assert.deepEqual(await soon(Promise.all([results, ...later]), "all results", recovery), [
            numbers.slice(0, 40),
            ...numbers.slice(40),
          ]);
        },
      ),
  },
];

/** Calls until it is not refused, or for so many milliseconds. */
async function again<T>(call: () => Promise<T>, what: string, within = recovery): Promise<T> {
  const deadline = performance.now() + within;
  for (;;) {
    try {
      return await soon(call(), what, within);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      assertClear(error);
      await pause(50);
    }
  }
}

/** A refusal has a code, by which a program can tell that it may try again. */
function assertClear(error: unknown): void {
  const code: unknown = (error as Partial<Engine> & { readonly code?: unknown }).code;
  assert.match(String(code), /^ERR_ENGINE_[A-Z_]+$/, `refused without a code: ${String(error)}`);
}
