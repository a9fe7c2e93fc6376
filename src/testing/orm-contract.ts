/**
 * The contract of an OrmAdapter, as tests: every adapter passes it on a real database.
 *
 * @module
 */
import type { OrmContractCase, OrmContractHarness } from "./orm-contract/harness.ts";
import { loadingCases } from "./orm-contract/loading-cases.ts";
import { referenceCases } from "./orm-contract/reference-cases.ts";
import { refusedTransactionCases, transactionCases } from "./orm-contract/transaction-cases.ts";

export type { ContractModelName, ContractRow, OrmContractHarness } from "./orm-contract/harness.ts";

/** What is used of a test runner: `node:test` and vitest both have it. */
export interface TestRunnerLike {
  describe(name: string, define: () => void): unknown;
  readonly test: {
    (name: string, run: () => Promise<void>): unknown;
    skip(name: string, run: () => Promise<void>): unknown;
  };
}

/** The settings of {@link ormContract}. */
export interface OrmContractOptions extends TestRunnerLike {
  /** The adapter's name, for the report. */
  readonly name: string;
  /** Makes a fresh, empty database with the contract's three models. Called once for each case. */
  create(): Promise<OrmContractHarness> | OrmContractHarness;
  /**
   * Whether the connection has no transactions (`capabilities.transactionRefused` is set): then it is tested
   * that they are refused. Default: false.
   */
  readonly transactionRefused?: boolean;
  /** Cases, by name, that cannot pass, each with its reason. Default: none. */
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
}

/**
 * Defines the contract's tests.
 *
 * The models are `qa.Comment` (key `id`, an integer), `qa.Tag` (key `name`, a text) and `qa.Membership` (key
 * `userId` and `groupName`, an integer and a text), each with a text `body`. Use a database in a file or on a
 * server: one that lives on a single connection hides mistakes about transactions.
 *
 * @throws Error when `skip` names a case that there is not.
 *
 * @example
 * import { describe, test } from "node:test";
 * ormContract({ describe, test, name: "my orm", create: async () => ({ adapter, … }) });
 */
export function ormContract(options: OrmContractOptions): void {
  const { describe, test, create, name } = options;
  const cases: readonly OrmContractCase[] = [
    ...referenceCases,
    ...loadingCases,
    ...(options.transactionRefused === true ? refusedTransactionCases : transactionCases),
  ];
  const skipped = new Map(options.skip?.map((entry) => [entry.test, entry.reason]));
  for (const title of skipped.keys()) {
    if (!cases.some((each) => each.name === title)) {
      throw new Error(`ormContract has no case ${JSON.stringify(title)} to skip`);
    }
  }

  describe(`ormContract: ${name}`, () => {
    for (const each of cases) {
      const reason = skipped.get(each.name);
      const run = async () => {
        const harness = await create();
        try {
          await each.run(harness);
        } finally {
          await harness.close();
        }
      };
      if (reason === undefined) test(each.name, run);
      else test.skip(`${each.name} (skipped: ${reason})`, run);
    }
  });
}
