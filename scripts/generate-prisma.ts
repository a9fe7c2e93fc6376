/**
 * Generates the Prisma clients of the tests, from test/orm/prisma/<name>.prisma into test/orm/prisma/generated/<name>.
 * What is there already for the same schema and the same Prisma stays.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const prisma = join(root, "node_modules/prisma");

/** Generates one client beside its place, and puts it there at once, for whatever reads it meanwhile. */
export function generateClient(schema: string, folder: string): void {
  const text = readFileSync(schema, "utf8");
  const manifest = readFileSync(join(prisma, "package.json"), "utf8");
  const made = createHash("sha256").update(text).update(manifest).digest("hex");
  const mark = join(folder, ".made-of");
  if (existsSync(mark) && readFileSync(mark, "utf8") === made) return;

  const beside = `${folder}-${process.pid}`;
  mkdirSync(beside, { recursive: true });
  try {
    const copy = join(beside, "schema.prisma");
    writeFileSync(copy, text.replace(/^(\s*output\s*=\s*).*$/m, '$1"./client"'));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(prisma, "build/index.js"), "generate", "--no-hints", "--schema", copy],
      {
        cwd: dirname(schema),
        encoding: "utf8",
        // Generating needs no schema engine, but looks for one, and would fetch it.
        env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
      },
    );
    if (status !== 0)
      throw new Error(`prisma generate, for ${schema}, ended with ${status}:\n${stdout}${stderr}`);
    writeFileSync(join(beside, "client/.made-of"), made);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(beside, "client"), folder);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** All of them. */
export function generateClients(): void {
  for (const schema of globSync("test/orm/prisma/*.prisma", { cwd: root })) {
    const path = join(root, schema);
    generateClient(path, join(dirname(path), "generated", basename(path, ".prisma")));
  }
}

if (import.meta.main) generateClients();
