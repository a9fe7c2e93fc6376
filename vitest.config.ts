import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first.ts";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    globalSetup: ["test/build-once.ts"],
    typecheck: { enabled: true, include: ["src/**/*.test-d.ts"] },
    // One more than the two cores that a machine for CI has: the tests wait for servers and processes more than they compute.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Another process may be long in coming to it, on a machine that has much to do.
    expect: { poll: { timeout: 15_000 } },
  },
});
