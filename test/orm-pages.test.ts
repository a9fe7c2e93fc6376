/** The pages of the ORMs tell the same things in the same order, so that whoever knows one finds his way in all. */
import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const pages = readdirSync(join(root, "docs/orm")).map((name) => basename(name, ".md"));
const textOf = (page: string): string => readFileSync(join(root, "docs/orm", `${page}.md`), "utf8");

test("there is one for each adapter", () => {
  const adapters = readdirSync(join(root, "src/orm"), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  expect(pages.toSorted()).toEqual(adapters.map(({ name }) => name).toSorted());
});

describe.each(pages)("docs/orm/%s.md", (page) => {
  const text = textOf(page);

  test("has the sections that all have", () => {
    expect(text.match(/(?<=^## ).*/gm)).toEqual([
      "Connect it",
      "Which rows travel",
      "Which key and which version",
      "What arrives",
      "Transactions",
      "Saves",
      "Snapshots",
      "What it cannot do",
      "What was tested",
    ]);
    const parts = ["Related rows", "Hidden rows", "Replicas", "Transactions by hand"];
    expect(text.match(/(?<=^### ).*/gm)?.filter((part) => parts.includes(part))).toEqual(parts);
  });

  test("begins with a table of what it can, row for row as the others", () => {
    const [, table = ""] = /^\| \| \|\n\|---\|---\|\n((?:\|.*\n)+)/m.exec(text) ?? [];
    const rows = [...table.matchAll(/^\| (.*?) \| (.+) \|$/gm)].map(([, name = ""]) => name);
    expect(rows.map((row) => row.replace(/^(what is enqueued in) `.*?`/, "$1 …"))).toEqual([
      "rows know their model",
      "`app.transaction`, savepoints",
      "what is enqueued in … waits for its commit",
      "transactions that are begun by hand",
      "`with`: related rows",
      '`from: "replica"`',
      '`scope: "all"`',
      "`app.onSave` hears of saves",
      "versions for `ifChanged`",
      "outbox",
    ]);
  });
});
