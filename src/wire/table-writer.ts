/**
 * Arrays of instances of one value class, written with what they have in common said once: the tag `table`.
 *
 * Reading it is `table-reader.ts`.
 *
 * @module
 */
import { attempt } from "../errors.ts";
import { compileWriter, type RowWriter } from "./compiled.ts";
import { cellOfDate, isPlainDate } from "./date-cell.ts";
import type { Encoder } from "./encoder.ts";
import { Distinct, endList, isNew } from "./distinct.ts";
import { Place } from "./place.ts";
import type { Registry } from "./registry.ts";
import { isOf, node, valueKey, type Column, type List, type Tag } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { needsTag } from "./tags/number.ts";

/** How instances of a class become rows. */
interface Plan {
  readonly tag: Tag;
  readonly cells: readonly (Column & { readonly plan: Plan | undefined })[];
  /** The columns whose values are written as any others are. */
  readonly open: readonly number[];
  /** How many values there are in a row, those in the columns of `sparse` left out. */
  readonly nodes: number;
  /** The columns of classes of which not each row has as many values. */
  readonly sparse: readonly Sparse[];
  readonly write: RowWriter<Pass>;
}

interface Sparse {
  readonly at: number;
  readonly optional: boolean;
  readonly plan: Plan;
}

/** What is known while the rows of one table are written. */
interface Pass {
  readonly encoder: Encoder;
  /** The class. */
  readonly tag: Tag;
  /** Its instances, and those in their columns. */
  readonly met: Distinct;
}

const plans = new WeakMap<Registry, Map<Tag, Plan>>();

/** Once for a class, among the classes that are known. */
function planOf(tag: Tag, registry: Registry): Plan {
  let known = plans.get(registry);
  if (!known) plans.set(registry, (known = new Map()));
  let plan = known.get(tag);
  if (!plan) known.set(tag, (plan = makePlan(tag, registry)));
  return plan;
}

/** A class within a class has columns of its own, unless it is not known, or has open ones. */
function makePlan(tag: Tag, registry: Registry): Plan {
  const cells = tag.columns!.map((column) => {
    const nested = column.prototype && registry.byPrototype.get(column.prototype);
    const plan = nested?.columns && planOf(nested, registry);
    const isOpen = column.kind === "other" || (column.kind === "value" && !(plan && plan.open.length === 0));
    return { ...column, plan, kind: isOpen ? ("other" as const) : column.kind };
  });
  const open = cells.flatMap(({ kind }, index) => (kind === "other" ? [index] : []));
  const nodes = cells.reduce(
    (sum, { kind, optional, plan }) => sum + (kind === "value" && !optional ? plan!.nodes : 0),
    cells.length,
  );
  const sparse = cells.flatMap(({ kind, optional, plan }, at): Sparse[] =>
    kind === "value" && (optional || plan!.sparse.length > 0) ? [{ at, optional, plan: plan! }] : [],
  );
  const { prototype, holdsOnly } = tag;
  const writing = {
    prototype,
    markAt: cells.findIndex(({ kind }) => kind === "number"),
    isNew: (instance: object, pass: Pass, mark: unknown) =>
      (holdsOnly === undefined || holdsOnly(instance)) &&
      isNew(instance, pass.encoder) &&
      pass.met.add(instance, tag === pass.tag && typeof mark === "number" ? mark : NaN),
    misfit: throwMisfit,
    needsTag,
    date: dateCell,
    bigint: (value: bigint, { encoder }: Pass) => bigintTag.write(value, encoder.writing),
    nested: cells.map(({ plan }) => plan?.write),
    fits: cells.map(({ fits }) => fits),
  };
  const write =
    compileWriter(cells, writing) ??
    ((instance: unknown, pass: Pass) => {
      if (!isOf(instance, prototype)) throwMisfit();
      const values = cells.map(({ name }) => (instance as Record<string, unknown>)[name]);
      if (!writing.isNew(instance as object, pass, values[writing.markAt])) throwMisfit();
      return cells.map((cell, at) => cellOf(cell, values[at], pass));
    });
  return { tag, cells, open, nodes, sparse, write };
}

/** The slow way, where no code can be made. */
function cellOf(cell: Plan["cells"][number], value: unknown, pass: Pass): unknown {
  const { kind } = cell;
  if (kind === "other") return cell.fits(value) ? value : throwMisfit();
  if (value === undefined && cell.optional) return null;
  if (kind === "value") return cell.plan!.write(value, pass);
  if (kind === "datetime") return dateCell(value);
  if (typeof value !== kind || (kind === "number" && needsTag(value as number))) return throwMisfit();
  return kind === "bigint" ? bigintTag.write(value as bigint, pass.encoder.writing) : value;
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

/** How many values there are in rows. */
function nodesIn(rows: readonly unknown[][], { nodes, sparse }: Plan): number {
  let count = rows.length * nodes;
  for (const { at, optional, plan } of sparse) {
    const inside = rows.map((row) => row[at] as unknown[] | null).filter((row) => row !== null);
    count += nodesIn(inside, plan) - (optional ? 0 : inside.length * plan.nodes);
  }
  return count;
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

/** Writes an array of instances as a table; undefined where one of them does not fit. */
export function writeTable(
  items: readonly unknown[],
  above: Place,
  key: string | number,
  encoder: Encoder,
): List | undefined {
  const { registry } = encoder.context;
  const tag = registry.byPrototype.get(Object.getPrototypeOf(items[0]) as object)!;
  // What a class checks but once, and the errors with their paths, are for the general way.
  if (!attempt(() => tag.write(items[0], encoder.writing))) return undefined;
  // Of tens of thousands of fields, or classes in each other by the thousand, there is none.
  const plan = attempt(() => planOf(tag, registry));
  if (!plan) return undefined;
  const types = new Set<string>();
  const content = { ...headerOf(plan, types), rows: [] as unknown[][] };
  const { dialect } = encoder.context;
  if (["table", ...types].some((name) => dialect.refusal(name, content) !== undefined)) return undefined;
  const pass: Pass = { encoder, tag, met: new Distinct() };
  try {
    for (const item of items) content.rows.push(plan.write(item, pass));
  } catch {
    // Whatever it was: the general way says what is wrong, and where.
    return undefined;
  }
  // A cell cannot be left out, as a field can.
  if (dialect.omitsUndefined && content.rows.some((row) => row.includes(undefined))) return undefined;
  endList(pass.met, encoder);
  for (const type of types) encoder.types.add(type);
  const table = new Place(above, key, node("table", content), [], tag);
  const rows = new Place(new Place(table, valueKey, content, []), "rows", content.rows, undefined);
  encoder.places.set(items, table);
  encoder.budget.depth(rows.level + 1);
  encoder.budget.json(content.columns, rows.level);
  encoder.budget.nodes(items.length + nodesIn(content.rows, plan) + 5);
  if (plan.open.length > 0) {
    rows.open = { tag, columns: plan.open };
    return { container: table.container, rows };
  }
  table.isDone = true;
  return { container: table.container, rows: undefined };
}
