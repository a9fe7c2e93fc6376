/**
 * storedRows(): what lets references to stored rows, and snapshots of them, travel. Every app has it; a wire of its own is
 * given it among its `values`.
 *
 * @module
 */
import { Lazy } from "./lazy.ts";
import { checkLists } from "./limits.ts";
import { Reference, type Key } from "./reference.ts";
import { writeReferences } from "./reference-list-writer.ts";
import type { RowKinds } from "./registry.ts";
import { referencesForm, snapshotsForm } from "./row-list-reader.ts";
import { modelsOf, whichOf } from "./row-model.ts";
import { Snapshot } from "./snapshot.ts";
import { writeSnapshots } from "./snapshot-list-writer.ts";
import type { Tag } from "./tag.ts";
import { referenceTag } from "./tags/reference.ts";
import { snapshotTag } from "./tags/snapshot.ts";
import { register, type Registered } from "./value-type.ts";

/** What the wire knows of an app's models. An `OrmAdapter` is one. */
export interface WireModels {
  readonly connection?: string;
  readonly capabilities?: { readonly recognisesRows: unknown };
  readonly models: readonly { readonly name: string }[];
  /** The model of a row that knows its own. */
  modelOf?(row: object): string | undefined;
  keyOf?(model: string, row: object): Key | undefined;
}

/** An entry of `values` that lets references, lazy references and snapshots travel. Made by {@link storedRows}. */
export type RowsEntry = Registered;

/**
 * Lets references to stored rows, and snapshots of them, travel through a wire of your own. An app needs none of it.
 *
 * @param adapters - those whose rows may be referred to, and travel as references. With any given, a reference to
 *   another model is refused at the send; with none, every reference passes.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` for what is no array
 *
 * @example
 * const wire = createWire({ values: [storedRows(), Money] });
 * wire.decode(wire.encode(new Reference("qa.Comment", 7))); // the same
 */
export function storedRows(adapters: readonly WireModels[] = []): RowsEntry {
  checkLists({ "storedRows()'s adapters": adapters });
  return {
    [register](registry) {
      const references = { ...referenceTag, writeList: writeReferences } as Tag;
      const snapshots = { ...snapshotTag, writeList: writeSnapshots } as Tag;
      registry.byPrototype.set(Reference.prototype, references);
      registry.byPrototype.set(Lazy.prototype, referenceTag as Tag);
      registry.byPrototype.set(Snapshot.prototype, snapshots);
      registry.byName.set(references.name, references).set(snapshots.name, snapshots);
      registry.forms.set("refs", referencesForm).set("snapshots", snapshotsForm);
      registry.rows = kindsOf(adapters);
    },
  };
}

function kindsOf(adapters: readonly WireModels[]): RowKinds {
  const names = new Set(adapters.flatMap(({ models }) => models.map(({ name }) => name)));
  return {
    isRow: isRowOf(adapters),
    isReference: (value): value is Reference => value instanceof Reference,
    unknownModel(value) {
      const reference = value instanceof Lazy ? value.reference : value;
      if (!(reference instanceof Reference || reference instanceof Snapshot) || names.size === 0)
        return undefined;
      return names.has(reference.model) ? undefined : reference.model;
    },
    referenceTo(row) {
      const [known, ...others] = modelsOf(row, adapters);
      if (known === undefined) return undefined;
      const { adapter, model } = known;
      if (others.length > 0) return [`${model} of one of several connections`, whichOf(known, others)];
      const pk = adapter.keyOf?.(model, row);
      if (pk === undefined)
        return [
          `${model} that was not saved`,
          "it has no key yet: save it first, and send what the database returned",
        ];
      const { connection } = adapter;
      return new Reference(model, pk, connection === undefined ? undefined : { connection });
    },
  };
}

/** Most apps have no adapter that knows plain rows: then no time is spent on asking. */
function isRowOf(adapters: readonly WireModels[]): RowKinds["isRow"] {
  const asked = adapters.filter(({ capabilities }) => capabilities?.recognisesRows === "plain");
  if (asked.length === 0) return undefined;
  return (value) => asked.some((adapter) => adapter.modelOf?.(value) !== undefined);
}
