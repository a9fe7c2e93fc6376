/**
 * Listening to a DataSource: its subscribers, and its functions that run something in a transaction.
 *
 * @module
 */
import type { Observers } from "../../model/observer.ts";
import type { Entity } from "./entity.ts";
import type { DataSourceLike, EntityMetadataLike } from "./like.ts";
import { saveSubscriber } from "./saves.ts";
import { Transactions } from "./transactions.ts";

/** What is told of a DataSource. */
export class Listening {
  readonly observers: Observers;
  readonly transactions: Transactions;
  readonly #dataSource: DataSourceLike;
  readonly #entityOf: (metadata: EntityMetadataLike) => Entity | undefined;
  #started = false;

  constructor(
    observers: Observers,
    dataSource: DataSourceLike,
    entityOf: (metadata: EntityMetadataLike) => Entity | undefined,
  ) {
    this.observers = observers;
    this.#dataSource = dataSource;
    this.#entityOf = entityOf;
    this.transactions = new Transactions(observers);
  }

  /**
   * Begins to listen, once.
   *
   * @param initialised - called each time that the DataSource has been initialised
   */
  start(initialised: () => void): void {
    if (this.#started) return;
    this.#started = true;
    const dataSource = this.#dataSource;
    this.transactions.instrument(dataSource);
    const subscriber = {
      ...this.transactions.subscriber,
      ...saveSubscriber(this.observers, this.transactions, this.#entityOf),
    };
    const subscribe = (): void => {
      // The first of all: when another subscriber throws, TypeORM does not call those after it.
      if (!dataSource.subscribers.includes(subscriber)) dataSource.subscribers.unshift(subscriber);
    };
    subscribe();
    const initialize = dataSource.initialize;
    Object.assign(dataSource, {
      async initialize(this: DataSourceLike): Promise<unknown> {
        const result = await initialize.call(this);
        // TypeORM makes its subscribers anew, from the DataSource's options.
        subscribe();
        initialised();
        return result;
      },
    });
  }
}
