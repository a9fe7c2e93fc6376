/** The example with Django, as its one command runs it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { missing } from "./processes.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const skipped = missing === undefined ? "" : ` (skipped: ${missing})`;

test.skipIf(missing !== undefined)(
  `npm run example:django -- --once${skipped}`,
  { timeout: 120_000 },
  async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [main, "--once"]);
    expect(stderr).toBe("");
    expect(stdout).toContain("  qa.Question 1: 7 words, 0.840000 EUR\n");
    expect(stdout).toContain("Python reviewed qa.Comment 1, for 5.000000 EUR\n");
    expect(stdout).toMatch(/All of it was done\.\n$/);
  },
);
