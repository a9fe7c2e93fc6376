/**
 * Arrays of one kind, written with what their items have in common said once: the tags `table`, for instances of
 * one value class, `refs`, for references to one model, and `snapshots`, for those of one model.
 *
 * Reading them is `list-reader.ts`.
 *
 * @module
 */
import { attempt } from "../errors.ts";
import type { Encoder } from "./encoder.ts";
import { Place } from "./place.ts";
import { hasSymbols } from "./plain.ts";
import { Reference } from "./reference.ts";
import { node, valueKey, type Column, type Tag } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { needsTag } from "./tags/number.ts";
import { referenceTag } from "./tags/reference.ts";
import type { ValueTags } from "./value-type.ts";

/** Fewer items are as short, and easier to read, one by one. */
const fewest = 4;

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
  if (encoder.context.dialect.refusal("table", undefined) !== undefined) return undefined;
  if (first instanceof Reference) return writeReferences(items, first, above, key, encoder);
  const tag = encoder.context.values.byPrototype.get(Object.getPrototypeOf(first) as object);
  return tag?.columns && TableWriter.write(items as readonly object[], tag, above, key, encoder);
}

function writeReferences(
  items: readonly unknown[],
  { model }: Reference,
  above: Place,
  key: string | number,
  encoder: Encoder,
): List | undefined {
  const areAlike = items.every(
    (item) =>
      typeof item === "object" &&
      item !== null &&
      Object.getPrototypeOf(item) === Reference.prototype &&
      (item as Reference).model === model,
  );
  if (!areAlike || encoder.unknownModel(items[0] as Reference) !== undefined) return undefined;
  const keys = items.map(
    (item) => (referenceTag.write(item as Reference, encoder.writing) as { pk: unknown }).pk,
  );
  const content = { model, keys };
  encoder.budget.depth(above.depth + 1);
  encoder.budget.json(content, above.depth + 2);
  const place = new Place(above, key, node("refs", content), []);
  place.isLeft = true;
  encoder.places.set(items, place);
  return { container: place.container, rows: undefined };
}

/** How instances of a class become rows. */
interface Plan {
  readonly tag: Tag;
  readonly cells: readonly (Column & { readonly plan: Plan | undefined })[];
  /** The columns whose values are written as any others are. */
  readonly open: readonly number[];
}

/** A class within a class has columns of its own, unless it is not known, or has open ones. */
function planOf(tag: Tag, { byPrototype }: ValueTags): Plan {
  const cells = tag.columns!.map((column) => {
    const nested = column.prototype && byPrototype.get(column.prototype);
    const plan = nested?.columns && planOf(nested, { byPrototype } as ValueTags);
    const isOpen = column.kind === "other" || (column.kind === "value" && !(plan && plan.open.length === 0));
    return { ...column, plan, kind: isOpen ? ("other" as const) : column.kind };
  });
  return { tag, cells, open: cells.flatMap(({ kind }, index) => (kind === "other" ? [index] : [])) };
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

/** Stands for a value that is not what its field is declared as. */
const misfit = Symbol("misfit");

/** One array of instances, on the way to be a table. */
class TableWriter {
  readonly #encoder: Encoder;
  readonly #table: Place;
  /** The instances in it, nested ones too. */
  readonly #met: object[] = [];
  #nodes = 0;
  #text = 0;

  private constructor(encoder: Encoder, table: Place) {
    this.#encoder = encoder;
    this.#table = table;
  }

  static write(
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
    const table = new Place(above, key, node("table", content), [], tag);
    const inside = new Place(new Place(table, valueKey, content, []), "rows", content.rows, undefined);
    const writer = new TableWriter(encoder, table);
    const rows: Place[] = [];
    for (let index = 0; index < items.length; index++) {
      const row = writer.#row(items[index], plan, inside, index);
      if (!row) {
        for (const instance of writer.#met) encoder.places.delete(instance);
        return undefined;
      }
      content.rows.push(row.container);
      rows.push(row);
    }
    for (const type of types) encoder.types.add(type);
    encoder.places.set(items, table);
    encoder.budget.depth(inside.depth + 1);
    encoder.budget.json(content.columns, inside.depth);
    encoder.budget.nodes(writer.#nodes + 6);
    encoder.budget.text(writer.#text);
    table.isLeft = plan.open.length === 0;
    if (table.isLeft) return { container: table.container, rows: undefined };
    const walk = new Place(inside.parent, "rows", content.rows, undefined);
    walk.rows = rows;
    return { container: table.container, rows: walk };
  }

  #row(instance: unknown, plan: Plan, above: Place, key: number): Place | undefined {
    const { places } = this.#encoder;
    const { tag, cells, open } = plan;
    if (typeof instance !== "object" || instance === null) return undefined;
    if (Object.getPrototypeOf(instance) !== tag.prototype || places.has(instance)) return undefined;
    if (tag.holdsOnly && !tag.holdsOnly(instance)) return undefined;
    const row: unknown[] = [];
    const place = new Place(above, key, row, open, tag);
    place.table = this.#table;
    place.isLeft = open.length === 0;
    places.set(instance, place);
    this.#met.push(instance);
    this.#nodes += cells.length + 1;
    for (let index = 0; index < cells.length; index++) {
      const cell = cells[index]!;
      const written = this.#cell(cell, (instance as Record<string, unknown>)[cell.name], place, index);
      if (written === misfit) return undefined;
      row.push(written);
    }
    return place;
  }

  #cell(cell: Plan["cells"][number], value: unknown, row: Place, index: number): unknown {
    const { kind } = cell;
    if (kind === "other") return value;
    if (value === undefined) return cell.optional ? null : misfit;
    if (kind === "value") return this.#row(value, cell.plan!, row, index)?.container ?? misfit;
    if (kind === "datetime") return timeOf(value);
    if (typeof value !== kind) return misfit;
    if (kind === "bigint") return bigintTag.write(value as bigint, this.#encoder.writing);
    if (kind === "string") this.#text += (value as string).length;
    return kind === "number" && needsTag(value as number) ? misfit : value;
  }
}

/** A Date's milliseconds; `"NaN"` for an invalid one. */
function timeOf(value: unknown): unknown {
  const isDate =
    typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Date.prototype;
  if (!isDate || Object.keys(value).length > 0 || hasSymbols(value)) return misfit;
  const time = Date.prototype.getTime.call(value);
  return Number.isNaN(time) ? "NaN" : time;
}
