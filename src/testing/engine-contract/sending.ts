import assert from "node:assert/strict";
import type { MessageHeaders } from "../../message.ts";
import {
  assertRecord,
  assertScheduled,
  assertUnderWay,
  claim,
  claimOne,
  claimWhenReady,
  find,
  ids,
  message,
  outgoing,
  pause,
  send,
  sendAs,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

/** `send`: order, all or none, delays, ids known already. */
export const sendingCases: readonly ContractCase[] = [
  {
    name: "hands tasks out in the order in which they were sent",
    async run(engine) {
      await send(engine, "1", "2", "3");
      const sent = await engine.send([outgoing("4"), outgoing("5"), outgoing("6")]);
      assert.deepEqual(sent, ["4", "5", "6"]);
      assert.deepEqual(ids(await claim(engine)), ["1"]);
      assert.deepEqual(ids(await claim(engine, { limit: 3 })), ["2", "3", "4"]);
      assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["5", "6"]);
      assert.deepEqual(await claim(engine), []);
    },
  },
  {
    name: "hands tasks of concurrent sends out in the order of the calls",
    async run(engine) {
      await Promise.all(["1", "2", "3", "4"].map((id) => engine.send([outgoing(id)])));
      assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["1", "2", "3", "4"]);
    },
  },
  {
    name: "delivers the message as it was sent, with nothing counted",
    async run(engine) {
      const sent = message("1", { task: "posts.index", headers: { wire: 1, types: ["shop.Money"] } });
      await engine.send([{ message: sent, runAt: 0 }]);
      const delivery = await claimOne(engine);
      assert.deepEqual(delivery.message, sent);
      assert.equal(delivery.lease.id, "1");
      const { attempts, crashes, deferrals } = delivery;
      assert.deepEqual({ attempts, crashes, deferrals }, { attempts: 0, crashes: 0, deferrals: 0 });
    },
  },
  {
    name: "records when a task was sent",
    features: ["records"],
    async run(engine) {
      const before = Date.now();
      await send(engine, "1");
      const { sentAt, runAt } = await find(engine, "1");
      assert.ok(sentAt >= before && sentAt <= Date.now());
      assert.ok(runAt >= before && runAt <= Date.now(), "a time in the past means now");
    },
  },
  {
    name: "accepts all of a batch or none of it",
    async run(engine) {
      const impossible = { wire: 1, amount: 1n } as unknown as MessageHeaders;
      await assert.rejects(
        engine.send([outgoing("1"), outgoing("2", { headers: impossible }), outgoing("3")]),
      );
      assert.equal(await engine.find("1"), undefined);
      assert.equal(await engine.find("3"), undefined);
      assert.deepEqual(await claim(engine, { limit: 10 }), []);
    },
  },
  {
    name: "refuses one send without harming those beside it",
    async run(engine) {
      const impossible = { wire: 1, amount: 1n } as unknown as MessageHeaders;
      const outcomes = await Promise.allSettled([
        engine.send([outgoing("1")]),
        engine.send([outgoing("2", { headers: impossible })]),
        engine.send([outgoing("3")]),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["1", "3"]);
    },
  },
  {
    name: "accepts an empty batch",
    async run(engine) {
      assert.deepEqual(await engine.send([]), []);
      assert.deepEqual(await claim(engine), []);
    },
  },
  {
    name: "leaves a task alone whose id is known already",
    features: ["knownIds"],
    async run(engine) {
      const first = outgoing("1", { payload: "1" });
      assert.deepEqual(await engine.send([first, outgoing("1", { payload: "2" })]), ["1", "1"]);
      assert.deepEqual(await engine.send([first]), ["1"]);
      await engine.send([outgoing("1", { payload: "3", queue: "other" })]);
      const delivery = await claimOne(engine, { limit: 10 });
      assert.equal(delivery.message.payload, "1");
      await engine.send([first]);
      assert.deepEqual(await claim(engine, { queues: ["default", "other"] }), []);
      await engine.settle([{ kind: "complete", lease: delivery.lease, result: "9" }]);
      await engine.send([first]);
      assert.deepEqual(await claim(engine), []);
      assertRecord(await engine.find("1"), { state: "succeeded", result: "9" });
    },
  },
  {
    name: "holds a delayed task back until its time",
    async run(engine) {
      await engine.open();
      const delayed = outgoing("1", {}, 300);
      await engine.send([delayed]);
      await assertScheduled(engine, "1", delayed.runAt);
      assert.deepEqual(await claim(engine), []);
      await claimWhenReady(engine);
      assert.ok(Date.now() >= delayed.runAt, "claimed before its time");
    },
  },
  {
    name: "holds a task back for months, without waking anybody for it",
    async run(engine) {
      // More milliseconds than a timer takes.
      await engine.open();
      const far = outgoing("far", {}, 90 * 86_400_000);
      await engine.send([far]);
      let calls = 0;
      const stop = engine.onReady(["default"], () => {
        calls += 1;
      });
      await pause(200);
      stop();
      assert.ok(calls < 10, `called ${calls} times within 200 ms`);
      assert.deepEqual(await claim(engine), []);
      await assertUnderWay(engine, "far", { state: "scheduled", runAt: far.runAt });
    },
  },
  {
    name: "runs delayed tasks in the order of their times, and none twice",
    async run(engine) {
      await engine.open();
      await engine.send([outgoing("late", {}, 280), outgoing("early", {}, 200), outgoing("soon", {}, 240)]);
      assert.equal((await claimWhenReady(engine)).message.id, "early");
      assert.equal((await claimWhenReady(engine)).message.id, "soon");
      assert.equal((await claimWhenReady(engine)).message.id, "late");
      assert.deepEqual(await claim(engine), []);
    },
  },
  {
    name: "wakes for every one of many times that are near, whether they are over by then or not",
    async run(engine) {
      await engine.open();
      for (let round = 0; round < 20; round += 1) {
        const names = [3, 2, 1].map((part) => `${round} ${part}`);
        await engine.send(names.map((id, index) => outgoing(id, {}, 1 + (3 - index) * (round % 8))));
        const claimed = [];
        for (const _ of names) claimed.push(await claimWhenReady(engine));
        assert.deepEqual(ids(claimed).toSorted(), names.toSorted());
        await engine.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
      }
    },
  },
  {
    name: "does not let a time in the past jump the queue",
    async run(engine) {
      await engine.send([{ message: message("1"), runAt: Date.now() }]);
      await engine.send([{ message: message("2"), runAt: 0 }]);
      assert.deepEqual(ids(await claim(engine, { limit: 2 })), ["1", "2"]);
    },
  },
  {
    name: "keeps queues apart, and claims from several in their order",
    async run(engine) {
      await engine.send([outgoing("a1", { queue: "a" })]);
      await engine.send([outgoing("b1", { queue: "b" })]);
      await engine.send([outgoing("a2", { queue: "a" })]);
      await engine.send([outgoing("b2", { queue: "b" }), outgoing("a3", { queue: "a" })]);
      assert.deepEqual(await claim(engine, { queues: ["c"], limit: 10 }), []);
      assert.deepEqual(await claim(engine, { queues: [], limit: 10 }), []);
      assert.deepEqual(ids(await claim(engine, { queues: ["b"], limit: 1 })), ["b1"]);
      assert.deepEqual(ids(await claim(engine, { queues: ["b", "a"], limit: 3 })), ["b2", "a1", "a2"]);
      assert.deepEqual(ids(await claim(engine, { queues: ["a", "b"], limit: 3 })), ["a3"]);
    },
  },
  {
    name: "finds nothing of a task that was never sent",
    async run(engine) {
      await sendAs(engine, "1", "waiting");
      assert.equal(await engine.find("2"), undefined);
    },
  },
];
