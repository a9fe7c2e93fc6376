import assert from "node:assert/strict";
import { endStates } from "../../engine.ts";
import type { Engine, ListRequest, TaskState } from "../../engine.ts";
import {
  assertRecord,
  assertUnderWay,
  can,
  claim,
  claimOne,
  find,
  outgoing,
  reason,
  send,
  sendAs,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

const everyState: readonly TaskState[] = ["running", "scheduled", ...endStates, "waiting"];

/** `list`, `counts`, `retry` and `discard`: what people do with tasks. */
export const managingCases: readonly ContractCase[] = [
  {
    name: "lists tasks oldest first, by state, queue and task",
    features: ["list", "records"],
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
    features: ["list", "records"],
    async run(engine) {
      const names = Array.from({ length: 250 }, (_, index) => `task ${index}`);
      for (const [index, id] of names.entries())
        await engine.send([outgoing(id, { queue: index % 2 === 0 ? "even" : "odd" })]);
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
    name: "keeps its pages in order while tasks come, change, end and begin again",
    features: ["list", "records"],
    async run(engine) {
      const names = Array.from({ length: 60 }, (_, index) => `task ${index}`);
      await engine.send(names.map((id) => outgoing(id)));
      const seen: string[] = [];
      let after: string | undefined;
      for (let page = 0; page < 6; page += 1) {
        const { records, next } = await engine.list({ limit: 10, ...(after !== undefined && { after }) });
        seen.push(...records.map((record) => record.message.id));
        after = next;
        await changeSome(engine, page);
      }
      assert.deepEqual(seen, names);
      assert.ok(after !== undefined, "those that came meanwhile are on the pages after");
      const { records } = await engine.list({ limit: 100, after });
      assert.deepEqual(
        records.map((record) => record.message.id),
        Array.from({ length: 6 }, (_, page) => `new ${page}`),
      );
    },
  },
  {
    name: "lists by state, page by page, every task that has the state all the time, once",
    features: ["list", "records"],
    async run(engine) {
      const names = Array.from({ length: 40 }, (_, index) => `task ${index}`);
      await engine.send(names.map((id) => outgoing(id)));
      const seen: string[] = [];
      let after: string | undefined;
      let page = 0;
      do {
        const { records, next } = await engine.list({
          states: ["waiting"],
          limit: 7,
          ...(after !== undefined && { after }),
        });
        seen.push(...records.map((record) => record.message.id));
        after = next;
        // Of those that are seen already, and of those that are not.
        await engine.discard([`task ${page}`, `task ${39 - page}`], reason);
        page += 1;
      } while (after !== undefined);
      const kept = names.slice(page, 40 - page);
      assert.deepEqual(
        kept.filter((id) => seen.filter((other) => other === id).length !== 1),
        [],
      );
      assert.equal(new Set(seen).size, seen.length);
    },
  },
  {
    name: "counts tasks by queue and state",
    features: ["list", "records"],
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
      await assertUnderWay(engine, "1", { state: "waiting", attempts: 0, crashes: 0, deferrals: 0 });
      if (can(engine, "records")) {
        const record = await find(engine, "1");
        assert.deepEqual([record.reason, record.endedAt], [undefined, undefined]);
      }
      const third = await claimOne(engine);
      assert.deepEqual([third.attempts, third.crashes, third.deferrals], [0, 0, 0]);
      assert.deepEqual(await engine.settle([{ kind: "complete", lease: third.lease, result: "1" }]), [true]);
    },
  },
  {
    name: "retries tasks at an end that is no success, and no others",
    features: ["list", "records"],
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
    features: ["records"],
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
    name: "lists, counts and discards what failed or is parked, and waits for a person",
    features: ["list"],
    async run(engine) {
      const before = Date.now();
      for (const state of endStates) await sendAs(engine, state, state);
      await sendAs(engine, "other", "failed", { queue: "other", task: "other.task" });
      const both = ["failed", "parked"] as const;
      assert.deepEqual(await listed(engine, { states: both }), [...both, "other"]);
      for (const state of both)
        assert.deepEqual(await listed(engine, { states: [state], queue: "default" }), [state]);
      assert.deepEqual(await listed(engine, { states: both, task: "other.task" }), ["other"]);
      assert.deepEqual(await listed(engine, { states: ["parked"], queue: "other" }), []);
      const first = await engine.list({ states: both, limit: 2 });
      assert.ok(first.next !== undefined);
      const second = await engine.list({ states: both, limit: 2, after: first.next });
      const records = [...first.records, ...second.records];
      assert.deepEqual(
        records.map(({ message }) => message.id),
        [...both, "other"],
      );
      for (const record of records) {
        assert.deepEqual(record, await find(engine, record.message.id));
        assertRecord(record, { reason, worker: "tester", attempts: record.state === "failed" ? 1 : 0 });
        assert.ok(record.endedAt !== undefined && record.endedAt >= before && record.endedAt <= Date.now());
      }
      const counted = (await engine.counts()).filter(({ state, count }) => isKept(state) && count > 0);
      assert.deepEqual(counted.map(({ queue, state, count }) => `${queue} ${state} ${count}`).toSorted(), [
        "default failed 1",
        "default parked 1",
        "other failed 1",
      ]);
      const why = { code: "ERR_TEST_DISCARD", message: "not wanted any more" };
      assert.equal(await engine.discard([...endStates, "unknown"], why), 2);
      for (const id of both) assertRecord(await engine.find(id), { state: "discarded", reason: why });
      assert.deepEqual(await listed(engine, { states: both }), ["other"]);
      assert.equal(await engine.retry(["other"]), 1);
      assert.deepEqual(await listed(engine, { states: both }), []);
      assert.equal((await claimOne(engine, { queues: ["other"] })).message.id, "other");
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

function isKept(state: TaskState): boolean {
  return state === "failed" || state === "parked";
}

/** Sends one, runs one, ends one, and makes one of those that have ended wait again. */
async function changeSome(engine: Engine, round: number): Promise<void> {
  await engine.send([outgoing(`new ${round}`)]);
  const [running, ending] = await claim(engine, { limit: 2 });
  assert.ok(running && ending);
  await engine.settle([{ kind: "fail", lease: ending.lease, reason }]);
  await engine.discard([`task ${59 - round}`], reason);
  if (round % 2 === 1) await engine.retry([`task ${59 - round}`]);
}

async function listed(engine: Engine, request: ListRequest): Promise<string[]> {
  return (await engine.list(request)).records.map((record) => record.message.id);
}
