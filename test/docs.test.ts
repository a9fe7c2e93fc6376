/**
 * The code in the guides. Each ```ts block begins with `// file: name.ts` and becomes that file; all are
 * type-checked. Those whose second line is `// run` (or `// run with vitest`, `// run with redis`, `// run in chromium`) are
 * run, and so are ```sh blocks, in the page's order; a ```text block that follows is what they print, `…` standing for
 * anything on a line. Of a ```prisma block, a file as well, the client is generated.
 */
import { execFile, spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateClient } from "../scripts/generate-prisma.ts";
import { noChromium, visits } from "./fixtures/visits.ts";
import { noRedis, startRedis, type Redis } from "./services/redis.ts";

interface Step {
  readonly title: string;
  /** Of a block that runs in a browser, there is only its file. */
  readonly command: readonly [string, ...string[]] | { readonly script: string };
  readonly prints: string | undefined;
}

interface Page {
  readonly name: string;
  readonly folder: string;
  readonly files: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
  readonly needsRedis: boolean;
  /** Why it cannot be run here. */
  readonly skipped: string | undefined;
}

const root = fileURLToPath(new URL("..", import.meta.url));
// Inside the repository, so that `petiole` is this package; not in node_modules, where Node strips no types.
const folder = join(root, ".docs");
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const pages = globSync("docs/**/*.md", { cwd: root })
  .filter((path) => !/^docs.(errors|decisions)\b/.test(path))
  .sort()
  .map(readPage);

function readPage(path: string): Page {
  const name = path.slice("docs/".length, -".md".length);
  const text = readFileSync(join(root, path), "utf8");
  const files = new Map<string, string>();
  const steps: Step[] = [];
  let wanted: Omit<Step, "prints"> | undefined;
  const flush = (prints?: string): void => {
    if (wanted) steps.push({ ...wanted, prints });
    wanted = undefined;
  };
  for (const [, language, code = ""] of text.matchAll(/^```(\w*)\n(.*?)^```$/gms)) {
    flush(language === "text" ? code : undefined);
    if (language === "sh") wanted = { title: code.split("\n")[0]!, command: ["sh", "-euc", code] };
    if (language !== "ts" && language !== "prisma") continue;
    const [, file, how] = /^\/\/ file: (\S+)\n(?:\/\/ (run.*)\n)?/.exec(code) ?? [];
    if (file === undefined) throw new Error(`${path}: a block begins with no "// file: name.ts":\n${code}`);
    if (files.has(file)) throw new Error(`${path}: ${file} is there twice`);
    files.set(file, code);
    if (how === "run" || how === "run with redis")
      wanted = { title: file, command: [process.execPath, file] };
    if (how === "run in chromium") wanted = { title: file, command: { script: file } };
    if (how === "run with vitest") wanted = { title: file, command: [process.execPath, vitest, "run", file] };
  }
  flush();
  const has = (how: string): boolean => text.includes(`\n// ${how}\n`);
  const needsRedis = has("run with redis");
  const skipped = (needsRedis && noRedis) || (has("run in chromium") && noChromium) || undefined;
  return { name, folder: join(folder, name), files, steps, needsRedis, skipped };
}

/** Throws, showing both, unless the output is as told. */
function compare(output: string, told: string): void {
  const pattern = told.split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  if (!new RegExp(`^${pattern.join(".*")}$`).test(output)) expect(output).toBe(told);
}

/** Makes the page's folder, with its files and nothing else. */
function write({ folder, files }: Page): void {
  rmSync(folder, { recursive: true, force: true });
  for (const [file, code] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), code);
    if (file.endsWith(".prisma")) generateClient(join(folder, file), join(folder, "generated"));
  }
}

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "bin"), { recursive: true });
  symlinkSync(join(root, "dist/cli/main.js"), join(folder, "bin/petiole"));
  for (const page of pages) write(page);
  const files = pages.flatMap((page) =>
    [...page.files.keys()].filter((file) => file.endsWith(".ts")).map((file) => join(page.folder, file)),
  );
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../tsconfig.json", include: [], files }),
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every block is as the types say", { timeout: 120_000 }, () => {
  const { stdout, status } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], {
    encoding: "utf8",
  });
  expect({ stdout, status }).toEqual({ stdout: "", status: 0 });
});

describe("what is run does what the page says", () => {
  const path = [join(folder, "bin"), dirname(process.execPath), process.env["PATH"]].join(delimiter);
  const withRedis = pages.filter(({ needsRedis }) => needsRedis);
  let redis: Redis | undefined;
  beforeAll(async () => {
    if (noRedis === undefined) redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  test.concurrent.for(pages.filter((page) => page.steps.length > 0))(
    "$name",
    // On a machine with no time to spare, the watchdog rightly accuses nobody, and its page has nothing to show.
    { timeout: 180_000, retry: 2 },
    async (page, context) => {
      context.skip(page.skipped !== undefined, page.skipped);
      // What a try before this one has left would show on the page.
      if (context.task.result?.retryCount) write(page);
      // Each page has a database of its own: they run at once, and have queues of one name.
      const database = withRedis.indexOf(page);
      const url = redis && database >= 0 ? { REDIS_URL: `${redis.url}/${database}` } : {};
      const environment = { ...process.env, PATH: path, NO_COLOR: "1", ...url };
      for (const { title, command, prints } of page.steps) {
        if ("script" in command) {
          compare(await visits(page.folder, command.script), prints!);
          continue;
        }
        const [program, ...parameters] = command;
        const options = { cwd: page.folder, env: environment, timeout: 120_000 };
        const { stdout } = await promisify(execFile)(program, parameters, options).catch((error) => {
          throw new Error(`docs/${page.name}.md: ${title}\n${error.stdout}${error.stderr}`, { cause: error });
        });
        if (prints !== undefined) compare(stdout, prints);
      }
    },
  );
});
