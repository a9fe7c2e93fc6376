/**
 * The contract of an OrmAdapter, as tests: every adapter passes it on a real database.
 *
 * @module
 */
import type { DefineTest, RunningTest } from "./engine-contract.ts";
import { appCases } from "./orm-contract/app-cases.ts";
import { endedTellingCases } from "./orm-contract/ended-telling-cases.ts";
import { exactnessCases } from "./orm-contract/exactness-cases.ts";
import { expectationCases } from "./orm-contract/expectation-cases.ts";
import { fieldCases } from "./orm-contract/field-cases.ts";
import type { OrmContractCase, OrmContractHarness } from "./orm-contract/harness.ts";
import { loadOptionCases } from "./orm-contract/load-option-cases.ts";
import { loadingCases } from "./orm-contract/loading-cases.ts";
import { nestedTellingCases } from "./orm-contract/nested-telling-cases.ts";
import { observingCases } from "./orm-contract/observing-cases.ts";
import { referenceCases } from "./orm-contract/reference-cases.ts";
import { outboxCases } from "./orm-contract/outbox-cases.ts";
import { sameDatabaseCases } from "./orm-contract/same-database-cases.ts";
import { relationCases } from "./orm-contract/relation-cases.ts";
import { saveEventCases } from "./orm-contract/save-event-cases.ts";
import { saveTransactionCases } from "./orm-contract/save-transaction-cases.ts";
import { savingCases } from "./orm-contract/saving-cases.ts";
import { sqlCases } from "./orm-contract/sql-cases.ts";
import { transactionCases } from "./orm-contract/transaction-cases.ts";
import { tellingCases } from "./orm-contract/telling-cases.ts";

export type {
  ContractModelName,
  ContractRow,
  ContractRows,
  ContractTransaction,
  ContractWrites,
  OrmContractHarness,
} from "./orm-contract/harness.ts";

/** What is used of a test runner: `node:test` and vitest both have it. */
export interface TestRunnerLike {
  describe(name: string, define: () => void): unknown;
  readonly test: DefineTest;
}

/** The settings of {@link ormContract}. */
export interface OrmContractOptions extends TestRunnerLike {
  /** The adapter's name, for the report. */
  readonly name: string;
  /** Makes a fresh, empty database with the contract's models. Called once for each case. */
  create(): Promise<OrmContractHarness> | OrmContractHarness;
  /** Cases, by name, that cannot pass, each with its reason. Default: none. */
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
}

const groups: Readonly<Record<string, readonly OrmContractCase[]>> = {
  references: referenceCases,
  fields: fieldCases,
  loading: loadingCases,
  "loading with options": loadOptionCases,
  relations: relationCases,
  saving: savingCases,
  exactness: exactnessCases,
  transactions: transactionCases,
  "telling of transactions": [...tellingCases, ...nestedTellingCases, ...endedTellingCases],
  observing: observingCases,
  "telling of saves": [...saveEventCases, ...saveTransactionCases],
  SQL: sqlCases,
  "in an app": appCases,
  "expectations of an app": expectationCases,
  "the outbox of an app": outboxCases,
  "an app's engine in the same database": sameDatabaseCases,
};

/**
 * Defines the contract's tests.
 *
 * The models and their attributes are in {@link ContractRows}. Use a database in a file or on a server: one that
 * lives on a single connection hides mistakes about transactions.
 *
 * A case that needs what the adapter `lacks`, or a part of the harness that there is not, is skipped while it runs,
 * with the reason.
 *
 * @throws Error when `skip` names a case that there is not.
 *
 * @example
 * import { describe, test } from "node:test";
 * ormContract({ describe, test, name: "my orm", create: async () => ({ adapter, … }) });
 */
export function ormContract(options: OrmContractOptions): void {
  const { describe, test, create, name, skip = [] } = options;
  const titles = new Set(
    Object.values(groups)
      .flat()
      .map((each) => each.name),
  );
  for (const entry of skip) {
    if (!titles.has(entry.test))
      throw new Error(`ormContract has no case ${JSON.stringify(entry.test)} to skip`);
  }

  for (const [group, cases] of Object.entries(groups)) {
    describe(`ormContract: ${name}: ${group}`, () => {
      for (const each of cases) {
        const skipped = skip.find((entry) => entry.test === each.name);
        if (skipped === undefined) test(each.name, (running) => runCase(each, create, running));
        else test.skip?.(`${each.name} (skipped: ${skipped.reason})`, () => runCase(each, create, {}));
      }
    });
  }
}

async function runCase(
  each: OrmContractCase,
  create: OrmContractOptions["create"],
  running: RunningTest,
): Promise<void> {
  const harness = await create();
  try {
    const reason = each.skip?.(harness);
    if (reason !== undefined) {
      running.skip?.(reason);
      return;
    }
    await each.run(harness);
  } finally {
    await harness.close();
  }
}
