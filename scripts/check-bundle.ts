/**
 * Fails when petiole/wire, taken from the packed package as a page takes it, is larger than it may be, or needs
 * more than a page has. dist/ must be built.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { bundle, type Bundle } from "./bundle.ts";
import { pack } from "./pack.ts";

/** What a page may use besides, and what it then weighs in all: said, and not held against anything. */
const others: Readonly<Record<string, string>> = {
  "with value classes": 'export { value, Value } from "petiole/value";',
  "with references and snapshots": 'export { storedRows } from "petiole/model";',
};

/** Bytes, minified and gzipped, of all that the entry exports: what is aimed at. */
const goal = 9 * 1024;
/** And what it may not grow beyond: docs/decisions/0007 says why it is more. */
const allowed = 19.5 * 1024;

function gzipped(text: string): number {
  return gzipSync(text, { level: 9 }).length;
}

/** What would be saved without each module, the largest first: what one repeats of another costs almost nothing. */
function sizes({ modules }: Bundle): { readonly module: string; readonly bytes: number }[] {
  const all = gzipped([...modules.values()].join("\n"));
  return [...modules.keys()]
    .map((module) => {
      const others = [...modules].filter(([other]) => other !== module).map(([, code]) => code);
      return { module, bytes: all - gzipped(others.join("\n")) };
    })
    .sort((one, other) => other.bytes - one.bytes);
}

/** Says what is wrong when the code is loaded and used where there is nothing of Node's, and no eval. */
function runWithoutNode(code: string): string[] {
  const { TextEncoder, TextDecoder, URL, URLSearchParams, Headers, DOMException, atob, btoa } = globalThis;
  const page = { TextEncoder, TextDecoder, URL, URLSearchParams, Headers, DOMException, atob, btoa };
  const context = createContext(page, { codeGeneration: { strings: false, wasm: false } });
  const use = `
    const { encode, decode } = wire.createWire();
    const sent = [new Date(0), 5n, new Uint8Array([1, 2]), new Map([[NaN, new Set([undefined])]])];
    const text = encode({ sent });
    if (encode(decode(text)) !== text) throw new Error("what came back is not what was sent");
    for (const refused of [() => encode(() => {}), () => decode("[")]) {
      try {
        refused();
      } catch (error) {
        if (error instanceof wire.PetioleError) continue;
        throw error;
      }
      throw new Error(refused + " was not refused");
    }
  `;
  try {
    runInContext(code, context);
    runInContext(use, context);
    return [];
  } catch (error) {
    // Of the context's own class.
    return [`without what Node has: ${String(error)}`];
  }
}

const folder = mkdtempSync(join(tmpdir(), "petiole-bundle-"));
try {
  const installed = join(folder, "node_modules/petiole");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", await pack(folder), "-C", installed, "--strip-components=1"]);
  const all = 'export * from "petiole/wire";\n';
  writeFileSync(join(folder, "entry.js"), all);

  const module = await bundle(folder, "entry.js");
  const script = await bundle(folder, "entry.js", "wire");
  const problems = [
    ...module.warnings,
    ...module.imports.map((name) => `it imports ${name}, which a page does not have`),
    ...runWithoutNode(script.code),
  ];
  for (const path of module.modules.keys()) {
    if (/table-|stored-rows|row-list|reference\./.test(path))
      problems.push(`it loads ${path}, which \`values\` are to bring along`);
  }
  for (const { module: path, bytes } of sizes(module)) {
    console.log(`${String(bytes).padStart(6)}  ${path.replace("node_modules/petiole/dist/", "")}`);
  }
  for (const [index, [what, more]] of Object.entries(others).entries()) {
    writeFileSync(join(folder, `other${index}.js`), all + more);
    const { code } = await bundle(folder, `other${index}.js`);
    console.log(`${String(gzipped(code)).padStart(6)}  petiole/wire ${what}`);
  }
  const size = gzipped(module.code);
  if (size > allowed) problems.push(`it is ${size - allowed} bytes too large`);
  for (const problem of problems) console.error(`petiole/wire: ${problem}`);
  console.log(
    `petiole/wire: ${size} bytes minified and gzipped, of ${allowed} allowed and ${goal} aimed at, ${problems.length} problems`,
  );
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true });
}
