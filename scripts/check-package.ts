/**
 * Fails when the packed package is not what it should be: by publint, by Are the Types Wrong?, and by what is in
 * it. dist/ must be built.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { pack } from "./pack.ts";

interface Manifest {
  readonly version: string;
  readonly dependencies?: object;
  readonly optionalDependencies?: object;
  readonly peerDependencies?: object;
  readonly peerDependenciesMeta?: Readonly<Record<string, { optional?: boolean }>>;
  readonly scripts?: object;
}

/** What `attw --format json` writes, as far as it is used here. */
interface TypesReport {
  readonly analysis: {
    /** false when the package has none, which `attw` takes to be no problem. */
    readonly types: false | object;
    readonly problems?: readonly {
      readonly kind: string;
      readonly entrypoint?: string;
      readonly resolutionKind?: string;
    }[];
  };
}

const root = fileURLToPath(new URL("..", import.meta.url));

/** What publint says, suggestions included. */
async function lint(tarball: string): Promise<string[]> {
  const bytes = readFileSync(tarball);
  const { messages, pkg } = await publint({
    pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) },
    strict: true,
  });
  return messages.map(
    (message) => `publint: ${message.type}: ${formatMessage(message, pkg, { color: false }) ?? message.code}`,
  );
}

/** What Are the Types Wrong? says. */
function checkTypes(tarball: string): string[] {
  const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
  // The package is ECMAScript modules only, with `exports` only. This profile leaves out the resolutions that
  // know of no exports (node10) or of no require() of such modules (node16 from CommonJS): Node has that since
  // 22.12, TypeScript since 5.8, and test/package.test.ts does it.
  const parameters = [attw, tarball, "--format", "json", "--profile", "esm-only"];
  const ignored = new Set(["node10", "node16-cjs"]);
  // Into a file: it exits before a pipe has taken all that it says.
  const report = `${tarball}.types.json`;
  const output = openSync(report, "w");
  const { status } = spawnSync(process.execPath, parameters, { stdio: ["ignore", output, "inherit"] });
  closeSync(output);
  // 1 is that there are problems.
  if (status !== 0 && status !== 1) return [`attw: ended with ${status}`];
  const { analysis } = JSON.parse(readFileSync(report, "utf8")) as TypesReport;
  if (!analysis.types) return ["attw: the package has no types"];
  const problems = (analysis.problems ?? [])
    .filter(({ resolutionKind }) => !ignored.has(resolutionKind ?? ""))
    .map(({ kind, entrypoint, resolutionKind, ...rest }) =>
      ["attw:", kind, entrypoint, resolutionKind, JSON.stringify(rest)].join(" "),
    );
  return status === 1 && problems.length === 0 ? ["attw: ended with 1"] : problems;
}

/** What is there and should not be, or the other way around. */
function checkFiles(folder: string): string[] {
  const problems: string[] = [];
  const files = globSync("**", { cwd: folder })
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();
  const wanted = ["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "package.json"];
  for (const file of wanted) if (!files.includes(file)) problems.push(`${file} is not packed`);
  for (const file of files) {
    if (!wanted.includes(file) && !/^(dist|src|docs)\//.test(file)) problems.push(`${file} is packed`);
    if (/\.(test|test-d|bench)\./.test(file)) problems.push(`${file} is packed, a test`);
    // A debugger and an editor go to the sources by these.
    if (file.endsWith(".map")) problems.push(...checkSources(folder, file));
  }
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  for (const [, path] of readme.matchAll(/\]\((?!\w+:)([^)#]+)/g)) {
    if (!existsSync(join(folder, path!))) problems.push(`README.md refers to ${path}, which is not packed`);
  }
  return problems;
}

function checkSources(folder: string, map: string): string[] {
  const { sources } = JSON.parse(readFileSync(join(folder, map), "utf8")) as { sources: string[] };
  return sources
    .map((source) => join(folder, dirname(map), source))
    .filter((source) => !existsSync(source))
    .map((source) => `${map} refers to ${relative(folder, source)}, which is not packed`);
}

/** What an install of the package would bring, or run. */
function checkManifest(folder: string): string[] {
  const problems: string[] = [];
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  for (const field of ["dependencies", "optionalDependencies", "bundleDependencies"]) {
    if (field in manifest) problems.push(`package.json has ${field}: at run time Petiole needs Node alone`);
  }
  for (const peer of Object.keys(manifest.peerDependencies ?? {})) {
    if (!manifest.peerDependenciesMeta?.[peer]?.optional) problems.push(`the peer ${peer} is not optional`);
  }
  for (const script of ["preinstall", "install", "postinstall"]) {
    if (script in (manifest.scripts ?? {})) problems.push(`package.json has the script ${script}`);
  }
  const changelog = join(folder, "CHANGELOG.md");
  if (existsSync(changelog) && !readFileSync(changelog, "utf8").includes(`\n## [${manifest.version}]`)) {
    problems.push(`CHANGELOG.md has nothing about ${manifest.version}`);
  }
  return problems;
}

const folder = mkdtempSync(join(tmpdir(), "petiole-package-"));
try {
  const tarball = await pack(folder);
  execFileSync("tar", ["-xzf", tarball, "-C", folder]);
  const unpacked = join(folder, "package");
  const problems = [
    ...(await lint(tarball)),
    ...checkTypes(tarball),
    ...checkFiles(unpacked),
    ...checkManifest(unpacked),
  ];
  for (const problem of problems) console.error(problem);
  console.log(`packed ${Math.ceil(statSync(tarball).size / 1024)} KiB, ${problems.length} problems`);
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true });
}
