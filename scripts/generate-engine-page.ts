/**
 * Writes docs/engines.md: what each engine can do, from the engines' own capabilities and the tests of the contract.
 * Deterministic, and needs no server.
 *
 * Each engine has its capabilities as data in src/engine/<name>/capabilities.ts: `capabilities` and, where an option
 * gives it more, `variants`, by the option. One that differs by what it is on has `brokers`, by their names.
 */
import { existsSync, globSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Capabilities, EngineFeature } from "../src/engine.ts";
import type { ContractCase } from "../src/testing/engine-contract/case.ts";
import { contractGroups } from "../src/testing/engine-contract/groups.ts";

interface Column {
  readonly name: string;
  readonly title: string;
  /** Where its tasks are. */
  readonly store: string;
  readonly capabilities: Capabilities;
  /** What it can do with an option, by the option. */
  readonly variants: Readonly<Record<string, Capabilities>>;
}

const root = fileURLToPath(new URL("..", import.meta.url));
export const page = join(root, "docs/engines.md");

/** How the engines are written, in their order, and where their tasks are. */
const engines: Readonly<Record<string, { readonly title: string; readonly store: string }>> = {
  memory: { title: "memory", store: "in this process" },
  sqlite: { title: "SQLite", store: "in a file" },
  bullmq: { title: "BullMQ", store: "in Redis" },
  "pg-boss": { title: "pg-boss", store: "in PostgreSQL" },
  celery: { title: "Celery", store: "in its broker" },
};

/** Those without connections that can be cut. */
const local: ReadonlySet<string> = new Set(["memory", "sqlite"]);

const features: Readonly<Record<EngineFeature, string>> = {
  records: "a task that has not ended can be looked up",
  knownIds: "a send that is repeated sends once",
  place: "what is handed back, or was lost, keeps its place in its queue",
  sharedEnds: "how a task ended can be learned in every process",
  lastingLeases: "a lease outlives a connection that is cut",
  priority: "`priority`: within a queue, the higher runs first",
  limits: "`concurrency` and `rate` of a task, over all workers",
  uniqueKeys: "`unique`: de-duplication keys",
  atomicBatch: "a batch for several queues is accepted whole or not at all",
  pause: "queues can be paused",
  cancelRunning: "cancelling reaches the worker of a task that runs",
  reports: "progress and log can be read while a task runs",
  list: "tasks can be listed and counted",
  needs: "a task that a worker does not know goes to the first that does",
  sameDatabase: "an `enqueue` in a transaction is a row of that transaction",
};

/** The page, as it is to be. */
export async function enginePage(): Promise<string> {
  const columns = (await Promise.all(names().map(columnsOf))).flat();
  return [
    "<!-- Made by scripts/generate-engine-page.ts from the engines and the tests of their contract; not to be edited. -->",
    "",
    "# What each engine can do",
    "",
    ...wrapped(
      "A task runs unchanged on every engine. What one of them cannot do, it says: an option that it cannot honour is " +
        "refused with [`ERR_ENGINE_UNSUPPORTED`](errors/ERR_ENGINE_UNSUPPORTED.md) where the task is defined or sent, " +
        "never left out without a word. `engine.capabilities` has the same as data.",
    ),
    "",
    ...table(
      ["", ...columns.map(({ name, title }) => link(name, title))],
      [
        ["tasks are", ...columns.map(({ store }) => store)],
        [
          "tasks survive the end of every process",
          ...columns.map(({ capabilities }) => yes(capabilities.durable)),
        ],
        [
          "several processes share its queues",
          ...columns.map(({ capabilities }) => yes(capabilities.shared)),
        ],
        ...Object.entries(features).map(([feature, text]) => [
          text,
          ...columns.map((column) => answer(column, feature as EngineFeature)),
        ]),
      ],
    ),
    "",
    ...lacking(columns),
    "## What was tested",
    "",
    ...wrapped(
      "[`engineContract`](testing.md#test-an-engine) runs against each engine, on its real file or server. These are " +
        "its groups, with the number of tests; where an engine runs fewer, the others are about what it cannot do, or " +
        "about processes and connections that it has not.",
    ),
    "",
    ...table(
      ["", ...columns.map(({ title }) => title)],
      contractGroups.map(({ name, cases }) => [
        `[${name}](#${anchor(name)})`,
        ...columns.map((column) => counted(cases, column)),
      ]),
    ),
    "",
    "## The promises, one by one",
    "",
    "Each is a test. An engine …",
    "",
    ...contractGroups.flatMap(({ name, cases }) => [
      `### ${name[0]?.toUpperCase()}${name.slice(1)}`,
      "",
      ...cases.map((contractCase) => `- ${escaped(contractCase.name)}${about(contractCase)}`),
      "",
    ]),
  ].join("\n");
}

/** Every engine that is there, in the order of the titles. */
export function names(): string[] {
  const there = globSync("src/engine/*.ts", { cwd: root })
    .map((file) => basename(file, ".ts"))
    .filter((name) => !/\.(test|test-d)$/.test(name));
  const order = Object.keys(engines);
  const place = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return there.sort((one, other) => place(one) - place(other) || (one < other ? -1 : 1));
}

/** What a module of capabilities may export. */
interface Module extends Partial<Pick<Column, "capabilities" | "variants">> {
  readonly brokers?: Readonly<Record<string, Pick<Column, "capabilities" | "variants">>>;
}

/** An engine's columns: one, or one for each of the brokers that it may be on. */
async function columnsOf(name: string): Promise<Column[]> {
  const path = join(root, "src/engine", name, "capabilities.ts");
  if (!existsSync(path))
    throw new Error(`src/engine/${name}/capabilities.ts is missing: export { capabilities }.`);
  const { capabilities, variants = {}, brokers } = (await import(pathToFileURL(path).href)) as Module;
  const { title = name, store = "elsewhere" } = engines[name] ?? {};
  if (brokers !== undefined) {
    return Object.entries(brokers).map(([broker, each]) => ({
      ...each,
      name,
      title: `${title}, ${broker}`,
      store: `in ${broker}`,
    }));
  }
  if (capabilities === undefined)
    throw new Error(`src/engine/${name}/capabilities.ts exports no capabilities.`);
  return [{ name, title, store, capabilities, variants }];
}

function link(name: string, title: string): string {
  return existsSync(join(root, "docs/engine", `${name}.md`)) ? `[${title}](engine/${name}.md)` : title;
}

function yes(value: boolean): string {
  return value ? "yes" : "no";
}

function answer({ capabilities, variants }: Column, feature: EngineFeature): string {
  if (capabilities.lacks[feature] === undefined) return "yes";
  const option = Object.keys(variants).find((name) => variants[name]?.lacks[feature] === undefined);
  return option === undefined ? "no" : `with \`${option}\``;
}

/** What the engines say of what they lack. */
function lacking(columns: readonly Column[]): string[] {
  const seen = new Set<string>();
  const rows = columns.flatMap(({ name, title, capabilities: { lacks } }) =>
    Object.entries(lacks).flatMap(([feature, text]) => {
      const own = columns.filter((column) => column.name === name);
      const isShared = own.every(({ capabilities }) => capabilities.lacks[feature as EngineFeature] === text);
      // What an engine says on all of its brokers, it says once.
      const key = `${isShared ? name : title} ${feature}`;
      if (seen.has(key)) return [];
      seen.add(key);
      return [[isShared ? (engines[name]?.title ?? title) : title, `\`${feature}\``, escaped(text)]];
    }),
  );
  if (rows.length === 0) return [];
  const head = "Where it is not yes, the engine says why, or what to do instead:";
  return [head, "", ...table(["", "`lacks`", ""], rows), ""];
}

/** How many of the tests are about something that the engine has. */
function counted(cases: readonly ContractCase[], { name, capabilities }: Column): string {
  const { durable, shared, lacks } = capabilities;
  const given = { durable, shared, elsewhere: shared, interrupt: !local.has(name) };
  const count = cases.filter(
    ({ needs, features = [] }) =>
      features.every((feature) => lacks[feature] === undefined) && (needs === undefined || given[needs]),
  ).length;
  return count === cases.length ? String(count) : `${count} of ${cases.length}`;
}

/** What a test is about beside what its group is. */
function about({ needs, features = [] }: ContractCase): string {
  const words = {
    shared: "where it is shared between processes",
    durable: "where it is durable",
    elsewhere: "where it is shared between processes",
    interrupt: "where it has connections to a server",
  };
  const parts = [
    ...(needs === undefined ? [] : [words[needs]]),
    ...features.map((feature) => `\`${feature}\``),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

function anchor(heading: string): string {
  return heading.replaceAll(/[^\w -]/g, "").replaceAll(" ", "-");
}

function escaped(text: string): string {
  return text.replaceAll(/[<>|*_[\]]/g, String.raw`\$&`);
}

/** Lines of no more than 120 characters. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length >= 120) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, await enginePage());
