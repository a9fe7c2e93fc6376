/** The package as it would be published. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Packs what is there into a folder, and returns the path of the tarball.
 *
 * dist/ must be built. `prepack`, which would build it, is left out: others may be running from dist/, and a
 * build puts another in its place.
 */
export async function pack(folder: string): Promise<string> {
  const parameters = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  const { stdout } = await promisify(execFile)("npm", parameters, { cwd: root });
  return join(folder, stdout.trim());
}
