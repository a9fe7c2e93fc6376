/** A module as a page would load it: one file with all that it imports, tree-shaken and minified. */
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { rolldown } from "rolldown";
import { minifySync } from "rolldown/utils";

export interface Bundle {
  readonly code: string;
  /** What it imports when it is loaded or later, because a page could not be given it. */
  readonly imports: readonly string[];
  /** Each module that is in it, by its path from `folder`, as it is when minified on its own. */
  readonly modules: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

/**
 * Bundles a module for browsers.
 *
 * @param folder Where `entry` is, and where a search for packages begins.
 * @param name The global variable that gets the exports; without one, the bundle is a module that exports them.
 */
export async function bundle(folder: string, entry: string, name?: string): Promise<Bundle> {
  const warnings: string[] = [];
  const build = await rolldown({
    cwd: folder,
    input: entry,
    platform: "browser",
    onLog: (level, { message }) => {
      if (level === "warn") warnings.push(stripVTControlCharacters(message));
    },
  });
  try {
    const format = name === undefined ? ({ format: "es" } as const) : ({ format: "iife", name } as const);
    const { output } = await build.generate({ ...format, minify: true, codeSplitting: false });
    const [chunk] = output;
    const modules = Object.entries(chunk.modules)
      .filter(([, { code }]) => code)
      .map(([path, { code }]) => {
        // Its exports are not in it any more, so nothing of it may be taken for unused.
        const { code: minified } = minifySync(path, code!, { module: true, compress: { unused: false } });
        return [relative(folder, path), minified] as const;
      });
    const imports = [...chunk.imports, ...chunk.dynamicImports];
    return { code: chunk.code, imports, modules: new Map(modules), warnings };
  } finally {
    await build.close();
  }
}
