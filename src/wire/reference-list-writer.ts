/** References to rows of one model, written as one list: the tag `refs`. Reading it is in `row-list-reader.ts`. @module */
import { attempt } from "../errors.ts";
import type { Encoder } from "./encoder.ts";
import { Place } from "./place.ts";
import { Reference } from "./reference.ts";
import type { Snapshot } from "./snapshot.ts";
import { isOf, node, type List } from "./tag.ts";
import { referenceTag } from "./tags/reference.ts";

/** Writes references to rows of one model as the tag `refs`. */
export function writeReferences(
  items: readonly unknown[],
  above: Place,
  key: string | number,
  encoder: Encoder,
): List | undefined {
  const { model } = items[0] as Reference;
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
export function areOf(
  items: readonly unknown[],
  prototype: object,
  model: string,
  encoder: Encoder,
): boolean {
  const areAlike = items.every(
    (item) =>
      isOf(item, prototype) &&
      // Those that say more are written one by one.
      (item as Reference).details === undefined &&
      (item as Reference).was === undefined &&
      (item as Reference | Snapshot).model === model,
  );
  return areAlike && encoder.context.registry.rows?.unknownModel(items[0] as object) === undefined;
}
