import assert from "node:assert/strict";
import type { Delivery, Engine, LaneLimit, Outgoing, Settlement } from "../../engine.ts";
import { claim, claimOne, find, ids, outgoing, pause, reason, shortLease } from "./case.ts";
import type { ContractCase } from "./case.ts";

/** Something to send in a lane of the default queue, or of another. */
export function inLane(lane: string, id: string, queue = "default"): Outgoing {
  return { ...outgoing(id, { queue }), lane };
}

/** The limits of a claim, for one lane. */
export function limited(lane: string, limit: LaneLimit): { readonly limits: ReadonlyMap<string, LaneLimit> } {
  return { limits: new Map([[lane, limit]]) };
}

const one = limited("narrow", { concurrency: 1 });
const two = limited("narrow", { concurrency: 2 });

/** `lane` and `limits`: no more than allowed, and the others go on. */
export const laneCases: readonly ContractCase[] = [
  {
    name: "runs no more of a lane at once than its concurrency, with nobody behind it held up",
    features: ["records"],
    async run(engine) {
      await engine.send(["1", "2", "3", "4", "5"].map((id) => inLane("narrow", id)));
      await engine.send([outgoing("6"), inLane("wide", "7")]);
      assert.deepEqual(ids(await claim(engine, { ...two, limit: 10 })), ["1", "2", "6", "7"]);
      assert.deepEqual(await claim(engine, { ...two, limit: 10 }), []);
      assert.equal((await find(engine, "3")).state, "waiting");
    },
  },
  {
    name: "gives back the start of what was deferred or handed back unused, and of nothing else",
    async run(engine) {
      const hourly = limited("narrow", { rate: { limit: 1, per: 3_600_000 } });
      await engine.send([inLane("narrow", "called off"), inLane("narrow", "1")]);
      const [running] = await claim(engine, hourly);
      assert.ok(running);
      // It does not wait again, and was not used either.
      await engine.cancel([running.message.id], reason);
      await engine.settle([{ kind: "defer", at: 0, reason, lease: running.lease }]);
      const settlements = [
        { kind: "defer", at: 0, reason },
        { kind: "release", unused: true },
        { kind: "release" },
      ] as const;
      for (const settlement of settlements) {
        const [delivery] = await claim(engine, hourly);
        assert.ok(delivery, `claimed before ${settlement.kind}`);
        await engine.settle([{ ...settlement, lease: delivery.lease }]);
      }
      assert.deepEqual(await claim(engine, hourly), []);
    },
  },
  {
    name: "merges lanes by priority, time and order of sending",
    features: ["priority"],
    async run(engine) {
      await engine.send([
        inLane("narrow", "1"),
        outgoing("2"),
        inLane("wide", "3"),
        { ...inLane("wide", "urgent"), priority: 5 },
        inLane("narrow", "4"),
        inLane("narrow", "never"),
        outgoing("5"),
      ]);
      const taken: string[] = [];
      for (let count = 0; count < 6; count += 1)
        taken.push(...ids(await claim(engine, { ...two, limit: 1 })));
      assert.deepEqual(taken, ["urgent", "1", "2", "3", "4", "5"]);
    },
  },
  {
    name: "counts what runs of a lane in all queues",
    async run(engine) {
      await engine.send([inLane("narrow", "a1", "a"), inLane("narrow", "b1", "b")]);
      assert.deepEqual(ids(await claim(engine, { ...one, queues: ["a"] })), ["a1"]);
      assert.deepEqual(await claim(engine, { ...one, queues: ["b"] }), []);
    },
  },
  {
    name: "counts what runs of a lane in all instances",
    needs: "shared",
    async run(engine, another) {
      await engine.send(["1", "2", "3"].map((id) => inLane("narrow", id)));
      const other = another();
      const claimed = await Promise.all([
        claim(engine, { ...two, limit: 3 }),
        claim(other, { ...two, limit: 3 }),
      ]);
      assert.equal(claimed.flat().length, 2);
    },
  },
  {
    name: "has room again when a run of the lane has ended, however",
    async run(engine) {
      await engine.send([inLane("narrow", "1")]);
      for (const kind of ["release", "retryAt", "defer", "complete", "fail", "cancel"] as const) {
        const [delivery] = await claim(engine, { ...one, limit: 10 });
        assert.ok(delivery !== undefined, `before ${kind}`);
        await engine.send([inLane("narrow", `after ${kind}`)]);
        assert.deepEqual(await claim(engine, { ...one, limit: 10 }), []);
        assert.deepEqual(await engine.settle([settlementOf(kind, delivery)]), [true]);
      }
      assert.equal((await claim(engine, { ...one, limit: 10 })).length, 1);
    },
  },
  {
    name: "limits nothing in a claim that names no limit for the lane, nor ever the lane without a name",
    async run(engine) {
      await engine.send(["1", "2", "3"].map((id) => inLane("narrow", id)));
      await engine.send(["4", "5", "6"].map((id) => outgoing(id)));
      assert.deepEqual(ids(await claim(engine, { ...one, limit: 10 })), ["1", "4", "5", "6"]);
      assert.deepEqual(ids(await claim(engine, { ...limited("other", { concurrency: 0 }), limit: 1 })), [
        "2",
      ]);
      await engine.send([outgoing("7")]);
      assert.deepEqual(ids(await claim(engine, { ...limited("", { concurrency: 0 }), limit: 10 })), [
        "3",
        "7",
      ]);
    },
  },
  {
    name: "starts no more of a lane in any window than its rate",
    features: ["records"],
    async run(engine) {
      const rate = { limit: 3, per: 150 };
      const limits = limited("narrow", { rate });
      await engine.send(Array.from({ length: 8 }, (_, index) => inLane("narrow", `${index}`)));
      await engine.send([outgoing("other")]);
      assert.deepEqual(ids(await claim(engine, { ...limits, limit: 10 })), ["0", "1", "2", "other"]);
      const deadline = performance.now() + 3000;
      const starts = await startsOf(engine, ["0", "1", "2"]);
      while (starts.length < 8 && performance.now() < deadline) {
        const claimed = await claim(engine, { ...limits, limit: 2 });
        starts.push(...(await startsOf(engine, ids(claimed))));
        await engine.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
        await pause(3);
      }
      assert.equal(starts.length, 8);
      for (const [index, start] of starts.entries()) {
        const earlier = starts[index - rate.limit];
        assert.ok(earlier === undefined || start - earlier >= rate.per, `${start - (earlier ?? 0)} ms apart`);
      }
    },
  },
  {
    name: "holds to concurrency and rate where a lane has both",
    async run(engine) {
      const limits = limited("narrow", { concurrency: 2, rate: { limit: 3, per: 60_000 } });
      await engine.send(Array.from({ length: 5 }, (_, index) => inLane("narrow", `${index}`)));
      const claimed = await claim(engine, { ...limits, limit: 10 });
      assert.deepEqual(ids(claimed), ["0", "1"]);
      await engine.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
      assert.deepEqual(ids(await claim(engine, { ...limits, limit: 10 })), ["2"]);
    },
  },
  {
    name: "lets a lost task wait while its lane is full, without holding others up, and does not lose it",
    async run(engine) {
      await engine.send([inLane("narrow", "1"), inLane("narrow", "2"), inLane("narrow", "3"), outgoing("4")]);
      assert.equal((await claim(engine, { limit: 4, lease: shortLease })).length, 4);
      await pause(shortLease + 20);
      const found: string[] = [];
      for (let round = 0; round < 3; round += 1) {
        const claimed = await claim(engine, { ...one, limit: 10 });
        assert.equal(claimed.length, round === 0 ? 2 : 1);
        assert.ok(claimed.every((delivery) => delivery.crashes === 1));
        found.push(...ids(claimed));
        const narrow = claimed.filter((delivery) => delivery.message.id !== "4");
        await engine.settle(narrow.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
      }
      assert.deepEqual(found.toSorted(), ["1", "2", "3", "4"]);
    },
  },
  {
    name: "counts a lost task's next run as a start",
    async run(engine) {
      const limits = limited("narrow", { rate: { limit: 2, per: 60_000 } });
      await engine.send([inLane("narrow", "1"), inLane("narrow", "2")]);
      await claimOne(engine, { ...limits, lease: 20 });
      await pause(40);
      const again = await claimOne(engine, { ...limits, limit: 1 });
      assert.deepEqual([again.message.id, again.crashes], ["1", 1]);
      assert.deepEqual(await claim(engine, { ...limits, limit: 10 }), []);
    },
  },
];

function settlementOf(
  kind: "release" | "retryAt" | "defer" | "complete" | "fail" | "cancel",
  { lease }: Delivery,
): Settlement {
  switch (kind) {
    case "release":
      return { kind, lease };
    case "complete":
      return { kind, lease, result: "1" };
    case "retryAt":
    case "defer":
      return { kind, lease, at: 0, reason };
    default:
      return { kind, lease, reason };
  }
}

async function startsOf(engine: Engine, ids: readonly string[]): Promise<number[]> {
  return Promise.all(ids.map(async (id) => (await find(engine, id)).startedAt ?? Number.NaN));
}
