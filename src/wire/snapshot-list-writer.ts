/** Snapshots of rows of one model, written as one list: the tag `snapshots`. Reading it is in `row-list-reader.ts`. @module */
import { cellOfDate, isPlainDate } from "./date-cell.ts";
import type { Encoder } from "./encoder.ts";
import { Distinct, endList, isNew } from "./distinct.ts";
import { Place } from "./place.ts";
import { hasSymbols } from "./plain.ts";
import { areOf } from "./reference-list-writer.ts";
import { Snapshot } from "./snapshot.ts";
import { node, valueKey, type List } from "./tag.ts";
import { bigintTag } from "./tags/bigint.ts";
import { snapshotTag } from "./tags/snapshot.ts";

/** What all values of a column are, null apart; `""` where they are not alike, or need no saying. */
type Kind = "" | "datetime" | "bigint";

/** Writes them, if they have the same columns in the same order; otherwise undefined, and nothing has happened. */
export function writeSnapshots(
  given: readonly unknown[],
  above: Place,
  key: string | number,
  encoder: Encoder,
): List | undefined {
  const items = given as readonly Snapshot[];
  const [{ model, fields }] = items as readonly [Snapshot];
  if (encoder.context.dialect.refusal("snapshots", undefined) !== undefined) return undefined;
  if (!areOf(items, Snapshot.prototype, model, encoder)) return undefined;
  const names = Object.keys(fields);
  if (!haveColumns(items, names)) return undefined;
  // A cell cannot be left out, as a property can.
  const { omitsUndefined } = encoder.context.dialect;
  if (omitsUndefined && items.some(({ fields }) => Object.values(fields).includes(undefined)))
    return undefined;
  if (!areNew(items, encoder)) return undefined;
  const isKeyFirst = items.every(({ pk, fields }) => Object.is(pk, Object.values(fields)[0]));
  const keyed = isKeyFirst ? { key: names[0] } : {};
  const columns = isKeyFirst ? names.slice(1) : names;
  const kinds = columns.map((name) => kindOf(items, name));
  const rows = items.map((item) => {
    const { pk } = snapshotTag.write(item, encoder.writing) as { pk: unknown };
    const cells = columns.map((name, index) => cellOf((item.fields as Row)[name], kinds[index]!, encoder));
    return [pk, ...cells];
  });
  const written = columns.map((name, index) => (kinds[index] === "" ? name : [name, kinds[index]]));
  const content = { model, ...keyed, columns: written, rows };
  const list = new Place(above, key, node("snapshots", content), [], snapshotTag);
  const place = new Place(new Place(list, valueKey, content, []), "rows", rows, undefined);
  const open = kinds.flatMap((kind, index) => (kind === "" ? [index + 1] : []));
  place.open = { tag: snapshotTag, columns: [0, ...open] };
  encoder.places.set(items, list);
  encoder.budget.depth(place.level + 1);
  encoder.budget.json({ ...keyed, columns: written }, place.level - 1);
  encoder.budget.nodes(rows.length * (columns.length + 2) + 4);
  return { container: list.container, rows: place };
}

type Row = Readonly<Record<string, unknown>>;

function haveColumns(items: readonly Snapshot[], columns: readonly string[]): boolean {
  if (columns.includes("__proto__")) return false;
  return items.every(({ fields }) => {
    const names = Object.keys(fields);
    const areTheSame =
      names.length === columns.length && names.every((name, index) => name === columns[index]);
    return areTheSame && !hasSymbols(fields);
  });
}

/** Whether none of them is in the payload already: there could be no pointer to a row. */
function areNew(items: readonly Snapshot[], encoder: Encoder): boolean {
  const met = new Distinct();
  const all = items.every((item) => isNew(item, encoder) && met.add(item, NaN));
  if (all) endList(met, encoder);
  return all;
}

function kindOf(items: readonly Snapshot[], name: string): Kind {
  let kind: Kind = "";
  for (const { fields } of items) {
    const value = (fields as Row)[name];
    if (value === null) continue;
    const one = typeof value === "bigint" ? "bigint" : isPlainDate(value) ? "datetime" : undefined;
    if (one === undefined || (kind !== "" && one !== kind)) return "";
    kind = one;
  }
  return kind;
}

function cellOf(value: unknown, kind: Kind, encoder: Encoder): unknown {
  if (kind === "" || value === null) return value;
  if (kind === "bigint") return bigintTag.write(value as bigint, encoder.writing);
  return cellOfDate(value as Date);
}
