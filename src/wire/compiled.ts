/**
 * Readers and writers of a class's rows, as code made from its declared fields: faster than going through the
 * columns one by one. Nothing that was received is ever part of the code. Where code cannot be made from text (a
 * Content-Security-Policy, some edge workers), there are none, and the columns are gone through.
 *
 * @module
 */
import { attempt } from "../errors.ts";
import type { Column, Reading } from "./tag.ts";

/** Whether code can be made from text; found out when it is first wanted. */
let isAllowed: boolean | undefined;

/**
 * Whether something is an instance of the class itself. Of an object whose shape is known, engines know the prototype
 * without asking for it: `in` tells them, and runs no getter.
 */
const isInstance = (name: string): string =>
  `typeof ${name} === "object" && ${name} !== null && ("constructor" in ${name}, getPrototypeOf(${name}) === prototype)`;

/** A function of `given` and `more` with a body, and what it calls by name; undefined where there can be none. */
export function compile(body: string, called: object): unknown {
  isAllowed ??= attempt(() => new Function("return true")() === true) ?? false;
  if (!isAllowed) return undefined;
  // oxlint-disable-next-line no-implied-eval, no-new-func
  const make = new Function(
    `{ ${Object.keys(called).join(", ")} }, { getPrototypeOf }`,
    `return (given, more) => { ${body} };`,
  ) as (called: object, more: ObjectConstructor) => unknown;
  return make(called, Object);
}

/** What the code of a reader calls. */
export interface RowReading {
  /** The prototype of the instances. */
  readonly prototype: object;
  make(fields: object): unknown;
  /** For what is made and is no instance: throws. */
  exact(made: unknown): unknown;
  /** For a cell that is not what is expected, or a row that is none: throws. */
  wrong(kind: string, cell: unknown): never;
  date(cell: unknown): unknown;
  bigint(cell: unknown, reading: Reading): unknown;
  /** Of nested classes, by the index of their column. */
  readonly nested: readonly (RowReader | undefined)[];
}

/** From a row, all of whose cells must be as the class declares them, to the instance. */
export type RowReader = (row: unknown, reading: Reading) => unknown;

/** A reader of rows; undefined where there can be none. */
export function compileReader(columns: readonly Column[], reading: RowReading): RowReader | undefined {
  const fields = columns.map(({ name, kind }, at) => {
    const cell = `given[${at}]`;
    const read =
      kind === "datetime"
        ? `date(${cell})`
        : kind === "bigint"
          ? `bigint(${cell}, more)`
          : kind === "value"
            ? `nested[${at}](${cell}, more)`
            : `typeof ${cell} === "${kind}" ? ${cell} : wrong("${kind} in its column", ${cell})`;
    return `${JSON.stringify(name)}: ${read}`;
  });
  const body = `if (!Array.isArray(given) || given.length !== ${columns.length}) wrong("row of ${columns.length} cells", given);
    const made = make({ ${fields.join(", ")} });
    return ${isInstance("made")} ? made : exact(made);`;
  return compile(body, reading) as RowReader | undefined;
}

/** What the code of a writer calls. */
export interface RowWriting<More> {
  /** The prototype of the instances. */
  readonly prototype: object | undefined;
  /** Which column's values are the marks; -1 for none. */
  readonly markAt: number;
  /** Whether an instance is met for the first time, with nothing beside its fields. `mark` is as in `distinct.ts`. */
  isNew(instance: object, more: More, mark: unknown): boolean;
  /** For a value that is not what its field is declared as: throws. */
  misfit(): never;
  needsTag(value: number): boolean;
  date(value: unknown): unknown;
  bigint(value: bigint, more: More): unknown;
  readonly nested: readonly (RowWriter<More> | undefined)[];
  /** Of the columns whose values are written as any others are. */
  readonly fits: readonly ((value: unknown) => boolean)[];
}

/** From an instance to its row. */
export type RowWriter<More> = (instance: unknown, more: More) => unknown[];

/**
 * An array of what it is given. Engines watch how long arrays live that code writes out, and may come to make all of them
 * where nothing is collected soon, which takes a fifth longer; not those of parameters.
 */
const list = (...items: unknown[]): unknown[] => items;

/** A writer of rows; undefined where there can be none. */
export function compileWriter<More>(
  columns: readonly Column[],
  writing: RowWriting<More>,
): RowWriter<More> | undefined {
  const cells = columns.map(({ kind, optional }, at) => {
    const write =
      kind === "datetime"
        ? `date(c${at})`
        : kind === "bigint"
          ? `typeof c${at} === "bigint" ? bigint(c${at}, more) : misfit()`
          : kind === "value"
            ? `nested[${at}](c${at}, more)`
            : `typeof c${at} === "${kind}"${kind === "number" ? ` && !needsTag(c${at})` : ""} ? c${at} : misfit()`;
    return kind === "other"
      ? `fits[${at}](c${at}) ? c${at} : misfit()`
      : optional
        ? `c${at} === undefined ? null : (${write})`
        : write;
  });
  const { markAt } = writing;
  const values = columns.map(({ name }, at) => `const c${at} = given[${JSON.stringify(name)}];`);
  const body = `if (!(${isInstance("given")})) misfit();
    ${values.join(" ")} if (!isNew(given, more, ${markAt < 0 ? "NaN" : `c${markAt}`})) misfit();
    return list(${cells.join(", ")});`;
  return compile(body, { ...writing, list }) as RowWriter<More> | undefined;
}
