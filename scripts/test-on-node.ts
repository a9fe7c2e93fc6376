/** Runs the tests on another Node: `node scripts/test-on-node.ts 24`. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const version = process.argv[2];
if (!version || !/^\d+(\.\d+){0,2}$/.test(version)) {
  console.error("Say which Node: node scripts/test-on-node.ts 24");
  process.exit(2);
}
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = `${root}node_modules/.cache/node-${version}`;
mkdirSync(folder, { recursive: true });

function run(command: string, parameters: readonly string[]): void {
  const { status } = spawnSync(command, parameters, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

run("npm", ["install", "--prefix", folder, "--no-save", "--loglevel=error", `node@${version}`]);
const node = `${folder}/node_modules/node/bin/node`;
run(node, ["--version"]);
run(node, ["node_modules/vitest/vitest.mjs", "run", "--typecheck.enabled=false"]);
