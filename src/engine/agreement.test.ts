import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { temporaryEngines } from "../../test/fixtures/engine/files.ts";
import type { Delivery, Engine, LaneLimit, Lease, Outgoing, Settlement } from "../engine.ts";
import { outgoing, reason } from "../testing/engine-contract/case.ts";
import { memory } from "./memory.ts";

/** Numbers from 0 up to `limit`, the same for the same seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const limits = new Map<string, LaneLimit>([
  ["narrow", { concurrency: 2 }],
  ["paced", { rate: { limit: 3, per: 9000 } }],
  ["both", { concurrency: 1, rate: { limit: 2, per: 5000 } }],
]);

/** What both engines must say alike: all but the token. */
function comparable({ lease, ...rest }: Delivery): object {
  return { ...rest, id: lease.id };
}

/** One engine, with the leases that its worker holds, in the same order as the other's. */
interface Side {
  readonly engine: Engine;
  readonly held: Map<string, Lease>;
}

type Step = (side: Side) => Promise<unknown>;

/** Something that a program, a worker or a person may do. Drawn once, done on both sides. */
function draw(random: (limit: number) => number, count: number): Step {
  const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const some = (): string[] => Array.from({ length: 1 + random(3) }, () => `task ${random(count + 1)}`);
  const choice = random(12);
  if (choice < 4) {
    const batch: Outgoing[] = Array.from({ length: 1 + random(4) }, (_, index) => ({
      ...outgoing(
        `task ${random(12) === 0 ? random(count + 1) : count + index / 10}`,
        { queue: pick(["a", "b"]), task: pick(["one", "other"]) },
        random(6) === 0 ? random(20_000) : 0,
      ),
      priority: random(4) === 0 ? random(5) - 2 : 0,
      lane: pick(["", "", "narrow", "paced", "both", "free"]),
      ...(random(3) === 0 && {
        unique: {
          key: `key ${random(4)}`,
          follow: random(2) === 0,
          ...(random(4) === 0 && { until: Date.now() + random(20_000) }),
        },
      }),
    }));
    return ({ engine }) => engine.send(batch);
  }
  if (choice < 7) {
    const duration = 1000 + random(5000);
    const request = { queues: pick([["a"], ["b"], ["a", "b"], ["b", "a"]]), limit: 1 + random(5) };
    return async ({ engine, held }) => {
      const claimed = await engine.claim({ ...request, lease: duration, worker: "tester", limits });
      for (const { lease } of claimed) held.set(lease.id, lease);
      return claimed.map(comparable);
    };
  }
  if (choice < 10) {
    const kinds = [
      "complete",
      "retryAt",
      "defer",
      "release",
      "fail",
      "park",
      "skip",
      "discard",
      "expire",
      "cancel",
    ];
    const plans = Array.from({ length: 1 + random(3) }, () => ({
      place: random(6),
      kind: pick(kinds) as Settlement["kind"],
      at: random(5) === 0 ? Date.now() + random(20_000) : 0,
    }));
    return async ({ engine, held }) => {
      const settlements = plans.flatMap(({ place, kind, at }) => {
        const lease = [...held.values()][place];
        if (lease === undefined) return [];
        return [{ kind, lease, at, reason, result: "7" } as unknown as Settlement];
      });
      const settled = await engine.settle(settlements);
      for (const { lease } of settlements) held.delete(lease.id);
      return settled;
    };
  }
  const ids = some();
  const fraction = random(10) / 10;
  switch (random(4)) {
    case 0:
      return ({ engine }) => engine.cancel(ids, { ...reason, message: `cancelled ${count}` });
    case 1:
      return ({ engine }) => engine.retry(ids);
    case 2:
      return ({ engine }) => engine.discard(ids, reason);
    default:
      return async ({ engine, held }) => {
        const [lease] = held.values();
        const report = { progress: { fraction }, lines: [{ at: count, text: `line ${count}` }] };
        return lease && [await engine.report(lease, report), await engine.logs(lease.id)];
      };
  }
}

beforeEach(() => {
  // The clock stands still during a step, so that both see the same time.
  vi.useFakeTimers({ toFake: ["Date"] });
});

afterEach(() => {
  vi.useRealTimers();
});

test.each([1, 2, 3, 4])("memory and SQLite say the same to 300 random steps, seed %i", async (seed) => {
  const files = temporaryEngines();
  const sides: Side[] = [memory(), files.make()].map((engine) => ({ engine, held: new Map() }));
  const random = randomNumbers(seed);
  const seen = new Set<string>();
  for (let count = 0; count < 300; count += 1) {
    vi.setSystemTime(Date.now() + random(random(8) === 0 ? 8000 : 300));
    const step = draw(random, count);
    const [one, other] = await Promise.all(sides.map(step));
    expect(other, `step ${count}`).toEqual(one);
    const [records, others] = await Promise.all(
      sides.map(async ({ engine }) => (await engine.list({ limit: 10_000 })).records),
    );
    expect(others, `records after step ${count}`).toEqual(records);
    // Maybe a task, maybe a duplicate that follows one, maybe nothing.
    const probe = `task ${random(count + 1)}`;
    const [found, foundThere] = await Promise.all(sides.map(({ engine }) => engine.find(probe)));
    expect(foundThere).toEqual(found);
    for (const { state } of records ?? []) seen.add(state);
  }
  expect(seen.size, "states that came about").toBeGreaterThan(8);
  const inOrder = (list: readonly object[]): string[] =>
    list.map((count) => JSON.stringify(count)).toSorted();
  const [counts, countsThere] = await Promise.all(sides.map(({ engine }) => engine.counts()));
  expect(inOrder(countsThere ?? [])).toEqual(inOrder(counts ?? []));
  for (const { engine } of sides) await engine.close();
  await files.close();
});
