/** The Python package as it goes to PyPI: what is built of it, and which Pythons it is for. */
import { execFile } from "node:child_process";
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noPython, python, pythonPackage } from "../services/python.ts";

const run = promisify(execFile);
const skipped = noPython === undefined ? "" : ` (skipped: ${noPython})`;
const environment = { ...process.env, PYTHONDONTWRITEBYTECODE: "1", PIP_DISABLE_PIP_VERSION_CHECK: "1" };

async function say(...parameters: readonly string[]): Promise<string> {
  const { stdout } = await run(python, parameters, { cwd: pythonPackage, env: environment });
  return stdout.trim();
}

/** Why nothing can be built here; undefined where it can. */
const cannotBuild =
  noPython ??
  (await run(python, ["-c", "import hatchling"]).then(
    () => undefined,
    () =>
      process.env["CI"] ? undefined : `${python} has no hatchling, which python/requirements-test.txt lists`,
  ));

/** The version of the package for TypeScript, which is the same. */
const { version } = JSON.parse(readFileSync(join(pythonPackage, "../package.json"), "utf8")) as {
  readonly version: string;
};

const sources = globSync("**/*.py", { cwd: join(pythonPackage, "src") }).toSorted();

describe.skipIf(cannotBuild !== undefined)(
  `the Python package, built${cannotBuild === undefined ? "" : ` (skipped: ${cannotBuild})`}`,
  () => {
    let folder: string;
    let installed: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "petiole-wheel-"));
      installed = join(folder, "installed");
      // As whoever installs it from PyPI without a wheel: the archive of the sources first, then all from that one.
      await say("-m", "hatchling", "build", "--target", "sdist", "--directory", folder);
      const [archive] = readdirSync(folder);
      const alone = ["--quiet", "--no-index", "--no-deps"];
      const from = ["--no-build-isolation", join(folder, archive!)];
      await say("-m", "pip", "wheel", ...alone, ...from, "--wheel-dir", folder);
      const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"))!;
      await say("-m", "pip", "install", ...alone, "--target", installed, join(folder, wheel));
    }, 60_000);

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test("has all modules and that it is typed, and nothing else", () => {
      const files = globSync("petiole/**/*.*", { cwd: installed }).filter((name) => !/\.pyc$|_$/.test(name));
      expect(files.toSorted()).toEqual([...sources, "petiole/py.typed"].toSorted());
      expect(readdirSync(folder)).toContain(`petiole-${version}-py3-none-any.whl`);
    });

    test("is imported and works with nothing else installed", async () => {
      const code = `
import sys
sys.path.insert(0, ${JSON.stringify(installed)})
import importlib.metadata, petiole
from decimal import Decimal
assert petiole.__file__.startswith(${JSON.stringify(installed)}), petiole.__file__
assert petiole.decode(petiole.encode({"price": Decimal("1.10"), "seen": {1}})) == {"price": Decimal("1.10"), "seen": {1}}
print(petiole.__version__, importlib.metadata.version("petiole"))`;
      // Without the packages of that environment.
      expect(await say("-I", "-S", "-c", code)).toBe(`${version} ${version}`);
    });

    test("says on PyPI what it is", () => {
      const metadata = readFileSync(join(installed, `petiole-${version}.dist-info/METADATA`), "utf8");
      for (const line of [
        "Name: petiole",
        `Version: ${version}`,
        "License-Expression: MIT",
        "License-File: LICENSE",
        "Requires-Python: >=3.9",
        "Requires-Dist: celery>=5.4; extra == 'celery'",
        "Requires-Dist: attrs>=22.2; extra == 'attrs'",
        "Description-Content-Type: text/markdown",
      ])
        expect(metadata.split("\n")).toContain(line);
      expect(metadata).toContain(readFileSync(join(pythonPackage, "README.md"), "utf8").trim());
      // A page on PyPI has no folder beside it.
      expect(metadata).not.toMatch(/\]\((?!https:|#)/);
    });
  },
);

describe.skipIf(noPython !== undefined)(`the Python package, for Python 3.9${skipped}`, () => {
  const newer = join(import.meta.dirname, "newer.py");

  test("uses nothing that came later", async () => {
    const paths = sources.map((name) => join(pythonPackage, "src", name));
    expect(paths.length).toBeGreaterThan(20);
    expect(await say(newer, ...paths)).toBe("");
  });

  test("which would be seen", async () => {
    const folder = mkdtempSync(join(tmpdir(), "petiole-newer-"));
    try {
      const texts = ["match 1:\n case 1: pass", "import types\nzip([], [], strict=True)\ntypes.UnionType"];
      const paths = texts.map((_, at) => join(folder, `${at}.py`));
      texts.forEach((text, at) => writeFileSync(paths[at]!, text));
      const [syntax, ...names] = (await say(newer, ...paths)).replaceAll(`${folder}/`, "").split("\n");
      expect(syntax).toMatch(/^0\.py:\d: .*3\.10/);
      expect(names).toEqual(["1.py:2: zip(strict=)", "1.py:3: UnionType"]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
