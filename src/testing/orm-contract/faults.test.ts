/** That the contract's cases can fail: each of them does, of a fault that it is there to find. */
import { describe, expect, test } from "vitest";
import { faults } from "../../../test/fixtures/little-orm/faults/index.ts";
import { littleHarness } from "../../../test/fixtures/little-orm/harness.ts";
import { type OrmContractOptions, ormContract } from "../orm-contract.ts";

interface Outcome {
  readonly passed: string[];
  readonly failed: string[];
  readonly skipped: string[];
}

/** Runs those of the contract's cases that match, without a test runner. */
async function run(create: OrmContractOptions["create"], matching: RegExp): Promise<Outcome> {
  const outcome: Outcome = { passed: [], failed: [], skipped: [] };
  const bodies: (() => Promise<void>)[] = [];
  ormContract({
    name: "faulty",
    create,
    describe: (_, define) => define(),
    test(name, body) {
      if (!matching.test(name)) return;
      bodies.push(async () => {
        let how: keyof Outcome = "passed";
        await body({ skip: () => void (how = "skipped") }).catch(() => void (how = "failed"));
        outcome[how].push(name);
      });
    },
  });
  for (const body of bodies) await body();
  return outcome;
}

describe("the contract notices an adapter that", () => {
  test.each(faults)("$what", async ({ create, caught }) => {
    const { failed, passed, skipped } = await run(create, caught);
    expect({ passed, skipped }).toEqual({ passed: [], skipped: [] });
    expect(failed).not.toEqual([]);
  });
});

test("every case is there for a fault", async () => {
  const titles: string[] = [];
  const collect = (name: string): void => void titles.push(name);
  ormContract({ name: "", create: littleHarness, describe: (_, define) => define(), test: collect });
  expect(titles.filter((title) => !faults.some(({ caught }) => caught.test(title)))).toEqual([]);
});
