/**
 * The package as its users have it: packed, installed into an empty project, and used there on each Node that it
 * is for. Nothing else is installed in that project, and it is not inside this repository.
 */
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { installNode } from "../scripts/install-node.ts";
import { pack } from "../scripts/pack.ts";
import { Running } from "./fixtures/cli/processes.ts";
import { refusedKinds } from "./fixtures/everywhere/kinds.ts";
import { run as sendEveryKind, type Report } from "./fixtures/everywhere/run.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const fixtures = join(root, "test/fixtures/package");
const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "petiole-package-"));
const project = join(folder, "project");

/** The lowest that package.json's `engines` admits, and the releases after it that are supported; this one as well. */
const versions = ["22.18.0", "24", "26"];
const own = process.versions.node;
const nodes = new Map<string, Promise<string | Error>>();

/** Runs a program in the project, to its end; fails with all that it said when it fails. */
async function run(program: string, ...parameters: string[]): Promise<string> {
  const { stdout } = await execute(program, parameters, { cwd: project }).catch((error) => {
    throw new Error(`${[program, ...parameters].join(" ")}\n${error.stdout}${error.stderr}`, {
      cause: error,
    });
  });
  return stdout;
}

function isOwn(version: string): boolean {
  return own === version || own.startsWith(`${version}.`);
}

/** The executable of a version; skips the test where the version cannot be had. */
async function nodeFor(version: string, context: TestContext): Promise<string> {
  const node = await nodes.get(version)!;
  if (typeof node === "string") return node;
  // Where everything must be tested, that it was not is a failure.
  if (process.env["CI"]) throw node;
  return context.skip(`Node ${version} cannot be installed: ${node.message}`);
}

beforeAll(async () => {
  for (const version of versions) {
    const node = isOwn(version) ? Promise.resolve(process.execPath) : installNode(version);
    nodes.set(
      version,
      node.catch((error: Error) => error),
    );
  }
  mkdirSync(project);
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ name: "empty", private: true, type: "module" }),
  );
  const tarball = await pack(folder);
  // Offline: it has no dependency that would have to be fetched, the optional peers included.
  const flags = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  await run("npm", "install", "--prefix", project, ...flags, tarball);
  cpSync(fixtures, project, { recursive: true });
  cpSync(join(root, "test/fixtures/everywhere"), join(project, "everywhere"), { recursive: true });
  writeFileSync(join(project, "entries.ts"), entries());
  await Promise.all(nodes.values());
}, 180_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A module that takes every entry of the package. */
function entries(): string {
  const manifest = readFileSync(join(project, "node_modules/petiole/package.json"), "utf8");
  return Object.keys((JSON.parse(manifest) as { exports: object }).exports)
    .filter((entry) => entry !== "./package.json")
    .map((entry, index) => `export * as entry${index} from "petiole${entry.slice(1)}";\n`)
    .join("");
}

test.each(["wire", "value", "model"])("petiole/%s imports nothing of Node's, for any bundler", (entry) => {
  const dist = join(project, "node_modules/petiole/dist");
  const files = new Set([join(dist, entry, "index.js")]);
  const others: string[] = [];
  for (const file of files) {
    const code = readFileSync(file, "utf8");
    for (const [, from] of code.matchAll(/^(?:import|export) (?:[^;"()]*from )?"([^"]+)";$/gm)) {
      if (from!.startsWith(".")) files.add(join(dirname(file), from!));
      else others.push(from!);
    }
  }
  expect(files.size).toBeGreaterThan(5);
  expect(others).toEqual([]);
});

test("nothing is installed beside it", () => {
  const installed = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
  expect(installed.sort()).toStrictEqual(["petiole"]);
});

describe.each([
  ["nodenext", { module: "nodenext", allowImportingTsExtensions: true }],
  ["bundler", { module: "esnext", moduleResolution: "bundler", allowImportingTsExtensions: true }],
] as const)("its types, with module resolution %s", (name, resolution) => {
  const shared = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    target: "es2022",
  };

  /** What the compiler says of some files. */
  async function compile(title: string, options: object, files: readonly string[]): Promise<string> {
    const file = join(project, `tsconfig.${name}.${title}.json`);
    writeFileSync(file, JSON.stringify({ compilerOptions: { ...shared, ...resolution, ...options }, files }));
    return run(join(root, "node_modules/.bin/tsc"), "-p", file);
  }

  test("need no types of others: of Node's, only what browsers have as well", async () => {
    const options = { lib: ["es2022", "dom"], types: [] };
    expect(await compile("entries", options, ["entries.ts"])).toBe("");
  });

  test("agree with Node's, and know what travels", async () => {
    // send.ts is a program for Node and needs its types, as everyone's is; they are this repository's.
    const options = {
      lib: ["es2022"],
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    };
    expect(await compile("send", options, ["entries.ts", "send.ts"])).toBe("");
  });

  test("have names, in the declarations of whoever exports what is made of them", async () => {
    const options = { lib: ["es2022", "dom"], types: [], declaration: true };
    expect(await compile("declared", options, ["declared.ts"])).toBe("");
  });

  test.runIf(name === "nodenext")("are for CommonJS, too", async () => {
    const options = { lib: ["es2022", "dom"], types: [] };
    expect(await compile("required", options, ["required.cts"])).toBe("");
  });
});

describe.each(versions)("on Node %s", (version) => {
  test("every entry loads", async (context) => {
    const node = await nodeFor(version, context);
    expect(`${(await run(node, "--version")).trim()}.`).toContain(`v${version}.`);
    await run(node, "entries.ts");
  });

  test("the wire, value classes and the memory engine", async (context) => {
    const node = await nodeFor(version, context);
    expect(await run(node, "alone.js")).toBe("of use alone\n");
  });

  test("every kind of value: read from here and from there, and written the same", async (context) => {
    const node = await nodeFor(version, context);
    const here = sendEveryKind({});
    const [texts, report] = [join(project, "texts.json"), join(project, `report-${version}.json`)];
    writeFileSync(texts, JSON.stringify(here.texts));
    await run(node, "everywhere/on-node.ts", texts, report);
    const there = JSON.parse(readFileSync(report, "utf8")) as Report;
    expect(there.problems).toEqual([]);
    // What a Node does not have is no more than this.
    expect(there.lacking.filter((name) => !/^(Temporal\.|Float16Array$)/.test(name))).toEqual([]);
    expect(there.refused).toEqual(refusedKinds.filter((name) => !there.lacking.includes(name)));
    const names = Object.keys(here.texts).filter((name) => name in there.texts);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(there.texts[name] === here.texts[name], name).toBe(true);
    expect(there.read).toBe(names.length);
    expect(sendEveryKind(there.texts)).toMatchObject({ problems: [], read: names.length });
  });

  test("from CommonJS", async (context) => {
    const node = await nodeFor(version, context);
    expect(await run(node, "commonjs.cjs")).toBe("required\n");
  });

  test.for(["js", "ts"])(
    "from .%s: to a worker of the command line, through a file, and back",
    async (language, context) => {
      const node = await nodeFor(version, context);
      const database = language === "js" ? "javascript.db" : "typescript.db";
      for (const file of readdirSync(project))
        if (file.startsWith(database)) rmSync(join(project, file), { recursive: true });
      // As the shell would start it: by its first line, which looks for a `node` in the path.
      const petiole = (...parameters: string[]) =>
        new Running(
          spawn(join(project, "node_modules/.bin/petiole"), parameters, {
            cwd: project,
            env: { ...process.env, PATH: [dirname(node), process.env["PATH"]].join(delimiter) },
            stdio: ["ignore", "pipe", "pipe"],
          }),
        );
      const worker = petiole("worker", `./tasks.${language}`);
      try {
        await worker.says("is ready");
        expect(await run(node, `send.${language}`)).toBe("sent and back\n");
      } finally {
        worker.signal("SIGTERM");
      }
      expect(await worker.ended).toMatchObject({ code: 0, signal: null });
      const status = await petiole("status", `./tasks.${language}`, "--json").ended;
      expect(JSON.parse(status.output)).toStrictEqual([{ queue: "default", state: "succeeded", count: 1 }]);
      expect(status.code).toBe(0);
    },
  );
});
