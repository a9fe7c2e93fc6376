/** The references of one task, and the same as a person would send them. @module */
import { Reference, storedRows } from "petiole/model";
import { createWire } from "petiole/wire";
import { randomNumbers } from "../wire/random.ts";
import { type Table, forEachTable, tables } from "./case.ts";
import { stored } from "./tables.ts";

/** How many references there are to rows of each table: 1,000 together. */
const counts: Readonly<Record<Table, number>> = { questions: 334, answers: 333, comments: 333 };

const random = randomNumbers();

function someIds(count: number): number[] {
  const ids = new Set<number>();
  while (ids.size < count) ids.add(1 + random(stored));
  return [...ids];
}

/** The keys, by table, in no order. */
export const ids = forEachTable((table) => someIds(counts[table]));

const references = forEachTable((table) => ids[table].map((id) => new Reference(tables[table], id)));

/** In the order in which a payload holds them. */
export const allReferences: readonly Reference[] = Object.values(references).flat();

export const wire = createWire({ values: [storedRows()] });
export const text = wire.encode(references);
export const textByHand = JSON.stringify(ids);
