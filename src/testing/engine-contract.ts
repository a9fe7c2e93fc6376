/**
 * What every engine must do, as tests: run them against your own engine to prove it.
 *
 * @module
 */
import type { Beyond, ContractCase } from "./engine-contract/case.ts";
import { contractGroups } from "./engine-contract/groups.ts";
import type { Elsewhere, EngineHarness } from "./engine-contract/harness.ts";

export type { Elsewhere, EngineHarness };

/** A test that this engine does not pass. */
export interface ContractSkip {
  /** The test's name, or the beginning of several. */
  readonly test: string;
  /** Why; shown beside the name. */
  readonly reason: string;
}

/** What a test runner hands to a running test; vitest's and `node:test`'s contexts are such. */
export interface RunningTest {
  /** Marks the test as skipped, and may end it by throwing. */
  readonly skip?: (reason: string) => unknown;
}

/** Defines one test, as vitest's and `node:test`'s `test` do. */
export interface DefineTest {
  (name: string, body: (running: RunningTest) => Promise<void>): unknown;
  /** Defines a test that is not run. Without it, a skipped test is left out. */
  readonly skip?: (name: string, body: () => Promise<void>) => unknown;
}

/** What {@link engineContract} needs. */
export interface EngineContractOptions {
  /** The test runner's `describe`. */
  readonly describe: (name: string, body: () => void) => unknown;
  /** The test runner's `test`. */
  readonly test: DefineTest;
  /** Makes a fresh engine on empty storage, with the same capabilities each time; called for each test that is not skipped. */
  readonly create: () => EngineHarness | Promise<EngineHarness>;
  /** The engine's name in the titles. Default: `engine`. */
  readonly name?: string;
  /** Tests not to run, each with its reason. Default: none. */
  readonly skip?: readonly ContractSkip[];
}

/**
 * Defines the tests that every engine passes, with the test runner that you have. Tests that need what the
 * engine's {@link Capabilities} deny (a second instance, durability) are skipped while they run, with the reason.
 *
 * @example
 * import { describe, test } from "node:test"; // or from "vitest"
 *
 * engineContract({
 *   describe,
 *   test,
 *   create: () => {
 *     const engine = memory();
 *     return { engine, close: () => engine.close() };
 *   },
 * });
 */
export function engineContract(options: EngineContractOptions): void {
  const { describe, test, name = "engine", skip = [] } = options;
  const create = remembering(options.create);
  for (const { name: group, cases } of contractGroups) {
    describe(`${name}: ${group}`, () => {
      for (const contractCase of cases) {
        const skipped = skip.find((entry) => contractCase.name.startsWith(entry.test));
        if (skipped === undefined) {
          test(contractCase.name, (running) => runCase(contractCase, create, running));
        } else {
          const name = `${contractCase.name} (skipped: ${skipped.reason})`;
          test.skip?.(name, () => runCase(contractCase, create, {}));
        }
      }
    });
  }
}

/** What there is of a harness, whichever test it is for. */
type Abilities = Pick<EngineHarness, "another" | "elsewhere" | "interrupt"> & {
  readonly engine: Pick<EngineHarness["engine"], "name" | "capabilities">;
};

/** Makes harnesses, and knows after the first what they have. */
interface Creating {
  readonly create: () => Promise<EngineHarness>;
  readonly abilities: () => Abilities | undefined;
}

/** So that no server is emptied and connected to for a test that is skipped. */
function remembering(create: EngineContractOptions["create"]): Creating {
  let first: Abilities | undefined;
  return {
    abilities: () => first,
    async create() {
      const harness = await create();
      const { another, elsewhere, interrupt, engine } = harness;
      first ??= {
        engine: { name: engine.name, capabilities: engine.capabilities },
        ...(another && { another }),
        ...(elsewhere && { elsewhere }),
        ...(interrupt && { interrupt }),
      };
      return harness;
    },
  };
}

async function runCase(
  contractCase: ContractCase,
  { create, abilities }: Creating,
  running: RunningTest,
): Promise<void> {
  const known = abilities();
  const whyNot = known && skipReason(contractCase, known);
  if (whyNot !== undefined) {
    running.skip?.(whyNot);
    return;
  }
  const harness = await create();
  try {
    const why = skipReason(contractCase, harness);
    if (why !== undefined) {
      running.skip?.(why);
      return;
    }
    await contractCase.run(harness.engine, harness.another ?? missingAnother, harness as Beyond);
  } finally {
    await harness.close();
  }
}

/** Why a test means nothing for this engine; undefined where it does. */
function skipReason({ needs, features = [] }: ContractCase, harness: Abilities): string | undefined {
  const { name, capabilities } = harness.engine;
  if (needs === "shared" || needs === "durable") {
    if (!capabilities[needs]) return `the ${name} engine says that it is not ${needs}`;
  } else if (needs !== undefined && harness[needs] === undefined) {
    return `the harness has no \`${needs}\``;
  }
  const lacking = features.find((feature) => capabilities.lacks[feature] !== undefined);
  if (lacking !== undefined) return `the ${name} engine lacks ${lacking}: ${capabilities.lacks[lacking]}`;
  return undefined;
}

function missingAnother(): never {
  throw new Error("engineContract: a shared or durable engine's harness needs `another`, a second instance.");
}
