/** Compiles src/ before the tests, unless dist/ is newer than all that it is made of, and makes their Prisma clients. */
import { spawnSync } from "node:child_process";
import { globSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateClients } from "../scripts/generate-prisma.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs once, before the first test process starts: the build removes dist/, which must not be in use. */
export function setup(): void {
  generateClients();
  if (isFresh()) return;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/build.ts"], {
    cwd: root,
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
    },
  });
  if (status === 0) return;
  // The types have a check of their own; what needs dist/ fails by itself when there is none.
  console.error(`scripts/build.ts ended with ${status}:\n${stdout}${stderr}`);
}

/** A folder counts as well as its files: it changes when a file is removed from it. */
function isFresh(): boolean {
  const built = times("dist/**/*.js");
  const sources = times("{src,src/**,scripts/build.ts,tsconfig.json,tsconfig.build.json}");
  return built.length > 0 && Math.min(...built) > Math.max(...sources);
}

function times(pattern: string): number[] {
  return globSync(pattern, { cwd: root }).map((path) => statSync(join(root, path)).mtimeMs);
}
