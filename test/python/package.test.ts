/** The Python package's own tests, and its types. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { noPython, python, pythonEnvironment, pythonPackage } from "../services/python.ts";

const run = promisify(execFile);
const skipped = noPython === undefined ? "" : ` (skipped: ${noPython})`;

async function outcome(...parameters: readonly string[]): Promise<string> {
  const options = { cwd: pythonPackage, env: pythonEnvironment(), maxBuffer: 2 ** 26 };
  try {
    await run(python, ["-m", ...parameters], options);
    return "passed";
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return stdout + stderr || String(error);
  }
}

describe.skipIf(noPython !== undefined)(`the Python package${skipped}`, () => {
  test("passes its tests", { timeout: 600_000 }, async () => {
    expect(await outcome("pytest", "--quiet", "-p", "no:cacheprovider")).toBe("passed");
  });

  test("has types that hold", { timeout: 300_000 }, async () => {
    expect(await outcome("mypy", "--cache-dir=/dev/null")).toBe("passed");
  });
});
