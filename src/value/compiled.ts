/**
 * What is done with the fields of each instance, as code made from a class's declared fields: faster than going through
 * them one by one. Where code cannot be made from text, there is none.
 *
 * @module
 */
import { compile } from "../wire/compiled.ts";
import { isOf, type Column } from "../wire/tag.ts";

/** Before as many uses, making the code costs more than it saves. */
export const usesBeforeCode = 20;

/** What `Fields` does, for a class whose fields are all there always. */
export interface FieldsCode {
  /** The declared fields of an object. */
  pick(source: object): Record<string, unknown>;
  /** Whether an object has the declared fields alone, each as it is declared. */
  fit(fields: object): boolean;
}

/** The code for some fields; undefined where there can be none. */
export function compileFields(columns: readonly Column[]): FieldsCode | undefined {
  if (columns.some(({ optional }) => optional)) return undefined;
  const values = columns.map(({ name }) => `given[${JSON.stringify(name)}]`);
  const picked = columns.map(({ name }, at) => `${JSON.stringify(name)}: ${values[at]}`);
  const tests = columns.map(({ name, kind, prototype }, at) =>
    prototype
      ? `isOf(${values[at]}, columns[${at}].prototype)`
      : kind === "other"
        ? `hasOwn(given, ${JSON.stringify(name)}) && columns[${at}].fits(${values[at]})`
        : `typeof ${values[at]} === "${kind}"`,
  );
  const pick = compile(`return { ${picked.join(", ")} };`, {});
  const fit = compile(
    `return ${[...tests, `Object.keys(given).length === ${columns.length}`].join(" && ")};`,
    { columns, isOf, hasOwn: Object.hasOwn },
  );
  return pick && fit ? ({ pick, fit } as FieldsCode) : undefined;
}
