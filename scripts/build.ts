/**
 * Compiles src/ to dist/, from nothing, so that dist/ never holds what src/ no longer has. It is made beside and
 * put in place at once, for whatever runs from dist/ meanwhile.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const made = `${root}.build-${process.pid}`;

const { status } = spawnSync("tsc", ["-p", "tsconfig.build.json", "--outDir", made], {
  cwd: root,
  stdio: "inherit",
});
if (status === 0) {
  chmodSync(`${made}/cli/main.js`, 0o755);
  rmSync(`${root}dist`, { recursive: true, force: true });
  renameSync(made, `${root}dist`);
} else {
  rmSync(made, { recursive: true, force: true });
}
process.exitCode = status ?? 1;
