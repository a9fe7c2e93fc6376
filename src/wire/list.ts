/**
 * Arrays of one kind, written with what their items have in common said once: the tags `table`, for instances of
 * one value class, `refs`, for references to one model, and `snapshots`, for those of rows of one model.
 *
 * Reading them is `list-reader.ts`.
 *
 * @module
 */
import { attempt } from "../errors.ts";
import { compileWriter, type RowWriter } from "./compiled.ts";
import { cellOfDate, isPlainDate } from "./date-cell.ts";
import type { Encoder } from "./encoder.ts";
import { Place } from "./place.ts";
import { Reference } from "./reference.ts";
import { Snapshot } from "./snapshot.ts";
import { writeSnapshots } from "./snapshot-list.ts";
import { node, valueKey, type Column, type Tag } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { needsTag } from "./tags/number.ts";
import { referenceTag } from "./tags/reference.ts";
import type { ValueTags } from "./value-type.ts";

/** Fewer items are as short, and easier to read, one by one. */
export const fewest = 4;

/** Whether a value is an array that begins with an instance of a class that is known, and so is no plain data. */
export function beginsWithInstance(value: unknown, values: ValueTags): boolean {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  return (
    typeof first === "object" &&
    first !== null &&
    values.byPrototype.has(Object.getPrototypeOf(first) as object)
  );
}

/** An array that is written as one of the tags here. */
export interface List {
  readonly container: object;
  /** The place of its rows, where some of their cells are to be written still. */
  readonly rows: Place | undefined;
}

/** Writes an array as a list, if its items are alike; otherwise undefined, and nothing has happened. */
export function writeList(
  items: readonly unknown[],
  above: Place,
  key: string | number,
  encoder: Encoder,
): List | undefined {
  const [first] = items;
  if (items.length < fewest || typeof first !== "object" || first === null) return undefined;
  if (first instanceof Reference) return writeReferences(items, first, above, key, encoder);
  if (first instanceof Snapshot) {
    const isRefused = encoder.context.dialect.refusal("snapshots", undefined) !== undefined;
    if (isRefused || !areOf(items, Snapshot.prototype, first.model, encoder)) return undefined;
    return writeSnapshots(items as readonly Snapshot[], above, key, encoder);
  }
  const tag = encoder.context.values.byPrototype.get(Object.getPrototypeOf(first) as object);
  return tag?.columns && writeTable(items as readonly object[], tag, above, key, encoder);
}

function writeReferences(
  items: readonly unknown[],
  { model }: Reference,
  above: Place,
  key: string | number,
  encoder: Encoder,
): List | undefined {
  if (!areOf(items, Reference.prototype, model, encoder)) return undefined;
  // What goes wrong with one of them does so again when they are written one by one, in its place.
  const sent = attempt(() => items.map((item) => encoder.refer(item as Reference)));
  if (!sent || !areOf(sent, Reference.prototype, model, encoder)) return undefined;
  const keys = attempt(() =>
    sent.map((item) => (referenceTag.write(item, encoder.writing) as { pk: unknown }).pk),
  );
  const content = { model, keys };
  if (!keys || encoder.context.dialect.refusal("refs", content) !== undefined) return undefined;
  encoder.budget.depth(above.level + 1);
  encoder.budget.nodes(2);
  encoder.budget.json(content, above.level + 2);
  const place = new Place(above, key, node("refs", content), []);
  place.isDone = true;
  encoder.places.set(items, place);
  return { container: place.container, rows: undefined };
}

/** Whether all items are of one kind, and of one model that is known. */
function areOf(items: readonly unknown[], prototype: object, model: string, encoder: Encoder): boolean {
  const areAlike = items.every(
    (item) =>
      typeof item === "object" &&
      item !== null &&
      Object.getPrototypeOf(item) === prototype &&
      // Those that say more are written one by one.
      (item as Reference).details === undefined &&
      (item as Reference).was === undefined &&
      (item as Reference | Snapshot).model === model,
  );
  return areAlike && encoder.unknownModel(items[0] as object) === undefined;
}

/** How instances of a class become rows. */
interface Plan {
  readonly tag: Tag;
  readonly cells: readonly (Column & { readonly plan: Plan | undefined })[];
  /** The columns whose values are written as any others are. */
  readonly open: readonly number[];
  /** How many values there are in a row. */
  readonly nodes: number;
  readonly write: RowWriter<Encoder>;
}

const plans = new WeakMap<ValueTags, Map<Tag, Plan>>();

/** Once for a class, among the classes that are known. */
function planOf(tag: Tag, values: ValueTags): Plan {
  let known = plans.get(values);
  if (!known) plans.set(values, (known = new Map()));
  let plan = known.get(tag);
  if (!plan) known.set(tag, (plan = makePlan(tag, values)));
  return plan;
}

/** A class within a class has columns of its own, unless it is not known, or has open ones. */
function makePlan(tag: Tag, values: ValueTags): Plan {
  const cells = tag.columns!.map((column) => {
    const nested = column.prototype && values.byPrototype.get(column.prototype);
    const plan = nested?.columns && planOf(nested, values);
    const isOpen = column.kind === "other" || (column.kind === "value" && !(plan && plan.open.length === 0));
    return { ...column, plan, kind: isOpen ? ("other" as const) : column.kind };
  });
  const open = cells.flatMap(({ kind }, index) => (kind === "other" ? [index] : []));
  const nodes = cells.reduce(
    (sum, { kind, plan }) => sum + (kind === "value" ? plan!.nodes : 0),
    cells.length,
  );
  const { prototype, holdsOnly } = tag;
  const writing = {
    prototype,
    isNew: (instance: object, encoder: Encoder) =>
      (holdsOnly === undefined || holdsOnly(instance)) && encoder.meetInTable(instance),
    misfit: throwMisfit,
    needsTag,
    date: dateCell,
    bigint: (value: bigint, encoder: Encoder) => bigintTag.write(value, encoder.writing),
    nested: cells.map(({ plan }) => plan?.write),
    fits: cells.map(({ fits }) => fits),
  };
  const write =
    compileWriter(cells, writing) ??
    ((instance: unknown, encoder: Encoder) => {
      const isInstance =
        typeof instance === "object" && instance !== null && Object.getPrototypeOf(instance) === prototype;
      if (!isInstance || !writing.isNew(instance, encoder)) throwMisfit();
      return cells.map((cell) => cellOf(cell, (instance as Record<string, unknown>)[cell.name], encoder));
    });
  return { tag, cells, open, nodes, write };
}

/** The slow way, where no code can be made. */
function cellOf(cell: Plan["cells"][number], value: unknown, encoder: Encoder): unknown {
  const { kind } = cell;
  if (kind === "other") return cell.fits(value) ? value : throwMisfit();
  if (value === undefined && cell.optional) return null;
  if (kind === "value") return cell.plan!.write(value, encoder);
  if (kind === "datetime") return dateCell(value);
  if (typeof value !== kind || (kind === "number" && needsTag(value as number))) return throwMisfit();
  return kind === "bigint" ? bigintTag.write(value as bigint, encoder.writing) : value;
}

function headerOf({ tag, cells }: Plan, types: Set<string>): { type: string; columns: unknown[] } {
  types.add(tag.name);
  const columns = cells.map(({ name, kind, optional, plan }) => {
    if (kind === "value") return [name, headerOf(plan!, types)];
    if (kind === "datetime" || kind === "bigint") return [name, kind];
    return optional && kind !== "other" ? [name, "optional"] : name;
  });
  return { type: tag.name, columns };
}

/** Thrown for a value that is not what its field is declared as. */
const misfit = new Error("a misfit");

function dateCell(value: unknown): unknown {
  // As in `compiled.ts`: what shows its shape is not asked for its prototype.
  return "constructor" in (value as object) && isPlainDate(value) ? cellOfDate(value) : throwMisfit();
}

function throwMisfit(): never {
  throw misfit;
}

/** An array of instances as a table; undefined where one of them does not fit. */
function writeTable(
  items: readonly object[],
  tag: Tag,
  above: Place,
  key: string | number,
  encoder: Encoder,
): List | undefined {
  // What a class checks but once, and the errors with their paths, are for the general way.
  if (!attempt(() => tag.write(items[0], encoder.writing))) return undefined;
  const plan = planOf(tag, encoder.context.values);
  const types = new Set<string>();
  const content = { ...headerOf(plan, types), rows: [] as unknown[] };
  const { dialect } = encoder.context;
  if (["table", ...types].some((name) => dialect.refusal(name, content) !== undefined)) return undefined;
  try {
    for (const item of items) content.rows.push(plan.write(item, encoder));
  } catch {
    // Whatever it was: the general way says what is wrong, and where.
    encoder.endTable(false);
    return undefined;
  }
  encoder.endTable(true);
  for (const type of types) encoder.types.add(type);
  const table = new Place(above, key, node("table", content), [], tag);
  const rows = new Place(new Place(table, valueKey, content, []), "rows", content.rows, undefined);
  encoder.places.set(items, table);
  encoder.budget.depth(rows.level + 1);
  encoder.budget.json(content.columns, rows.level);
  encoder.budget.nodes(items.length * (plan.nodes + 1) + 6);
  if (plan.open.length > 0) {
    rows.open = { tag, columns: plan.open };
    return { container: table.container, rows };
  }
  table.isDone = true;
  return { container: table.container, rows: undefined };
}
