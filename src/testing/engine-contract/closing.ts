import assert from "node:assert/strict";
import type { Engine } from "../../engine.ts";
import {
  assertRecord,
  claim,
  claimOne,
  claimWhenReady,
  find,
  ids,
  longLease,
  outcome,
  outgoing,
  pause,
  reason,
  send,
  sendAs,
  soon,
} from "./case.ts";
import type { ContractCase } from "./case.ts";

const closed = { code: "ERR_ENGINE_CLOSED" };

const calls: Readonly<Record<string, (engine: Engine) => Promise<unknown>>> = {
  open: (engine) => engine.open(),
  send: (engine) => engine.send([outgoing("2")]),
  claim: (engine) => claim(engine),
  extend: (engine) => engine.extend([{ id: "1", token: "1" }], longLease),
  report: (engine) => engine.report({ id: "1", token: "1" }, {}),
  settle: (engine) => engine.settle([{ kind: "release", lease: { id: "1", token: "1" } }]),
  onReady: async (engine) => engine.onReady(["default"], () => undefined),
  find: (engine) => engine.find("1"),
  ended: (engine) => engine.ended("1"),
  watch: async (engine) => engine.watch("1", () => undefined),
  logs: (engine) => engine.logs("1"),
  list: (engine) => engine.list({}),
  counts: (engine) => engine.counts(),
  cancel: (engine) => engine.cancel(["1"], reason),
  onCancel: async (engine) => engine.onCancel("tester", () => undefined),
  retry: (engine) => engine.retry(["1"]),
  discard: (engine) => engine.discard(["1"], reason),
  pause: (engine) => engine.pause("default"),
  resume: (engine) => engine.resume("default"),
  paused: (engine) => engine.paused(),
};

/** `open` and `close`. */
export const closingCases: readonly ContractCase[] = [
  {
    name: "may be opened twice, and closed twice",
    async run(engine) {
      await Promise.all([engine.open(), engine.open()]);
      await engine.open();
      await send(engine, "1");
      await Promise.all([engine.close(), engine.close()]);
      await engine.close();
    },
  },
  {
    name: "may be closed before it was ever used",
    async run(engine) {
      await engine.close();
    },
  },
  {
    name: "refuses every call once it is closed",
    async run(engine) {
      await send(engine, "1");
      await engine.close();
      for (const [name, call] of Object.entries(calls)) {
        await assert.rejects(call(engine), ({ code }: { readonly code?: unknown }) => {
          // What it cannot do in any case it may refuse for that.
          if (code !== "ERR_ENGINE_UNSUPPORTED" || Object.keys(engine.capabilities.lacks).length === 0)
            assert.equal(code, closed.code, name);
          return true;
        });
      }
    },
  },
  {
    name: "tells those who wait for an end that it was closed",
    async run(engine) {
      await send(engine, "1");
      const refused = outcome(engine.ended("1"));
      await pause(20);
      await engine.close();
      assert.equal(
        ((await soon(refused, "the refusal")) as { code?: unknown } | undefined)?.code,
        closed.code,
      );
    },
  },
  {
    name: "calls no listener once it is closed",
    async run(engine) {
      await engine.open();
      let calls = 0;
      const count = (): void => {
        calls += 1;
      };
      await send(engine, "0");
      await claimOne(engine);
      const stops = [
        engine.onReady(["default"], count),
        engine.watch("1", count),
        engine.onCancel("tester", count),
      ];
      await engine.send([outgoing("1", {}, 30)]);
      void outcome(engine.cancel(["0"], reason));
      await engine.close();
      const before = calls;
      await pause(60);
      for (const stop of stops) stop();
      assert.equal(calls, before);
    },
  },
  {
    name: "finishes what was asked for before it was closed",
    needs: "durable",
    async run(engine, another) {
      await engine.open();
      const sending = [engine.send([outgoing("1")]), engine.send([outgoing("2")])];
      await engine.close();
      await Promise.all(sending);
      assert.deepEqual(ids(await claim(another(), { limit: 10 })), ["1", "2"]);
    },
  },
  {
    name: "has kept what waits, what failed and what is parked when it is opened again",
    needs: "durable",
    async run(engine, another) {
      for (const state of ["failed", "parked"] as const) await sendAs(engine, state, state);
      await engine.send([outgoing("waiting", { payload: "1\u0000" }), outgoing("scheduled", {}, 300)]);
      const before = [await find(engine, "failed"), await find(engine, "parked")];
      await engine.close();
      const reopened = another();
      assert.deepEqual([await find(reopened, "failed"), await find(reopened, "parked")], before);
      const waiting = await claimWhenReady(reopened);
      assert.equal(waiting.message.payload, "1\u0000");
      assert.equal((await claimWhenReady(reopened)).message.id, "scheduled");
      assert.equal(await reopened.retry(["failed", "parked"]), 2);
      assert.deepEqual(ids(await claim(reopened, { limit: 10 })).toSorted(), ["failed", "parked"]);
    },
  },
  {
    name: "has kept everything when it is opened again",
    features: ["list", "records"],
    needs: "durable",
    async run(engine, another) {
      await engine.send([outgoing("waiting", { payload: "1\u0000" }), outgoing("scheduled", {}, 3_600_000)]);
      const { lease } = await claimOne(engine);
      await send(engine, "failed");
      const failing = await claimOne(engine);
      await engine.settle([{ kind: "fail", lease: failing.lease, reason }]);
      const before = await engine.list({});
      await engine.close();
      const reopened = another();
      assert.deepEqual(await reopened.list({}), before);
      assertRecord(await reopened.find("failed"), { state: "failed", reason, attempts: 1 });
      assert.deepEqual(await reopened.settle([{ kind: "retryAt", lease, at: 0, reason }]), [true]);
      assert.equal((await claimOne(reopened)).message.payload, "1\u0000");
      assertRecord(await find(reopened, "waiting"), { attempts: 1 });
    },
  },
];
