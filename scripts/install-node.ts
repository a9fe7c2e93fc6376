/** Another Node than the one that runs this. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const cache = fileURLToPath(new URL("../node_modules/.cache", import.meta.url));
const executable = "node_modules/node/bin/node";

/**
 * Installs a Node into node_modules/.cache, unless it is there.
 *
 * @param version As the registry is asked for it: `"24"` is the newest 24 at the time it is first installed.
 * @returns The path of its executable.
 * @throws Error with what npm says when it cannot be installed.
 */
export async function installNode(version: string): Promise<string> {
  const folder = join(cache, `node-${version}`);
  const node = join(folder, executable);
  if (existsSync(node)) return node;
  mkdirSync(cache, { recursive: true });
  // Made beside and put in place when it is whole: another run of the tests may be looking for it.
  const made = mkdtempSync(`${folder}-`);
  try {
    const parameters = ["install", "--prefix", made, "--no-save", "--loglevel=error", `node@${version}`];
    // Without a network it is known soon, and not after npm's own minutes.
    parameters.push("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000");
    await promisify(execFile)("npm", parameters, { cwd: made });
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
    return node;
  } catch (error) {
    if (existsSync(node)) return node;
    throw error;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}
