/** The tags `refs` and `snapshots`: references to rows of one model, and snapshots of them, read. @module */
import { describe } from "../errors.ts";
import { columnOf, readCell } from "./columns.ts";
import type { Decoder } from "./decode.ts";
import type { Container, Received } from "./received.ts";
import { Malformed, partsOf, put, valueKey, type Form, type Node } from "./tag.ts";
import { referenceTag } from "./tags/reference.ts";
import { snapshotTag } from "./tags/snapshot.ts";

export const referencesForm: Form = { survey: surveyReferences, read: (list) => list.plan };

function surveyReferences(list: Received, decoder: Decoder): void {
  const content = (list.node as Node)[valueKey];
  const { model, keys, ...rest } = partsOf(content);
  if (!Array.isArray(keys) || Object.keys(rest).length > 0)
    throw new Malformed("a model and keys", describe(content));
  decoder.budget.json(content, list.level + 1);
  const items = keys.map((pk: unknown) => referenceTag.read({ model, pk }, decoder.reading, undefined));
  for (const [key, reference] of items.entries())
    decoder.refer({ container: items as never, key, parent: list.parent }, reference);
  list.plan = items;
}

export const snapshotsForm: Form = { survey: surveySnapshots, read: readSnapshots, isMadeLast: true };

interface Snapshots {
  readonly model: string;
  /** The field that is the primary key, and stands in no column. */
  readonly key: string | undefined;
  readonly columns: readonly (readonly [name: string, kind: "" | "datetime" | "bigint"])[];
  readonly rows: unknown[];
}

/** Looks through the rows of snapshots, whose cells are values as any others, or what their column says. */
function surveySnapshots(list: Received, decoder: Decoder): void {
  const content = (list.node as Node)[valueKey];
  const { model, key, columns, rows, ...others } = partsOf(content);
  const parsed = Array.isArray(columns) ? columns.map(columnOf) : [];
  const names = [...(key === undefined ? [] : [key]), ...parsed.map(([name]) => name)];
  const isRight =
    typeof model === "string" &&
    Array.isArray(columns) &&
    names.every((name) => typeof name === "string" && name !== "__proto__") &&
    parsed.every(([, kind]) => kind === "" || kind === "datetime" || kind === "bigint") &&
    new Set(names).size === names.length &&
    Array.isArray(rows) &&
    Object.keys(others).length === 0;
  if (!isRight) throw new Malformed("a model, columns that differ, and rows", describe(content));
  decoder.budget.json({ ...(key !== undefined && { key }), columns }, list.level + 1);
  decoder.budget.nodes(2);
  decoder.budget.nodes(rows.length * (columns.length + 2));
  decoder.budget.depth(list.level + 3);
  for (const row of rows as unknown[]) {
    if (!Array.isArray(row) || row.length !== columns.length + 1) {
      throw new Malformed(`rows of ${columns.length + 1} cells`, describe(row));
    }
    for (const [index, cell] of row.entries()) {
      if (typeof cell !== "object" || cell === null) continue;
      const kind = index === 0 ? "" : parsed[index - 1]![1];
      if (kind !== "") throw new Malformed(`a ${kind} in its column`, describe(cell));
      decoder.visit(cell as object, row as never, index, list, list.level + 4);
    }
  }
  list.plan = { model, key, columns: parsed, rows } as Snapshots;
}

/** The snapshots, in place of their rows. */
function readSnapshots(list: Received, decoder: Decoder): unknown[] {
  const { model, key, columns, rows } = list.plan as Snapshots;
  const spot = { container: rows as unknown as Container, key: 0, parent: list };
  return decoder.guard(spot, "snapshot", () => {
    for (; spot.key < rows.length; spot.key++) {
      const [pk, ...cells] = rows[spot.key] as unknown[];
      const fields: Record<string, unknown> = key === undefined ? {} : { [key]: pk };
      for (const [index, [name, kind]] of columns.entries()) {
        const cell = cells[index];
        const isBare = kind !== "" && cell !== null;
        put(fields, name, isBare ? readCell(cell, kind, decoder.reading) : cell);
      }
      rows[spot.key] = snapshotTag.read({ model, pk, fields }, decoder.reading, undefined);
    }
    return rows;
  });
}
