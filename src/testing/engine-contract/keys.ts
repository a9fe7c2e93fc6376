import assert from "node:assert/strict";
import { endStates } from "../../engine.ts";
import type { Outgoing, UniqueKey } from "../../engine.ts";
import type { Message } from "../../message.ts";
import {
  assertRecord,
  awaitEnd,
  claim,
  claimOne,
  endAs,
  eventually,
  ids,
  outgoing,
  pause,
  reason,
  soon,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

function keyed(
  id: string,
  unique: UniqueKey = { key: "k" },
  changes: Partial<Message> = {},
  delay = 0,
): Outgoing {
  return { ...outgoing(id, changes, delay), unique };
}

/** `unique`: one task of a name holds a key at a time. */
export const keyCases: readonly ContractCase[] = [
  {
    name: "does not send a task whose key is held, and tells the holder's id",
    async run(engine) {
      assert.deepEqual(await engine.send([keyed("1")]), ["1"]);
      assert.deepEqual(await engine.send([keyed("2"), keyed("3", { key: "other" }), outgoing("4")]), [
        "1",
        "3",
        "4",
      ]);
      assert.equal(await engine.find("2"), undefined);
      assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["1", "3", "4"]);
    },
  },
  {
    name: "finds a duplicate within a batch",
    async run(engine) {
      assert.deepEqual(await engine.send([keyed("1"), keyed("2"), keyed("1")]), ["1", "1", "1"]);
      assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["1"]);
    },
  },
  {
    name: "finds one holder among concurrent sends, by two instances too",
    needs: "shared",
    async run(engine, another) {
      const other = another();
      const sends = Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? engine : other).send([keyed(`${index}`)]),
      );
      const told = new Set((await Promise.all(sends)).flat());
      assert.equal(told.size, 1);
      assert.deepEqual(ids(await claim(engine, { limit: 30 })), [...told]);
    },
  },
  {
    name: "scopes a key to the task's name, over all queues",
    async run(engine) {
      await engine.send([keyed("1", { key: "k" }, { queue: "a" })]);
      assert.deepEqual(await engine.send([keyed("2", { key: "k" }, { task: "other.task" })]), ["2"]);
      assert.deepEqual(await engine.send([keyed("3", { key: "k" }, { queue: "b" })]), ["1"]);
    },
  },
  {
    name: "is held by a task that is scheduled, waits, runs, or is to run again",
    async run(engine) {
      const refused = async (when: string): Promise<void> =>
        assert.deepEqual(await engine.send([keyed("2")]), ["1"], when);
      await engine.send([keyed("1", { key: "k" }, {}, 40)]);
      await refused("scheduled");
      await pause(60);
      const first = await claimOne(engine);
      await refused("running");
      await engine.settle([{ kind: "retryAt", lease: first.lease, at: 0, reason }]);
      await refused("waiting");
      const second = await claimOne(engine);
      await engine.settle([{ kind: "defer", lease: second.lease, at: Date.now() + 60_000, reason }]);
      await refused("deferred");
    },
  },
  ...endStates.map((state): ContractCase => ({
    name: `is free once its holder is ${state}`,
    async run(engine) {
      await engine.send([keyed("1")]);
      const { lease } = await claimOne(engine);
      await engine.settle([endAs(state, lease)]);
      assert.deepEqual(await engine.send([keyed("2")]), ["2"]);
      assert.deepEqual(await engine.send([keyed("3")]), ["2"]);
    },
  })),
  {
    name: "is held until a time, even if its holder ends before, and no longer, even if it does not",
    async run(engine) {
      await engine.open();
      const until = Date.now() + 800;
      await engine.send([keyed("ended", { key: "a", until }), keyed("waits", { key: "b", until })]);
      const { lease } = await claimOne(engine);
      await engine.settle([{ kind: "complete", lease, result: "1", keep: 0 }]);
      assert.deepEqual(await engine.send([keyed("2", { key: "a" }), keyed("3", { key: "b" })]), [
        "ended",
        "waits",
      ]);
      assertRecord(await engine.find("ended"), { state: "succeeded" });
      await pause(until - Date.now() + 1);
      assert.deepEqual(await engine.send([keyed("4", { key: "a" }), keyed("5", { key: "b" })]), ["4", "5"]);
    },
  },
  {
    name: "does not take the repetition of a send for a duplicate",
    async run(engine) {
      await engine.send([keyed("1")]);
      const { lease } = await claimOne(engine);
      assert.deepEqual(await engine.send([keyed("1")]), ["1"]);
      await engine.settle([{ kind: "complete", lease, result: "1" }]);
      await engine.send([keyed("2")]);
      assert.deepEqual(await engine.send([keyed("1")]), ["1"]);
      assertRecord(await engine.find("1"), { state: "succeeded" });
    },
  },
  {
    name: "lets a duplicate whose id was given out answer for the holder",
    features: ["records", "list", "reports"],
    async run(engine) {
      await engine.send([keyed("1")]);
      const duplicate = keyed("2", { key: "k", follow: true });
      assert.deepEqual(await engine.send([duplicate]), ["1"]);
      assert.deepEqual(await engine.find("2"), await engine.find("1"));
      assert.equal((await engine.list({})).records.length, 1);
      const end = awaitEnd(engine, "2");
      let calls = 0;
      const stop = engine.watch("2", () => {
        calls += 1;
      });
      const { lease } = await claimOne(engine, { limit: 10 });
      await eventually(() => calls > 0, "a call for the holder's change");
      stop();
      await engine.report(lease, { lines: [{ at: 1, text: "one" }] });
      assert.deepEqual(await engine.logs("2"), [{ at: 1, text: "one" }]);
      await engine.settle([{ kind: "complete", lease, result: "7" }]);
      const record = await soon(end, "the holder's end");
      assert.equal(record?.message.id, "1");
      assertRecord(record, { state: "succeeded", result: "7" });
      assertRecord(await soon(engine.ended("2"), "the holder's end"), { result: "7" });
      assert.deepEqual(await engine.send([duplicate]), ["1"], "sent again");
      assert.deepEqual(await claim(engine), []);
    },
  },
  {
    name: "lets a duplicate that answers for its holder go with it",
    async run(engine) {
      await engine.send([keyed("1"), keyed("2", { key: "k", follow: true })]);
      const { lease } = await claimOne(engine);
      await engine.settle([{ kind: "complete", lease, result: "7", keep: 0 }]);
      await eventually(async () => (await engine.find("2")) === undefined, "the duplicate's removal");
      assert.equal(await engine.find("1"), undefined);
      assert.equal(await soon(engine.ended("2"), "the answer"), undefined);
    },
  },
  {
    name: "lets a holder that is retried hold its key again, beside another if need be",
    features: ["records"],
    async run(engine) {
      await engine.send([keyed("1")]);
      const { lease } = await claimOne(engine);
      await engine.settle([{ kind: "fail", lease, reason }]);
      assert.equal(await engine.retry(["1"]), 1);
      assert.deepEqual(await engine.send([keyed("2")]), ["1"]);
      await engine.discard(["1"], reason);
      assert.deepEqual(await engine.send([keyed("3")]), ["3"]);
      assert.equal(await engine.retry(["1"]), 1);
      assert.deepEqual(ids(await claim(engine, { limit: 10 })).toSorted(), ["1", "3"]);
    },
  },
];
