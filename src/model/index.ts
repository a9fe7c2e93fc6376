/**
 * References to stored rows, and the interface that an ORM's adapter implements.
 *
 * @module petiole/model
 */
export { PetioleError } from "../errors.ts";
export {
  Reference,
  identityOf,
  type Digest,
  type Key,
  type KeyPart,
  type ReferenceDetails,
} from "../wire/reference.ts";
export type {
  LoadOptions,
  ModelDescription,
  OrmAdapter,
  OrmCapabilities,
  OrmFeature,
  OrmSql,
  SqlDialect,
  TableDescription,
  Within,
} from "./adapter.ts";
export { fromDjango, toDjango, type DjangoModel, type DjangoSource, type DjangoType } from "./django.ts";
export { loadReferences, type LoadedRows } from "./loader.ts";
export {
  Observers,
  type OrmObserver,
  type SaveEvent,
  type SaveOperation,
  type TransactionBegun,
  type TransactionEnding,
} from "./observer.ts";
export { ref, type RowOf } from "./ref.ts";
export { registerModel } from "./registry.ts";
export { lazy, snapshot } from "./snapshot.ts";
export { Lazy } from "../wire/lazy.ts";
export { storedRows, type RowsEntry, type WireModels } from "../wire/stored-rows.ts";
export { Snapshot, type FieldChange, type SnapshotBinding } from "../wire/snapshot.ts";
