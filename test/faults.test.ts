/** The short form of `npm run test:faults`: every fault once, to every engine, with some hundred tasks. */
import { afterAll, describe, expect, test } from "vitest";
import { engineNames, loadEngine } from "./faults/engines.ts";
import type { Outcome } from "./faults/fault.ts";
import { lineOf } from "./faults/report.ts";
import { runFaults } from "./faults/suite.ts";

const tasks = 300;
const seed = Number(process.env["FAULTS_SEED"] ?? Math.floor(Math.random() * 1e6));

const engines = await Promise.all(
  engineNames.map(async (name) => ({ name, missing: (await loadEngine(name)).missing })),
);

/** What happens to every engine, and to those with a server. */
const always = ["killed", "frozen", "clock jumped"];
const ofServers = ["broker stopped", "connection cut"];

/** One that an environment variable names is not stopped, and its port is not known. */
function hasOwnServer(name: string): boolean {
  return name !== "sqlite" && !(name === "pg-boss" && process.env["PETIOLE_TEST_POSTGRES"] !== undefined);
}

/** A test that runs out of time is told so by its signal; what it has started ends a little later. */
const running: Promise<unknown>[] = [];
afterAll(() => Promise.allSettled(running), 60_000);

// Together, as they wait for leases most of the time.
describe.concurrent(`faults (FAULTS_SEED=${seed})`, () => {
  for (const { name, missing } of engines) {
    test.skipIf(missing !== undefined)(
      name + (missing === undefined ? "" : ` (skipped: ${missing})`),
      { timeout: 300_000 },
      async ({ signal }) => {
        const done: string[] = [];
        const tell = (fault: string, result: Outcome | string): void => {
          done.push(typeof result === "string" ? `${fault}: ${result}` : lineOf(fault, result));
        };
        const faulting = runFaults({ engine: name, tasks, seed, isShort: true, signal, tell });
        running.push(faulting);
        const outcome = await faulting;
        expect({ ...outcome, told: done }).toMatchObject({ sent: tasks, done: tasks, lost: 0, problems: [] });
        // Nothing of it shows that a fault is survived unless it was there.
        expect(Object.keys(outcome.happened)).toEqual(
          expect.arrayContaining([...always, ...(hasOwnServer(name) ? ofServers : [])]),
        );
        expect(outcome.measured).toHaveProperty("recovery");
        expect(outcome.repeated).toBeGreaterThan(0);
        expect(outcome.refused).toBeGreaterThan(0);
      },
    );
  }
});
