/**
 * Listening to a DataSource: its subscribers, and its functions that run something in a transaction.
 *
 * @module
 */
import type { Observers } from "../../model/observer.ts";
import type { Entities } from "./entities.ts";
import type { DataSourceLike } from "./like.ts";
import { saveSubscriber } from "./saves.ts";
import { Transactions } from "./transactions.ts";

/** What is told of a DataSource. */
export class Listening {
  readonly observers: Observers;
  readonly transactions: Transactions;
  readonly #dataSource: DataSourceLike;
  readonly #entities: Entities;
  #started = false;

  constructor(observers: Observers, dataSource: DataSourceLike, entities: Entities) {
    this.observers = observers;
    this.#dataSource = dataSource;
    this.#entities = entities;
    this.transactions = new Transactions(observers);
  }

  /** Begins to listen, once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    const dataSource = this.#dataSource;
    const entities = this.#entities;
    this.transactions.instrument(dataSource);
    const subscriber = {
      ...this.transactions.subscriber,
      ...saveSubscriber(this.observers, this.transactions, this.#entities),
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
        entities.check();
        return result;
      },
    });
  }
}
