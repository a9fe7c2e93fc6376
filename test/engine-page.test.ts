import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { enginePage, names, page } from "../scripts/generate-engine-page.ts";
import * as memoryCapabilities from "../src/engine/memory/capabilities.ts";
import { memory } from "../src/engine/memory.ts";
import * as sqliteCapabilities from "../src/engine/sqlite/capabilities.ts";
import { sqlite } from "../src/engine/sqlite.ts";

describe("docs/engines.md", () => {
  test("is up to date: node scripts/generate-engine-page.ts", async () => {
    expect(readFileSync(page, "utf8")).toBe(await enginePage());
  });

  test("is made of what the engines say of themselves", () => {
    expect(memory().capabilities).toBe(memoryCapabilities.capabilities);
    expect(sqlite("tasks.db").capabilities).toBe(sqliteCapabilities.capabilities);
    const inside = sqlite("app.db", { sameDatabase: true });
    expect(inside.capabilities).toBe(sqliteCapabilities.variants.sameDatabase);
  });

  test.each(names())("the %s engine uses the capabilities that the page is made of", (name) => {
    const source = readFileSync(join(import.meta.dirname, "../src/engine", `${name}.ts`), "utf8");
    expect(source).toContain(`from "./${name}/capabilities.ts"`);
    expect(source).not.toMatch(/\blacks: \{/);
  });

  test("tells what each can do", () => {
    const text = readFileSync(page, "utf8");
    expect(text).toMatch(/^\| tasks survive the end of every process \| no \| yes/m);
    expect(text).toMatch(/^\| an `enqueue` in a transaction .* \| no \| with `sameDatabase`/m);
    expect(text).toMatch(/^\| memory \| `sameDatabase` \| what it holds is in no database \|$/m);
    expect(text).toMatch(/^\| \[several processes\]\(#several-processes\) \| 0 of \d+ \| \d+/m);
    expect(text).toMatch(/^- gives each task to exactly one of 8 competing processes/m);
  });
});
