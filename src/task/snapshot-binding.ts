/** What the snapshots of a payload can do with the databases of an app. @module */
import type { OrmAdapter } from "../model/adapter.ts";
import { findModel } from "../model/registry.ts";
import { bindingOf, type UnknownFields } from "../model/snapshot.ts";
import type { SnapshotBinding } from "../wire/snapshot.ts";

/** Undefined for snapshots of models that are not known here, which are data all the same. */
export function snapshotBinding(
  name: string,
  adapters: readonly OrmAdapter[],
  unknownFields: UnknownFields,
): SnapshotBinding | undefined {
  const known = adapters.filter(({ models }) => models.some((model) => model.name === name));
  if (known.length === 0) return undefined;
  const bound = (): SnapshotBinding => bindingOf(findModel(adapters, name), unknownFields);
  if (known.length === 1) return bound();
  // Of several connections it does not say which: what it holds can be read, and nothing else.
  return {
    entityOf: (snapshot) => bound().entityOf(snapshot),
    save: async (snapshot, within) => bound().save(snapshot, within),
    diff: (snapshot, row) => bound().diff(snapshot, row),
  };
}
