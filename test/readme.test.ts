import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "petiole-readme-"));
const main = "examples/readme/main.ts";

afterAll(() => rmSync(folder, { recursive: true }));

test("the README's code is the file that is type-checked and run here", () => {
  const readme = readFileSync(`${root}README.md`, "utf8");
  expect(readme).toContain(`\`\`\`ts\n${readFileSync(`${root}${main}`, "utf8")}\`\`\``);
});

test("it does what its last line says", () => {
  const environment = {
    ...process.env,
    TASKS: join(folder, "tasks.db"),
    DATABASE: `file:${join(folder, "site.db")}`,
  };
  const output = execFileSync(process.execPath, [main], { cwd: root, env: environment, encoding: "utf8" });
  expect(output).toBe("qa.Comment: 4 words, 10 EUR, 2026\n");
});
