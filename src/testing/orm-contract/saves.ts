/** Saves as the contract's cases make and record them. */
import assert from "node:assert/strict";
import type { ContractWrites, OrmContractHarness } from "./harness.ts";
import { Recorder } from "./recorder.ts";

/** A recorder that is told from now on. */
export function observed({ adapter }: OrmContractHarness): Recorder {
  const recorder = new Recorder();
  adapter.observe(recorder);
  return recorder;
}

/** The writes that the ORM has hooks for. */
export function writes(harness: OrmContractHarness): ContractWrites {
  assert.ok(harness.hooked, "the harness was to have hooked writes, or the adapter to lack saveEvents");
  return harness.hooked;
}
