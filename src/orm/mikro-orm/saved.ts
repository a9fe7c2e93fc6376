/**
 * Tells of saved rows, from MikroORM's own events.
 *
 * @module
 */
import type { Observers, SaveOperation } from "../../model/observer.ts";
import { keyIn } from "./fields.ts";
import { type MikroOrmModel, columnsOf } from "./model.ts";
import type { ManagerLike, MetadataLike } from "./types.ts";

/** What an event brings. */
interface SaveEventLike {
  readonly entity: object;
  readonly em: ManagerLike;
  /** Of the statement's table. */
  readonly meta: MetadataLike;
  /** The row as it was; the same object in the events of one entity's several tables. */
  readonly changeSet?: { readonly originalEntity?: object };
}

/** What an adapter knows about rows. */
export interface SavedModels {
  readonly byName: ReadonlyMap<string, MikroOrmModel>;
  modelOf(row: object): string | undefined;
  transactionOf(manager: ManagerLike): object | undefined;
}

/** Subscribes to the events of an ORM: of its entity managers that there are, and of those to come. */
export function subscribe(manager: ManagerLike, observers: Observers, models: SavedModels): void {
  const repetitions = new Repetitions();
  const told = (operation: SaveOperation) => async (event: SaveEventLike) => {
    if (observers.size === 0 || repetitions.has(operation, event)) return;
    const { entity, em } = event;
    const model = models.byName.get(models.modelOf(entity) ?? "");
    if (model === undefined) return;
    await observers.saved({
      operation,
      model: model.name,
      key: keyIn(model, entity),
      row: operation === "insert" || isWhole(model, entity) ? entity : undefined,
      transaction: models.transactionOf(em),
    });
  };
  const subscriber = {
    beforeFlush: ({ em }: Pick<SaveEventLike, "em">) => repetitions.forget(em),
    afterCreate: told("insert"),
    afterUpdate: told("update"),
    afterUpsert: told("update"),
    afterDelete: told("delete"),
  };
  manager.getEventManager().registerSubscriber(subscriber);
  // For the entity managers that are forked with an event manager of their own.
  manager.config.get("subscribers").push(subscriber);
}

/** Knows the further events of one write. */
class Repetitions {
  readonly #inserted = new WeakMap<ManagerLike, WeakSet<object>>();
  readonly #updated = new WeakSet<object>();

  /** A flush begins. */
  forget(manager: ManagerLike): void {
    this.#inserted.delete(manager);
  }

  /** Whether an event is one of them. */
  has(operation: SaveOperation, { em, entity, meta, changeSet }: SaveEventLike): boolean {
    if (changeSet === undefined) return false;
    // New rows that refer to each other are inserted without it, and updated in the same flush.
    const inserted = this.#inserted.get(em) ?? new WeakSet();
    if (operation === "update" && inserted.has(entity)) return true;
    this.#inserted.set(em, inserted);
    // An entity whose class has a table beside its parent's (TPT) is written by a statement for each, with an event
    // for each: of an update, for those only that have changes.
    if (meta.inheritanceType === "tpt") {
      const { originalEntity } = changeSet;
      if (operation !== "update" || originalEntity === undefined) {
        if (meta.class !== (entity.constructor as unknown)) return true;
      } else {
        if (this.#updated.has(originalEntity)) return true;
        this.#updated.add(originalEntity);
      }
    }
    if (operation === "insert") inserted.add(entity);
    return false;
  }
}

/** An entity may have been loaded in part, or be a reference that was changed without loading it. */
function isWhole({ meta }: MikroOrmModel, entity: object): boolean {
  return columnsOf(meta).every(({ name, lazy }) => lazy === true || Reflect.get(entity, name) !== undefined);
}
