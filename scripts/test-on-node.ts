/** Runs the tests on another Node: `node scripts/test-on-node.ts 24`. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { installNode } from "./install-node.ts";

const version = process.argv[2];
if (!version || !/^\d+(\.\d+){0,2}$/.test(version)) {
  console.error("Say which Node: node scripts/test-on-node.ts 24");
  process.exit(2);
}
const root = fileURLToPath(new URL("..", import.meta.url));
const node = await installNode(version);

// What Python does is the same whichever Node there is.
const elsewhere = ["test/celery/**", "test/python/**", "test/channels/runworker.test.ts"].flatMap((files) => [
  "--exclude",
  files,
]);

for (const parameters of [
  ["--version"],
  ["node_modules/vitest/vitest.mjs", "run", "--typecheck.enabled=false", ...elsewhere],
]) {
  const { status } = spawnSync(node, parameters, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
