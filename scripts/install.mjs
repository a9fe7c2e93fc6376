// Installs what package-lock.json says, when it is not there yet. Runs on whatever Node the machine has; all
// that follows runs on the Node that this installs.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const marker = `${root}node_modules/.installed-lock`;
const lock = readFileSync(`${root}package-lock.json`, "utf8");

function installed() {
  try {
    return readFileSync(marker, "utf8") === lock;
  } catch {
    return false;
  }
}

if (!installed()) {
  const { status } = spawnSync("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    console.error("npm ci failed: see above. Petiole needs the npm registry for its first start.");
    process.exit(status ?? 1);
  }
  writeFileSync(marker, lock);
}
