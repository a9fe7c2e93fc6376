/**
 * Exact, or refused: each kind of value, in each place that it can have, comes back the same or is refused by name
 * and path.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { failuresOf } from "./fate.ts";
import { kindsTable, withKindsTable } from "./kinds-table.ts";
import { kinds } from "./kinds.ts";

describe.each(kinds)("$group", ({ kinds }) => {
  for (const kind of kinds) {
    const name = `${kind.name}: ${kind.fate}${kind.missing ? ` (${kind.missing})` : ""}`;
    // What is large takes long on a busy machine, in all of its places.
    test.skipIf(kind.missing)(name, { timeout: kind.large ? 120_000 : 30_000 }, () => {
      expect(failuresOf(kind)).toStrictEqual([]);
    });
  }
});

describe("the table", () => {
  const path = fileURLToPath(new URL("../../docs/wire.md", import.meta.url));

  test("has each name once in its group", () => {
    for (const { kinds: rows } of kinds) {
      const names = rows.map(({ name }) => name);
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toStrictEqual([]);
    }
  });

  test("in docs/wire.md is this one", () => {
    const page = readFileSync(path, "utf8");
    const updated = withKindsTable(page);
    expect(updated, "docs/wire.md has no place for the table of kinds").toBeDefined();
    if (process.env["UPDATE_DOCS"]) writeFileSync(path, updated!);
    else expect(page).toContain(kindsTable());
  });
});
