import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { errorCodes } from "../src/index.ts";
import { provocations } from "./fixtures/errors/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "petiole-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("the list of codes", () => {
  const texts = globSync("src/**/*.ts", { cwd: root })
    .filter((file) => !/\.test(-d)?\.ts$/.test(file) && !file.startsWith(join("src", "testing")))
    .map((file) => readFileSync(join(root, file), "utf8"));
  const mentioned = texts.flatMap((text) => [...text.matchAll(/["`](ERR_[A-Z_]*[A-Z])["`]/g)]);
  const used = texts.flatMap((text) => [...text.matchAll(/"(ERR_[A-Z_]*[A-Z])"/g)]).map(([, code]) => code);

  test("holds every code that the source mentions", () => {
    const codes: ReadonlySet<string> = new Set(errorCodes);
    expect(mentioned.map(([, code]) => code!).filter((code) => !codes.has(code))).toStrictEqual([]);
  });

  test("holds no code twice, and none that is not used", () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length);
    const unused = errorCodes.filter((code) => used.filter((other) => other === code).length < 2);
    expect(unused, "named in the list and nowhere else").toStrictEqual([]);
  });
});

describe("the page of", () => {
  test.each(errorCodes)("%s tells what happens", async (code) => {
    const page = readFileSync(join(root, "docs/errors", `${code}.md`), "utf8");
    const lines = page.trimEnd().split("\n");
    expect(lines[0]).toBe(`# ${code}`);
    expect(lines.length).toBeGreaterThanOrEqual(10);
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(page).toContain("\n**What to do.** ");
    // The engine looks for other libraries on Linux only.
    if (code === "ERR_ENGINE_FILE_SHARED" && process.platform !== "linux") return;

    const told = await provocations[code](folder);
    expect(told.code).toBe(code);
    const quoted = /^```text\n([^]*?)\n```$/m.exec(page)?.[1];
    const message = anonymous(told.message);
    expect(quoted).toBe(quoted?.endsWith("\n…") ? `${message.split("\n\n")[0]}\n…` : message);
    const named = /^\*\*Class\.\*\* `(\w+)`/m.exec(page)?.[1];
    expect(named).toBe(told instanceof Error ? told.name : undefined);
    if (named === undefined) expect(page).toContain("\n**Where.** `reason` of ");
    // What a class has beside every error's own is on the page.
    const fields = Object.keys(told).filter(
      (field) => told instanceof Error && field !== "code" && field !== "name",
    );
    for (const field of fields)
      if (Reflect.get(told, field) !== undefined) expect(page).toContain(`\`${field}\``);
  });

  test("each code is in the index, with a line", () => {
    const index = readFileSync(join(root, "docs/errors.md"), "utf8");
    const rows = [...index.matchAll(/^\| \[`(\w+)`\]\(errors\/(\w+)\.md\) \| (.+) \|$/gm)];
    expect(rows.map(([, code]) => code)).toStrictEqual([...errorCodes]);
    for (const [, code, page, line] of rows) expect([page, line!.length > 10]).toStrictEqual([code, true]);
  });
});

/** A message without what differs from run to run. */
function anonymous(message: string): string {
  return message
    .replaceAll(folder, "/srv/shop")
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "0199c0de-0000-7000-8000-000000000000")
    .replace(/@libsql\/[\w-]+\//, "@libsql/linux-x64-gnu/");
}
