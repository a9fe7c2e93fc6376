import assert from "node:assert/strict";
import type { Engine, EngineFeature } from "../../engine.ts";
import { assertRecord, claim, claimOne, ids, outgoing, reason, send } from "./case.ts";
import type { ContractCase } from "./case.ts";

const refusal = { code: "ERR_ENGINE_UNSUPPORTED" };

/** What an engine does when it is asked for what it lacks: it never does something else without a word. */
const asked: Readonly<Partial<Record<EngineFeature, (engine: Engine) => Promise<void>>>> = {
  async records(engine) {
    await send(engine, "1");
    assert.equal(await engine.find("1"), undefined);
    assert.equal(await engine.discard(["1"], reason), 0, "it is no task that waits for a person");
    const { lease } = await claimOne(engine);
    assert.equal(await engine.find("1"), undefined);
    await engine.settle([{ kind: "complete", lease, result: "1" }]);
    assertRecord(await engine.find("1"), { state: "succeeded", result: "1" });
  },
  async knownIds(engine) {
    await send(engine, "1", "1");
    assert.deepEqual(new Set(ids(await claim(engine, { limit: 10 }))), new Set(["1"]));
  },
  async place(engine) {
    await send(engine, "1", "2");
    const { lease } = await claimOne(engine);
    await engine.settle([{ kind: "release", lease }]);
    assert.deepEqual(ids(await claim(engine, { limit: 10 })).toSorted(), ["1", "2"]);
  },
  async priority(engine) {
    await assert.rejects(engine.send([{ ...outgoing("1"), priority: 5 }]), refusal);
    assert.equal(await engine.find("1"), undefined);
    // What asks for nothing special is no priority.
    await engine.send([{ ...outgoing("2"), priority: 0 }]);
  },
  async limits(engine) {
    const limits = new Map([["narrow", { concurrency: 1 }]]);
    await engine.send([outgoing("1")]);
    await assert.rejects(claim(engine, { limits }), refusal);
    assert.equal((await claim(engine, { limits: new Map() })).length, 1);
  },
  async uniqueKeys(engine) {
    await assert.rejects(engine.send([{ ...outgoing("1"), unique: { key: "k" } }]), refusal);
    assert.equal(await engine.find("1"), undefined);
  },
  async pause(engine) {
    await assert.rejects(engine.pause("default"), refusal);
    await assert.rejects(engine.resume("default"), refusal);
    assert.deepEqual(await engine.paused(), []);
  },
  async cancelRunning(engine) {
    await send(engine, "1");
    const { lease } = await claimOne(engine);
    assert.equal(await engine.cancel(["1"], reason), 0, "nothing was called off");
    assert.deepEqual(await engine.settle([{ kind: "complete", lease, result: "1" }]), [true]);
  },
  async reports(engine) {
    await send(engine, "1");
    const { lease } = await claimOne(engine);
    await assert.rejects(engine.report(lease, { progress: { fraction: 0.5 } }), refusal);
    assert.deepEqual(await engine.logs("1"), []);
    assert.deepEqual(await engine.settle([{ kind: "complete", lease, result: "1" }]), [true]);
  },
  async list(engine) {
    await assert.rejects(engine.list({}), refusal);
    await assert.rejects(engine.counts(), refusal);
  },
  async needs(engine) {
    await send(engine, "1");
    const { lease } = await claimOne(engine);
    await engine.settle([{ kind: "park", lease, reason, needs: ["x"] }]);
    // It waits for a person, as any other that is parked.
    assert.deepEqual(await claim(engine, { knows: () => true }), []);
    assertRecord(await engine.find("1"), { state: "parked", reason });
    assert.equal(await engine.retry(["1"]), 1);
    assert.equal((await claimOne(engine)).message.id, "1");
  },
  async sameDatabase(engine) {
    assert.equal(engine.sendWithin, undefined);
  },
};

/** Where it is no refusal. */
const outcomes: Readonly<Partial<Record<EngineFeature, string>>> = {
  records: "knows of ends alone",
  knownIds: "may send again",
  place: "gives it out after the others",
  cancelRunning: "leaves running tasks alone, and says so",
  needs: "is left to people",
};

/** What it must do where it says that it can; the other tests show whether it does it well. */
const given: Readonly<Partial<Record<EngineFeature, (engine: Engine) => Promise<unknown>>>> = {
  async records(engine) {
    await send(engine, "1");
    assertRecord(await engine.find("1"), { state: "waiting" });
  },
  async knownIds(engine) {
    await send(engine, "1", "1");
    assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["1"]);
  },
  async place(engine) {
    await send(engine, "1", "2");
    const { lease } = await claimOne(engine);
    await engine.settle([{ kind: "release", lease }]);
    assert.deepEqual(ids(await claim(engine, { limit: 10 })), ["1", "2"]);
  },
  priority: (engine) => engine.send([{ ...outgoing("1"), priority: 5 }]),
  limits: (engine) => claim(engine, { limits: new Map([["narrow", { concurrency: 1 }]]) }),
  uniqueKeys: (engine) => engine.send([{ ...outgoing("1"), unique: { key: "k" } }]),
  pause: (engine) => engine.pause("default"),
  async cancelRunning(engine) {
    await send(engine, "1");
    await claimOne(engine);
    assert.equal(await engine.cancel(["1"], reason), 1);
  },
  async reports(engine) {
    await send(engine, "1");
    const { lease } = await claimOne(engine);
    assert.equal(await engine.report(lease, { progress: { fraction: 0.5 } }), true);
  },
  list: (engine) => Promise.all([engine.list({}), engine.counts()]),
  async needs(engine) {
    await send(engine, "1");
    const { lease } = await claimOne(engine);
    await engine.settle([{ kind: "park", lease, reason, needs: ["x"] }]);
    assert.equal((await claim(engine, { knows: () => true })).length, 1);
  },
  async sameDatabase(engine) {
    assert.equal(typeof engine.sendWithin, "function");
  },
};

/** `capabilities.lacks`: what an engine cannot do it says, and refuses. */
export const lackingCases: readonly ContractCase[] = [
  {
    name: "says of what it lacks why, or what to do instead",
    async run({ capabilities: { lacks } }) {
      for (const [feature, text] of Object.entries(lacks))
        assert.match(text, /^\S.{10,}\S$/s, `${feature}: a sentence for people, not ${JSON.stringify(text)}`);
    },
  },
  ...(Object.keys(asked) as EngineFeature[]).map((feature): ContractCase => ({
    name: `${feature}: is there, or ${outcomes[feature] ?? "is refused with ERR_ENGINE_UNSUPPORTED"}`,
    async run(engine) {
      if (engine.capabilities.lacks[feature] !== undefined) await asked[feature]?.(engine);
      else await given[feature]?.(engine);
    },
  })),
];
