/**
 * Save events: which model a write was of, and which row.
 *
 * @module
 */
import type { Observers, SaveEvent } from "../../model/observer.ts";
import { keyFrom } from "./key.ts";
import { type CollectionLike, storedIn } from "./like.ts";
import type { MongooseModel } from "./model.ts";
import type { Sessions } from "./sessions.ts";
import { type Write, type WriteListener, watchModel } from "./writes.ts";

/** Tells the observers of one adapter what is written of its models. */
export class Saves implements WriteListener {
  readonly #models: readonly MongooseModel[];
  readonly #modelOf: (row: object) => MongooseModel | undefined;
  readonly #observers: Observers;
  readonly #sessions: Sessions;

  constructor(
    models: readonly MongooseModel[],
    modelOf: (row: object) => MongooseModel | undefined,
    observers: Observers,
    sessions: Sessions,
  ) {
    this.#models = models;
    this.#modelOf = modelOf;
    this.#observers = observers;
    this.#sessions = sessions;
  }

  /** Listens from now on. */
  watch(): () => void {
    const ends = this.#models.map(({ target }) => watchModel(target, this));
    return () => ends.forEach((end) => end());
  }

  async wrote(collection: CollectionLike, write: Write): Promise<void> {
    for (const model of this.#modelsOf(collection, write))
      await this.#observers.saved(this.#event(model, write));
  }

  #event(model: MongooseModel, { operation, document, known, isWhole, session }: Write): SaveEvent {
    const inTransaction = session?.inTransaction() === true;
    return {
      operation,
      model: model.name,
      key: keyFrom(model, (document && storedIn(document)) ?? known),
      transaction: inTransaction && session ? this.#sessions.transactionOf(session) : undefined,
      // Made when somebody asks for it: of thousands that are inserted at once, perhaps nobody does.
      get row(): object | undefined {
        return isWhole ? (document ?? model.target.hydrate({ ...known })) : undefined;
      },
    };
  }

  /** A document knows its model; of other writes the collection tells, and the discriminator where it has some. */
  #modelsOf(collection: CollectionLike, { document, known }: Write): readonly MongooseModel[] {
    if (document !== undefined) {
      const model = this.#modelOf(document);
      return model === undefined ? [] : [model];
    }
    const models = this.#models.filter(({ target }) => {
      const mapping = target.schema.discriminatorMapping;
      const isAny = mapping === undefined || mapping.isRoot;
      return target.collection === collection && (isAny || known[mapping.key] === mapping.value);
    });
    const children = models.filter(({ target }) => target.schema.discriminatorMapping?.isRoot === false);
    return children.length > 0 ? children : models;
  }
}
