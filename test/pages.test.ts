/** What the pages refer to is there: files, headings, npm's scripts, commands of `petiole`. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { usage } from "../src/cli/arguments.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const paths = [
  "*.md",
  "docs/**/*.md",
  "python/*.md",
  "bench/*.md",
  "examples/*/README.md",
  "test/wire/vectors/*.md",
];
const pages = globSync(paths, { cwd: root }).sort();
const textOf = (path: string): string => readFileSync(resolve(root, path), "utf8");
/** Without its blocks of code, in which a bracket is no link and a `#` no heading. */
const proseOf = (path: string): string => textOf(path).replaceAll(/^```.*?^```$/gms, "");

/** The anchors of a page, as GitHub makes them of its headings. Two headings of one page have different words. */
function anchorsOf(path: string): ReadonlySet<string> {
  const headings = [...proseOf(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase(),
  );
  return new Set(
    headings.map((heading) => heading.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-")),
  );
}

/** Whether what a link names, seen from a page, is there. */
function leads(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? resolve(root, page) : resolve(root, dirname(page), path);
  return existsSync(target) && (anchor === undefined || anchorsOf(target).has(anchor));
}

test("there are pages to be looked at", () => {
  expect(pages.length).toBeGreaterThan(80);
  expect(leads("README.md", "docs/task.md#options")).toBe(true);
  expect(leads("README.md", "docs/task.md#no-such-heading")).toBe(false);
  expect(leads("README.md", "docs/no-such-page.md")).toBe(false);
});

describe.each(pages)("%s", (page) => {
  test("its links lead somewhere", () => {
    const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
    expect(links.filter((link) => !/^https?:/.test(link) && !leads(page, link))).toEqual([]);
  });

  test("its commands are there", () => {
    const { scripts } = JSON.parse(textOf("package.json")) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const named = [...textOf(page).matchAll(/npm run (?:--silent )?([\w:]+)/g)].map(([, script]) => script!);
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
    const commands = new Set([...usage.matchAll(/^ {2}(\w+) /gm)].map(([, command]) => command!));
    // In code alone: in prose the word is the library's name.
    const said = [...textOf(page).matchAll(/(?:`|^|&& |\()petiole ([a-z]+)\b(?= |`|$)/gm)].map(
      ([, command]) => command!,
    );
    expect(said.filter((command) => command !== "help" && !commands.has(command))).toEqual([]);
  });
});
