import assert from "node:assert/strict";
import {
  claim,
  claimOne,
  claimWhenReady,
  outgoing,
  pause,
  reason,
  send,
  sendAs,
  shortLease,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

/** `onReady`: an idle worker that claims only when called gets everything. */
export const wakingCases: readonly ContractCase[] = [
  {
    name: "wakes for a send",
    async run(engine) {
      const claimed = claimWhenReady(engine);
      await pause(20);
      await send(engine, "1");
      assert.equal((await claimed).message.id, "1");
    },
  },
  {
    name: "wakes for a send by another instance",
    needs: "shared",
    async run(engine, another) {
      const claimed = claimWhenReady(another());
      await pause(20);
      await send(engine, "1");
      assert.equal((await claimed).message.id, "1");
    },
  },
  {
    name: "wakes for a scheduled time",
    async run(engine) {
      const claimed = claimWhenReady(engine);
      await engine.send([outgoing("1", {}, 60)]);
      assert.equal((await claimed).message.id, "1");
    },
  },
  {
    name: "wakes for a scheduled time that was there before",
    async run(engine) {
      await engine.send([outgoing("1", {}, 60)]);
      assert.equal((await claimWhenReady(engine)).message.id, "1");
    },
  },
  {
    name: "wakes for a lease that ran out",
    async run(engine) {
      await send(engine, "1");
      await claimOne(engine, { lease: shortLease });
      const claimed = await claimWhenReady(engine);
      assert.equal(claimed.crashes, 1);
    },
  },
  {
    name: "wakes for a task given back, retried by a worker, or retried by a person",
    async run(engine) {
      await send(engine, "1");
      let { lease } = await claimOne(engine);
      const released = claimWhenReady(engine);
      await engine.settle([{ kind: "release", lease }]);
      ({ lease } = await released);
      const again = claimWhenReady(engine);
      await engine.settle([{ kind: "retryAt", lease, at: Date.now() + 20, reason }]);
      ({ lease } = await again);
      const byPerson = claimWhenReady(engine);
      await engine.settle([{ kind: "fail", lease, reason }]);
      await engine.retry(["1"]);
      assert.equal((await byPerson).message.id, "1");
    },
  },
  {
    name: "wakes for each of its queues",
    async run(engine) {
      const first = claimWhenReady(engine, { queues: ["a", "b"] });
      await engine.send([outgoing("1", { queue: "b" })]);
      assert.equal((await first).message.id, "1");
      const second = claimWhenReady(engine, { queues: ["a", "b"] });
      await engine.send([outgoing("2", { queue: "a" })]);
      assert.equal((await second).message.id, "2");
    },
  },
  {
    name: "wakes for every one of many sends",
    async run(engine) {
      for (let index = 0; index < 30; index += 1) {
        const claimed = claimWhenReady(engine);
        await send(engine, `task ${index}`);
        const { message, lease } = await claimed;
        assert.equal(message.id, `task ${index}`);
        await engine.settle([{ kind: "complete", lease, result: "null" }]);
      }
    },
  },
  {
    name: "calls nobody who has stopped listening",
    async run(engine) {
      let calls = 0;
      const stop = engine.onReady(["default"], () => {
        calls += 1;
      });
      stop();
      stop();
      await send(engine, "1");
      await pause(30);
      assert.equal(calls, 0);
    },
  },
  {
    name: "does not call without end while nobody claims",
    async run(engine) {
      let calls = 0;
      const stop = engine.onReady(["default"], () => {
        calls += 1;
      });
      await sendAs(engine, "1", "waiting");
      await engine.send([outgoing("2", {}, 20)]);
      await pause(300);
      stop();
      assert.ok(calls >= 1 && calls < 50, `called ${calls} times within 300 ms`);
      assert.equal((await claim(engine, { limit: 10 })).length, 2);
    },
  },
];
