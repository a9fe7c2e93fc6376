/** The ways to run something in a transaction: the adapter's, and the ORM's own. */
import assert from "node:assert/strict";
import type { OrmContractHarness } from "./harness.ts";
import { type Reason, needs } from "./needs.ts";

/** A way to run something in a transaction. */
export interface Way {
  readonly name: string;
  readonly skip: Reason;
  run<Result>(
    harness: OrmContractHarness,
    handle: unknown,
    work: (transaction: unknown) => Promise<Result>,
  ): Promise<Result>;
}

/** Both that there are. */
export const ways: readonly Way[] = [
  {
    name: "a transaction",
    skip: needs("transaction"),
    run: ({ adapter }, handle, work) => adapter.transaction(handle, work),
  },
  {
    name: "the ORM's own transaction",
    skip: needs("transaction", "ownTransaction"),
    run(harness, handle, work) {
      const why = "the harness was to have ownTransaction, or the adapter to lack it";
      assert.ok(harness.ownTransaction, why);
      return harness.ownTransaction(handle, work);
    },
  },
];
