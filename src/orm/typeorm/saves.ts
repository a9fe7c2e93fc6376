/**
 * Saved rows, as TypeORM tells its subscribers of them.
 *
 * @module
 */
import type { Observers, SaveEvent, SaveOperation } from "../../model/observer.ts";
import type { Entities } from "./entities.ts";
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
  /** Undefined where a query builder wrote. */
  readonly entityId?: unknown;
}

/** What TypeORM tells its subscribers about a statement. */
interface QueryEvent {
  readonly queryRunner: QueryRunnerLike;
  readonly query: string;
}

type Write = (event: WriteEvent) => Promise<void> | undefined;

/** The part of a TypeORM subscriber that is about saved rows. */
export interface SaveSubscriber {
  afterQuery(event: QueryEvent): void;
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
  entities: Entities,
): SaveSubscriber {
  const inOrder = new Batches();
  const inserts = new WeakMap<QueryRunnerLike, string>();
  const tell = (operation: SaveOperation): Write => {
    return (event) => {
      if (observers.size === 0) return undefined;
      const { queryRunner, metadata, entity: given, databaseEntity } = event;
      const entity = entities.of(metadata);
      if (entity === undefined) return undefined;
      // A removed entity has lost its key; the row that was there has it.
      const known = (operation === "delete" ? [databaseEntity, given] : [given, databaseEntity]).filter(
        (row) => row !== undefined && row !== null,
      );
      const isGuess = operation === "insert" && isGuessed(entity, event, inserts.get(queryRunner));
      const key = isGuess
        ? undefined
        : known.map((row) => keyOfRow(entity, row)).find((each) => each !== undefined);
      const now = operation === "delete" ? known : [given];
      const row = key === undefined ? undefined : now.find((each) => each && isWhole(entity, each));
      const transaction = transactions.of(queryRunner);
      const saved = { operation, model: entity.name, key, row: row ?? undefined, transaction };
      return inOrder.run(queryRunner, saved, () => observers.saved(saved));
    };
  };
  return {
    afterQuery({ queryRunner, query }) {
      if (observers.size > 0 && query.startsWith("INSERT")) inserts.set(queryRunner, query);
    },
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
 * Whether TypeORM only supposes the key that it gives. After an `upsert` or `orIgnore` it takes that of the row that
 * was inserted last, which may be another's.
 */
function isGuessed({ key }: Entity, { entityId }: WriteEvent, insert: string | undefined): boolean {
  if (entityId !== undefined || insert === undefined) return false;
  const isGenerated = key.some(({ columns: [column] }) => column.isGenerated);
  return isGenerated && /\bON (?:CONFLICT|DUPLICATE KEY)\b|^INSERT (?:OR )?IGNORE\b/.test(insert);
}

/**
 * TypeORM tells of all that one `save` wrote at once, and a transaction is one connection: what is done about each row
 * is done one after another, and ends with the first that fails. What that itself saves is a batch of its own, for it
 * is waited for.
 */
class Batches {
  readonly #open = new WeakMap<QueryRunnerLike, { last: Promise<void>; readonly bulk: Set<string> }>();

  run(
    runner: QueryRunnerLike,
    { key, operation, model }: SaveEvent,
    tell: () => Promise<void>,
  ): Promise<void> {
    const open = this.#open.get(runner);
    const batch = open ?? { last: tell(), bulk: new Set<string>() };
    if (open === undefined) {
      this.#open.set(runner, batch);
      queueMicrotask(() => this.#open.delete(runner));
    } else if (key !== undefined || !batch.bulk.has(`${operation} ${model}`)) {
      batch.last = batch.last.then(tell);
    }
    if (key === undefined) batch.bulk.add(`${operation} ${model}`);
    return batch.last;
  }
}
