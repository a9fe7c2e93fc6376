/** The table of kinds as docs/wire.md shows it. @module */
import { kinds, type Group, type Kind } from "./kinds.ts";

const begin = "<!-- kinds: written by `UPDATE_DOCS=1 vitest run test/wire/kinds.test.ts` -->";
const end = "<!-- /kinds -->";

const fates: readonly [Kind["fate"], string][] = [
  ["same", "the same"],
  ["data", "as data"],
  ["refused", "refused"],
];

function lines({ group, kinds }: Group): string[] {
  const used = fates.filter(([fate]) => kinds.some((kind) => kind.fate === fate));
  return used.map(([fate, title], index) => {
    const names = kinds.filter((kind) => kind.fate === fate).map(({ name }) => name.replaceAll("|", "\\|"));
    return `| ${index === 0 ? group : ""} | ${title} | ${names.join("; ")} |`;
  });
}

/** The table, between its marks. */
export function kindsTable(): string {
  const head = ["| kinds | arrive | |", "|---|---|---|"];
  return [begin, "", ...head, ...kinds.flatMap(lines), "", end].join("\n");
}

/** A page with the table in place of the one that it has; undefined when it has none. */
export function withKindsTable(page: string): string | undefined {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  return from < 0 || to < 0 ? undefined : page.slice(0, from) + kindsTable() + page.slice(to + end.length);
}
