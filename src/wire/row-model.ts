/**
 * Which model a row is of. Where one class is a model of several connections, its instances may not know which of them
 * they are of: to take one would send another row.
 *
 * @module
 */
import type { WireModels } from "./stored-rows.ts";

/** A model that a row may be of. */
export interface RowModel {
  readonly adapter: WireModels;
  readonly model: string;
}

/** The models that a row may be of, each connection's for itself; one where the row knows, none where it is no row. */
export function modelsOf(row: object, adapters: readonly WireModels[]): readonly RowModel[] {
  return adapters.flatMap((adapter) => {
    const model = adapter.modelOf?.(row);
    return model === undefined ? [] : [{ adapter, model }];
  });
}

/** What to write instead. */
export function whichOf(one: RowModel, others: readonly RowModel[]): string {
  const { model } = one;
  const { connection } = one.adapter;
  const all = [one, ...others].map(
    (each) => `${each.model} of ${each.adapter.connection ?? "the one without a name"}`,
  );
  const form =
    connection === undefined || others.some((other) => other.model !== model)
      ? `app.ref(${JSON.stringify(model)}, key)`
      : `ref(${model.split(".").at(-1)}, row, { connection: ${JSON.stringify(connection)} })`;
  return `it does not know which: ${all.join(", ")}. Say it: ${form}`;
}
