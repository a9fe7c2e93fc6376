import assert from "node:assert/strict";
import { endStates } from "../../engine.ts";
import type { Engine, ListRequest, TaskState } from "../../engine.ts";
import { assertRecord, claim, claimOne, find, outgoing, reason, send, sendAs } from "./case.ts";
import type { ContractCase } from "./case.ts";

const everyState: readonly TaskState[] = ["running", "scheduled", ...endStates, "waiting"];

/** `list`, `counts`, `retry` and `discard`: what people do with tasks. */
export const managingCases: readonly ContractCase[] = [
  {
    name: "lists tasks oldest first, by state, queue and task",
    async run(engine) {
      for (const state of everyState) await sendAs(engine, state, state);
      await engine.send([
        outgoing("other queue", { queue: "other" }),
        outgoing("other task", { task: "other.task" }),
      ]);
      assert.deepEqual(await listed(engine, {}), [...everyState, "other queue", "other task"]);
      for (const state of everyState.slice(0, -1))
        assert.deepEqual(await listed(engine, { states: [state] }), [state]);
      assert.deepEqual(await listed(engine, { states: ["waiting", "failed"], queue: "default" }), [
        "failed",
        "waiting",
        "other task",
      ]);
      assert.deepEqual(await listed(engine, { states: [] }), []);
      assert.deepEqual(await listed(engine, { queue: "other" }), ["other queue"]);
      assert.deepEqual(await listed(engine, { queue: "default", task: "other.task" }), ["other task"]);
      assert.deepEqual(await listed(engine, { task: "other.task" }), ["other task"]);
      assert.deepEqual(await listed(engine, { task: "other.task", states: ["failed"] }), []);
    },
  },
  {
    name: "lists page by page, nothing twice and nothing left out",
    async run(engine) {
      const names = Array.from({ length: 250 }, (_, index) => `task ${index}`);
      await engine.send(names.map((id, index) => outgoing(id, { queue: index % 2 === 0 ? "even" : "odd" })));
      for (const filter of [{}, { states: ["waiting"] }, { queue: "odd" }] as const satisfies ListRequest[]) {
        const pages: string[][] = [];
        let after: string | undefined;
        do {
          const page = await engine.list({ ...filter, limit: 60, ...(after !== undefined && { after }) });
          pages.push(page.records.map((record) => record.message.id));
          after = page.next;
        } while (after !== undefined);
        const expected = "queue" in filter ? names.filter((_, index) => index % 2 === 1) : names;
        assert.deepEqual(pages.flat(), expected);
        assert.ok(pages.every((page) => page.length > 0 && page.length <= 60));
      }
      const page = await engine.list({});
      assert.equal(page.records.length, 100);
      assert.ok(page.next !== undefined);
      assert.equal((await engine.list({ limit: 250 })).next, undefined);
    },
  },
  {
    name: "counts tasks by queue and state",
    async run(engine) {
      assert.deepEqual(await engine.counts(), []);
      for (const state of everyState) await sendAs(engine, state, state);
      await engine.send([
        outgoing("a", { queue: "other" }),
        outgoing("b", { queue: "other" }),
        outgoing("c"),
      ]);
      const counts = (await engine.counts()).filter(({ count }) => count > 0);
      assert.deepEqual(
        Object.fromEntries(counts.map(({ queue, state, count }) => [`${queue} ${state}`, count])),
        Object.fromEntries([
          ...everyState.map((state) => [`default ${state}`, state === "waiting" ? 2 : 1]),
          ["other waiting", 2],
        ]),
      );
    },
  },
  {
    name: "retries what has ended without success, from the beginning",
    async run(engine) {
      await send(engine, "1");
      const first = await claimOne(engine);
      await engine.settle([{ kind: "retryAt", lease: first.lease, at: 0, reason }]);
      const second = await claimOne(engine);
      await engine.settle([{ kind: "fail", lease: second.lease, reason }]);
      assertRecord(await engine.find("1"), { state: "failed", attempts: 2 });
      assert.equal(await engine.retry(["1"]), 1);
      const record = await find(engine, "1");
      assertRecord(record, { state: "waiting", attempts: 0, crashes: 0, deferrals: 0 });
      assert.deepEqual([record.reason, record.endedAt], [undefined, undefined]);
      const third = await claimOne(engine);
      assert.deepEqual([third.attempts, third.crashes, third.deferrals], [0, 0, 0]);
      assert.deepEqual(await engine.settle([{ kind: "complete", lease: third.lease, result: "1" }]), [true]);
    },
  },
  {
    name: "retries tasks at an end that is no success, and no others",
    async run(engine) {
      for (const state of everyState) await sendAs(engine, state, state);
      assert.equal(await engine.retry([...everyState, "unknown"]), 6);
      assert.deepEqual(await listed(engine, { states: ["waiting"] }), [...endStates.slice(1), "waiting"]);
      assertRecord(await engine.find("running"), { state: "running" });
      assertRecord(await engine.find("scheduled"), { state: "scheduled" });
      assertRecord(await engine.find("succeeded"), { state: "succeeded", result: '"succeeded"' });
      assert.equal((await claim(engine, { limit: 10 })).length, 7);
    },
  },
  {
    name: "discards scheduled, waiting, failed and parked tasks, and no others",
    async run(engine) {
      for (const state of everyState) await sendAs(engine, state, state);
      const before = await find(engine, "discarded");
      const why = { code: "ERR_TEST_DISCARD", message: "not wanted any more" };
      assert.equal(await engine.discard([...everyState, "unknown"], why), 4);
      for (const id of ["scheduled", "waiting", "failed", "parked"]) {
        assertRecord(await engine.find(id), { state: "discarded", reason: why });
      }
      for (const id of ["running", "succeeded", "skipped", "expired", "cancelled"] as const)
        assertRecord(await engine.find(id), { state: id });
      assert.deepEqual(await engine.find("discarded"), before);
      assert.deepEqual(await claim(engine, { limit: 10 }), []);
    },
  },
  {
    name: "leaves the holder of a running task undisturbed",
    async run(engine) {
      await send(engine, "1");
      const { lease } = await claimOne(engine);
      assert.equal(await engine.discard(["1"], reason), 0);
      assert.equal(await engine.retry(["1"]), 0);
      assert.deepEqual(await engine.settle([{ kind: "complete", lease, result: "1" }]), [true]);
    },
  },
];

async function listed(engine: Engine, request: ListRequest): Promise<string[]> {
  return (await engine.list(request)).records.map((record) => record.message.id);
}
