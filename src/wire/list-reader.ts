/** The tags `table` and `refs`, read. What they look like is told in `list.ts`. @module */
import { describe } from "../errors.ts";
import type { Decoder } from "./decode.ts";
import type { Lazy } from "./lazy.ts";
import type { Container, Received } from "./received.ts";
import type { Reference } from "./reference.ts";
import { Malformed, isRecord, valueKey, type Node, type Reading, type Tag } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { tagsByName } from "./tags/index.ts";
import { referenceTag } from "./tags/reference.ts";

/** The references of a `refs` tag. */
export function readReferences(content: unknown, reading: Reading): (Reference | Lazy)[] {
  const { model, keys, ...rest } = isRecord(content) ? content : {};
  if (!Array.isArray(keys) || Object.keys(rest).length > 0)
    throw new Malformed("a model and keys", describe(content));
  return keys.map((pk: unknown) => referenceTag.read({ model, pk }, reading, undefined));
}

/** How rows become instances. */
interface Plan {
  readonly tag: Tag;
  readonly names: readonly string[];
  /** Of each column: what its cells are. */
  readonly kinds: readonly ("" | "optional" | "datetime" | "bigint" | Plan)[];
}

interface Table {
  readonly plan: Plan;
  readonly rows: readonly unknown[][];
}

function planOf(content: unknown, table: Received, decoder: Decoder, rest = 0): Plan {
  const { type, columns, ...others } = isRecord(content) ? content : {};
  if (typeof type !== "string" || !Array.isArray(columns) || Object.keys(others).length > rest)
    throw new Malformed("a type, columns and rows", describe(content));
  const tag = decoder.tagOf(type);
  if (!tag) throw decoder.unknownType(type, table);
  if (tag.layout !== "fields" || tagsByName.has(type))
    throw new Malformed("a class that is made of fields", type);
  const parts = columns.map((column: unknown): [name: unknown, kind: unknown] =>
    Array.isArray(column) && column.length === 2 ? (column as [unknown, unknown]) : [column, ""],
  );
  const kinds = parts.map(([name, kind]): Plan["kinds"][number] => {
    if (typeof name !== "string" || name === "__proto__")
      throw new Malformed("a column's name", describe(name));
    if (kind === "" || kind === "optional" || kind === "datetime" || kind === "bigint") return kind;
    return planOf(kind, table, decoder);
  });
  return { tag, names: parts.map(([name]) => name as string), kinds };
}

/** Looks through a table: at the values in its cells that are written as any others are. */
export function surveyTable(table: Received, decoder: Decoder): void {
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
  const level = table.level + 3;
  decoder.budget.nodes(rows.length * (1 + kinds.length));
  decoder.budget.depth(level);
  for (const row of rows) {
    if (!Array.isArray(row)) throw new Malformed("a row", describe(row));
    for (let index = 0; index < row.length; index++) {
      const cell: unknown = row[index];
      if (typeof cell !== "object" || cell === null) continue;
      const kind = kinds[index];
      if (typeof kind === "object") decoder.budget.json(cell, level + 1);
      else decoder.visit(cell, row as never, index, table, level + 1);
    }
  }
}

/** The instances that a table stands for, in place of its rows. */
export function readTable(table: Received, decoder: Decoder): unknown[] {
  const { plan, rows } = table.plan as Table;
  const spot = { container: rows as unknown as Container, key: 0, parent: table };
  return decoder.guard(spot, plan.tag.name, () => {
    for (; spot.key < rows.length; spot.key++) {
      spot.container[spot.key] = instanceOf(rows[spot.key], plan, decoder);
    }
    return rows as unknown[];
  });
}

function instanceOf(row: unknown, plan: Plan, decoder: Decoder): unknown {
  const { tag, names, kinds } = plan;
  if (!Array.isArray(row) || row.length !== names.length) {
    throw new Malformed(`a row of ${names.length} cells`, describe(row));
  }
  const fields: Record<string, unknown> = {};
  for (let index = 0; index < row.length; index++) {
    const cell: unknown = row[index];
    const kind = kinds[index]!;
    // In a column that says what its cells are, null is a field left out.
    if (kind === "") fields[names[index]!] = cell;
    else if (cell !== null) fields[names[index]!] = read(cell, kind, decoder);
  }
  const instance = tag.read(fields, decoder.reading, undefined);
  decoder.noteRow(row, instance);
  return instance;
}

function read(cell: unknown, kind: Plan | string, decoder: Decoder): unknown {
  if (typeof kind === "object") return instanceOf(cell, kind, decoder);
  if (kind === "bigint") return bigintTag.read(cell, decoder.reading, undefined);
  if (kind === "optional") return cell;
  if (cell === "NaN") return new Date(NaN);
  const isTime = typeof cell === "number" && Number.isInteger(cell) && Math.abs(cell) <= 8.64e15;
  if (!isTime) throw new Malformed("milliseconds", describe(cell));
  return new Date(cell);
}
