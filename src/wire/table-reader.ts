/** The tag `table`, read. What it looks like is told in `table-writer.ts`. @module */
import { describe } from "../errors.ts";
import type { Budget } from "./budget.ts";
import { columnOf, readCell } from "./columns.ts";
import { compileReader, type RowReader } from "./compiled.ts";
import { dateOfCell } from "./date-cell.ts";
import type { Decoder } from "./decode.ts";
import type { Container, Received } from "./received.ts";
import { Malformed, partsOf, put, valueKey, type Form, type Node, type Reading, type Tag } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";

export const tableForm: Form = { survey: surveyTable, read: readTable, isMadeLast: true };

/** How rows become instances. */
interface Plan {
  readonly tag: Tag;
  readonly names: readonly string[];
  /** Of each column: what its cells are. */
  readonly kinds: readonly (Kind | Plan)[];
  /** Every field is there, and checked once it is read. */
  readonly isComplete: boolean;
  /** Reads a row at once, where there is such a reader. */
  readonly reader?: RowReader | undefined;
  readonly make: (fields: Record<string, unknown>) => unknown;
}

/** `""` is any value; the names of primitive types stand for what their class declares. */
type Kind = "" | "optional" | "datetime" | "bigint" | "string" | "number" | "boolean";

interface Table {
  readonly plan: Plan;
  readonly rows: readonly unknown[][];
}

function planOf(content: unknown, table: Received, decoder: Decoder, rest = 0): Plan {
  const { type, columns, ...others } = partsOf(content);
  if (typeof type !== "string" || !Array.isArray(columns) || Object.keys(others).length > rest)
    throw new Malformed("a type, columns and rows", describe(content));
  const tag = decoder.tagOf(type);
  if (!tag) throw decoder.unknownType(type, table);
  if (tag.layout !== "fields" || !tag.isClass) throw new Malformed("a class that is made of fields", type);
  const parts = columns.map(columnOf);
  const kinds = parts.map(([name, kind]): Plan["kinds"][number] => {
    if (typeof name !== "string" || name === "__proto__")
      throw new Malformed("a column's name", describe(name));
    if (kind === "" || kind === "optional" || kind === "datetime" || kind === "bigint") return kind;
    return planOf(kind, table, decoder);
  });
  const names = parts.map(([name]) => name as string);
  if (new Set(names).size < names.length) throw new Malformed("columns that differ", "one twice");
  const declared = declaredKinds(tag, names, kinds);
  if (declared)
    return {
      tag,
      names,
      kinds: declared,
      isComplete: true,
      make: (fields) => tag.exact!(tag.make!(fields)),
      reader: readerOf(tag, declared),
    };
  const make = (fields: Record<string, unknown>): unknown => tag.read(fields, decoder.reading, undefined);
  return { tag, names, kinds, isComplete: false, make };
}

/**
 * The kinds of a table's columns where they are all that its class declares, so that to read the cells is to check
 * the fields.
 */
function declaredKinds(
  { make, columns }: Tag,
  names: readonly string[],
  kinds: Plan["kinds"],
): Plan["kinds"] | undefined {
  if (!make || columns?.length !== names.length) return undefined;
  const declared: (Kind | Plan)[] = [];
  for (const [index, { name, kind, optional, prototype }] of columns.entries()) {
    const given = kinds[index]!;
    const isPrimitive = given === "" && (kind === "string" || kind === "number" || kind === "boolean");
    const isRight =
      isPrimitive ||
      (typeof given === "object" ? given.isComplete && given.tag.prototype === prototype : given === kind);
    if (name !== names[index] || optional || !isRight) return undefined;
    declared.push(isPrimitive ? kind : given);
  }
  return declared;
}

const readers = new WeakMap<Tag, RowReader>();

/** Once for a class: to make one takes longer than to read a few rows. */
function readerOf(tag: Tag, kinds: Plan["kinds"]): RowReader | undefined {
  let reader = readers.get(tag);
  if (reader) return reader;
  const nested = kinds.map((kind) => (typeof kind === "object" ? kind.reader : undefined));
  const bigint = (cell: unknown, reading: Reading): unknown => bigintTag.read(cell, reading, undefined);
  const wrong = (kind: string, cell: unknown): never => {
    throw new Malformed(`a ${kind}`, describe(cell));
  };
  const { prototype, make, exact } = tag as Required<Tag>;
  reader = compileReader(tag.columns!, { prototype, make, exact, wrong, date: dateOfCell, bigint, nested });
  if (reader) readers.set(tag, reader);
  return reader;
}

/** Looks through a table: at the values in its cells that are written as any others are. */
function surveyTable(table: Received, decoder: Decoder): void {
  const content = (table.node as Node)[valueKey] as Container;
  const plan = planOf(content, table, decoder, 1);
  const rows = content["rows"];
  const { budget } = decoder;
  if (!Array.isArray(rows)) throw new Malformed("rows", describe(rows));
  budget.json({ type: "", columns: content["columns"] }, table.level + 1);
  budget.nodes(1);
  surveyRows(rows, plan, table, decoder);
  table.plan = { plan, rows: rows as unknown[][] } satisfies Table;
}

function surveyRows(rows: readonly unknown[], { kinds }: Plan, table: Received, decoder: Decoder): void {
  const { budget } = decoder;
  const level = table.level + 3;
  budget.nodes(rows.length * (1 + kinds.length));
  budget.depth(level);
  for (const row of rows) {
    if (!Array.isArray(row)) throw new Malformed("a row", describe(row));
    for (let index = 0; index < row.length; index++) {
      const cell: unknown = row[index];
      if (typeof cell !== "object" || cell === null) continue;
      const kind = kinds[index];
      if (typeof kind === "object") surveyNested(cell, kind, level + 1, budget);
      else if (kind === "datetime" || kind === "bigint")
        throw new Malformed(`a ${kind} in its column`, describe(cell));
      else decoder.visit(cell, row as never, index, table, level + 1);
    }
  }
}

/** Looks through a row inside a row, where there are no values but JSON's scalars and further rows. */
function surveyNested(row: object, { kinds }: Plan, level: number, budget: Budget): void {
  if (!Array.isArray(row)) throw new Malformed("a row", describe(row));
  budget.depth(level);
  budget.nodes(row.length);
  for (let index = 0; index < row.length; index++) {
    const cell: unknown = row[index];
    if (typeof cell !== "object" || cell === null) continue;
    const kind = kinds[index];
    if (typeof kind !== "object") throw new Malformed("a scalar in a row inside a row", describe(cell));
    surveyNested(cell, kind, level + 1, budget);
  }
}

/** The instances that a table stands for, in place of its rows. */
function readTable(table: Received, decoder: Decoder): unknown[] {
  const { plan, rows } = table.plan as Table;
  const spot = { container: rows as unknown as Container, key: 0, parent: table };
  return decoder.guard(spot, plan.tag.name, () => {
    const { reader } = plan;
    for (; spot.key < rows.length; spot.key++) {
      const row = rows[spot.key];
      spot.container[spot.key] = reader ? reader(row, decoder.reading) : instanceOf(row, plan, decoder);
    }
    return rows as unknown[];
  });
}

function instanceOf(row: unknown, plan: Plan, decoder: Decoder): unknown {
  const { names, kinds, isComplete, make } = plan;
  if (!Array.isArray(row) || row.length !== names.length) {
    throw new Malformed(`a row of ${names.length} cells`, describe(row));
  }
  const fields: Record<string, unknown> = {};
  for (let index = 0; index < row.length; index++) {
    const cell: unknown = row[index];
    const kind = kinds[index]!;
    // In a column that says what its cells are, null is a field left out.
    if (kind === "" || (typeof cell === kind && kind !== "bigint")) put(fields, names[index]!, cell);
    else if (cell !== null || isComplete) put(fields, names[index]!, read(cell, kind, decoder));
  }
  return make(fields);
}

function read(cell: unknown, kind: Plan | string, decoder: Decoder): unknown {
  if (typeof kind === "object") return instanceOf(cell, kind, decoder);
  if (kind === "optional") return cell;
  if (kind === "datetime" || kind === "bigint") return readCell(cell, kind, decoder.reading);
  throw new Malformed(`a ${kind} in its column`, describe(cell));
}
