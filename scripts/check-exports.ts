/**
 * Fails when package.json's exports and the files disagree: an entry whose files are not there or do not
 * load, a door in src/ that no entry opens, an error code without its page.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  exports: Record<string, string | { types: string; default: string }>;
  bin: Record<string, string>;
};
const problems: string[] = [];

// A path in src/ is the subpath and the docs path: a folder's index.ts, one file of an engine or an ORM, or a file alone.
const doors = globSync(["*/index.ts", "engine/*.ts", "orm/*.ts", "engine.ts", "channels.ts"], {
  cwd: `${root}src`,
})
  .filter((file) => !/\.test(-d)?\.ts$/.test(file))
  .map((file) => file.replace(/(\/index)?\.ts$/, ""));

for (const door of doors) {
  if (!manifest.exports[`./${door}`]) problems.push(`src/${door} has no entry in exports`);
}
for (const [subpath, entry] of Object.entries(manifest.exports)) {
  if (typeof entry === "string") continue;
  const door = subpath === "." ? "index" : subpath.slice(2);
  if (door !== "index" && !doors.includes(door))
    problems.push(`exports has ${subpath}, which is no door in src/`);
  for (const file of [entry.types, entry.default]) {
    if (!existsSync(`${root}${file}`)) problems.push(`${subpath} names ${file}, which is not built`);
  }
  await import(`petiole${subpath.slice(1)}`).catch((error: unknown) => {
    problems.push(`${subpath} does not load: ${String(error)}`);
  });
}
for (const file of Object.values(manifest.bin)) {
  if (!existsSync(`${root}${file}`)) problems.push(`bin names ${file}, which is not built`);
}

const { errorCodes } = (await import("petiole")) as { errorCodes: readonly string[] };
const pages = globSync("docs/errors/*.md", { cwd: root }).map((file) =>
  file.slice("docs/errors/".length, -3),
);
for (const code of errorCodes) if (!pages.includes(code)) problems.push(`docs/errors/${code}.md is missing`);
for (const page of pages)
  if (!errorCodes.includes(page)) problems.push(`docs/errors/${page}.md is about no code`);

for (const problem of problems) console.error(problem);
console.log(`${Object.keys(manifest.exports).length} entries, ${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
