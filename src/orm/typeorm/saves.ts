/**
 * Saved rows, as TypeORM tells its subscribers of them.
 *
 * @module
 */
import type { Observers, SaveOperation } from "../../model/observer.ts";
import type { Entity } from "./entity.ts";
import { keyOfRow, valueOf } from "./fields.ts";
import type { EntityMetadataLike, QueryRunnerLike } from "./like.ts";
import type { Transactions } from "./transactions.ts";

/** What TypeORM tells its subscribers about a write. */
interface WriteEvent {
  readonly queryRunner: QueryRunnerLike;
  readonly metadata: EntityMetadataLike;
  /** The entity that was given to `save` or `remove`; the values that were given to a query builder. */
  readonly entity?: object | undefined;
  /** The row as it was before. */
  readonly databaseEntity?: object | undefined;
}

type Write = (event: WriteEvent) => Promise<void> | undefined;

/** The part of a TypeORM subscriber that is about saved rows. */
export interface SaveSubscriber {
  readonly afterInsert: Write;
  readonly afterUpdate: Write;
  readonly afterRemove: Write;
  readonly afterSoftRemove: Write;
  readonly afterRecover: Write;
}

/** Tells observers of the rows of these models. */
export function saveSubscriber(
  observers: Observers,
  transactions: Transactions,
  entityOf: (metadata: EntityMetadataLike) => Entity | undefined,
): SaveSubscriber {
  const inOrder = new Batches();
  const tell = (operation: SaveOperation): Write => {
    return ({ queryRunner, metadata, entity: given, databaseEntity }) => {
      if (observers.size === 0) return undefined;
      const entity = entityOf(metadata);
      if (entity === undefined) return undefined;
      const rows = [given, databaseEntity].filter((row) => row !== undefined && row !== null);
      // A removed entity has lost its key; the row that was there has it.
      const key = rows.map((row) => keyOfRow(entity, row)).find((each) => each !== undefined);
      const row = key === undefined ? undefined : rows.find((each) => isWhole(entity, each));
      const transaction = transactions.of(queryRunner);
      return inOrder.run(queryRunner, () =>
        observers.saved({ operation, model: entity.name, key, row, transaction }),
      );
    };
  };
  return {
    afterInsert: tell("insert"),
    afterUpdate: tell("update"),
    afterRemove: tell("delete"),
    afterSoftRemove: tell("delete"),
    afterRecover: tell("update"),
  };
}

/** Whether a row has all that loading it would give, except what nobody would miss: when it was deleted. */
function isWhole(entity: Entity, row: object): boolean {
  return entity.attributes
    .filter(
      ({ columns: [column], relation }) => relation === undefined && column.isSelect && !column.isDeleteDate,
    )
    .concat(entity.key)
    .every((attribute) => valueOf(attribute, row) !== undefined);
}

/**
 * TypeORM tells of all that one `save` wrote at once, and a transaction is one connection: what is done about each row
 * is done one after another, and ends with the first that fails. What that itself saves is a batch of its own, for it
 * is waited for.
 */
class Batches {
  readonly #open = new WeakMap<QueryRunnerLike, Promise<void>>();

  run(runner: QueryRunnerLike, tell: () => Promise<void>): Promise<void> {
    const before = this.#open.get(runner);
    const told = before === undefined ? tell() : before.then(tell);
    if (before === undefined) queueMicrotask(() => this.#open.delete(runner));
    this.#open.set(runner, told);
    return told;
  }
}
