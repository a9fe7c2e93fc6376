import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import { can, claimOne, claimWhenReady, eventually, outgoing, pause, reason, send } from "./case.ts";
import type { ContractCase } from "./case.ts";

/** `watch`: whoever looks at a task when called sees every change, in the end. */
export const watchingCases: readonly ContractCase[] = [
  {
    name: "tells of every change of a task",
    features: ["records", "reports"],
    run: (engine) => follow(engine, engine),
  },
  {
    name: "tells of every change of a task by another instance",
    features: ["records", "reports"],
    needs: "shared",
    run: (engine, another) => follow(engine, another()),
  },
  {
    name: "tells several who watch, and not those who have stopped",
    async run(engine) {
      await send(engine, "1", "2", "3");
      const calls = [0, 0, 0, 0, 0];
      const [first, second, third, other, last] = ["1", "1", "1", "2", "3"].map((id, index) =>
        engine.watch(id, () => {
          calls[index] = (calls[index] ?? 0) + 1;
        }),
      );
      second?.();
      second?.();
      // Who begins to watch may be called once for that. When the last is called, that is over for those before.
      if (can(engine, "records")) {
        await engine.cancel(["3"], reason);
        await eventually(() => (calls[4] ?? 0) > 0, "being told of what was cancelled");
      }
      await pause(30);
      const before = [...calls];
      const { lease } = await claimOne(engine);
      if (!can(engine, "records")) await engine.settle([{ kind: "fail", lease, reason }]);
      const more = (index: number): boolean => (calls[index] ?? 0) > (before[index] ?? 0);
      await eventually(() => more(0) && more(2), "both being told");
      await pause(30);
      assert.deepEqual([more(1), more(3)], [false, false]);
      for (const stop of [first, third, other, last]) stop?.();
    },
  },
  {
    name: "does not call without end while nothing changes",
    async run(engine) {
      await send(engine, "1");
      let calls = 0;
      const stop = engine.watch("1", () => {
        calls += 1;
        void engine.find("1");
      });
      const { lease } = await claimOne(engine);
      if (!can(engine, "records")) await engine.settle([{ kind: "fail", lease, reason }]);
      await pause(200);
      stop();
      assert.ok(calls >= 1 && calls < 20, `called ${calls} times within 200 ms`);
    },
  },
];

/** Changes a task through `engine`, and sees each change through `watching` when called. */
async function follow(engine: Engine, watching: Engine): Promise<void> {
  await watching.open();
  await engine.send([outgoing("1", {}, 40)]);
  let seen: unknown[] = [];
  const stop = watching.watch("1", () => {
    void watching.find("1").then((record) => {
      seen = [record?.state, record?.attempts, record?.progress?.fraction];
    });
  });
  const sees = (...expected: unknown[]): Promise<void> =>
    eventually(() => expected.every((value, index) => seen[index] === value), `seeing ${expected.join(" ")}`);
  let { lease } = await claimWhenReady(engine);
  await sees("running", 0, undefined);
  await engine.report(lease, { progress: { fraction: 0.25 } });
  await sees("running", 0, 0.25);
  await engine.report(lease, { progress: { fraction: 0.5 } });
  await sees("running", 0, 0.5);
  await engine.settle([{ kind: "retryAt", lease, at: 0, reason }]);
  await sees("waiting", 1);
  ({ lease } = await claimOne(engine));
  await sees("running", 1, undefined);
  await engine.settle([{ kind: "fail", lease, reason }]);
  await sees("failed", 2);
  await engine.retry(["1"]);
  await sees("waiting", 0);
  await engine.cancel(["1"], reason);
  await sees("cancelled");
  stop();
}
