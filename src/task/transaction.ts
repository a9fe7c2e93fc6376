/**
 * Sending in a transaction, *buffered*: what is enqueued inside waits in memory for the outermost commit.
 * It is never sent before the commit or after a rollback, and lost only if the process dies in between.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Engine, Outgoing } from "../engine.ts";
import { PetioleError } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";

/** What has become of a send. */
export interface Sending {
  state: "held" | "sent" | "dropped";
}

interface Held {
  readonly outgoing: Outgoing;
  readonly sending: Sending;
}

/** One transaction or savepoint. */
class Scope {
  readonly parent: Scope | undefined;
  /** The handle that the outermost transaction was begun on. */
  readonly root: object;
  /** After `merged`, what is enqueued late belongs to the parent. */
  state: "open" | "merged" | "committed" | "rolled back" = "open";
  held: Held[] = [];

  constructor(parent: Scope | undefined, root: object) {
    this.parent = parent;
    this.root = root;
  }
}

/** The transactions of one app. */
export class Transactions {
  readonly #engine: Engine;
  readonly #adapters: readonly OrmAdapter[];
  readonly #scopes = new AsyncLocalStorage<Scope>();
  /** The last of the outermost transactions on a handle that takes one at a time. */
  readonly #last = new WeakMap<object, Promise<void>>();

  constructor(engine: Engine, adapters: readonly OrmAdapter[]) {
    this.#engine = engine;
    this.#adapters = adapters;
  }

  /** Sends now, or holds until the transaction that this is called in commits. */
  async send(batch: readonly Outgoing[]): Promise<Sending> {
    let scope = this.#scopes.getStore();
    while (scope?.state === "merged") scope = scope.parent;
    if (scope?.state === "rolled back") {
      throw new PetioleError(
        "ERR_TRANSACTION_CLOSED",
        `Task ${batch[0]?.message.task} was enqueued in a transaction after that was rolled back; nothing was sent. ` +
          "Await what the transaction starts before it ends.",
      );
    }
    if (scope?.state !== "open") {
      await this.#engine.send(batch);
      return { state: "sent" };
    }
    const sending: Sending = { state: "held" };
    scope.held.push(...batch.map((outgoing) => ({ outgoing, sending })));
    return sending;
  }

  /** See `Petiole.transaction`. */
  async run<Result>(handle: object, work: (transaction: unknown) => Promise<Result>): Promise<Result> {
    const adapter = this.#adapters.find((candidate) => candidate.owns(handle));
    if (!adapter) {
      throw new PetioleError(
        "ERR_TRANSACTION_UNSUPPORTED",
        "app.transaction() was given a handle that no adapter in `models` knows: give it the database (or the " +
          "transaction) that one of them was made with.",
      );
    }
    const { transactionRefused, serialTransactions } = adapter.capabilities;
    if (transactionRefused !== undefined) {
      throw new PetioleError("ERR_TRANSACTION_UNSUPPORTED", transactionRefused);
    }
    const enclosing = this.#scopes.getStore();
    const parent = enclosing?.state === "open" ? enclosing : undefined;
    if (!serialTransactions || (parent && parent.root !== handle))
      return this.#inside(adapter, handle, parent, work);
    if (parent) {
      throw new PetioleError(
        "ERR_TRANSACTION_UNSUPPORTED",
        "app.transaction() was called on a database inside a transaction of that same database, which takes one " +
          "at a time and would wait for itself: give it the transaction, app.transaction(tx, …), for a savepoint.",
      );
    }
    return this.#inTurn(handle, () => this.#inside(adapter, handle, undefined, work));
  }

  /** Begins once the outermost transactions that were asked for before, on the same handle, are over. */
  async #inTurn<Result>(handle: object, run: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(handle);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(handle, promise);
    try {
      await before;
      return await run();
    } finally {
      resolve();
    }
  }

  async #inside<Result>(
    adapter: OrmAdapter,
    handle: object,
    parent: Scope | undefined,
    work: (transaction: unknown) => Promise<Result>,
  ): Promise<Result> {
    const scope = new Scope(parent, parent?.root ?? handle);
    let result: Result;
    try {
      result = await adapter.transaction(handle, (transaction) =>
        this.#scopes.run(scope, () => work(transaction)),
      );
    } catch (error) {
      scope.state = "rolled back";
      for (const { sending } of scope.held) sending.state = "dropped";
      throw error;
    }
    if (parent?.state === "open") {
      scope.state = "merged";
      parent.held.push(...scope.held);
    } else {
      scope.state = "committed";
      await this.#flush(scope.held);
    }
    return result;
  }

  async #flush(held: readonly Held[]): Promise<void> {
    if (held.length === 0) return;
    try {
      await this.#engine.send(held.map(({ outgoing }) => outgoing));
    } catch (cause) {
      for (const { sending } of held) sending.state = "dropped";
      const tasks = held
        .map(({ outgoing }) => `${outgoing.message.task} (${outgoing.message.id})`)
        .join(", ");
      throw new PetioleError(
        "ERR_TASK_NOT_SENT",
        `The transaction was committed, but what was enqueued in it could not be sent: ${tasks}. See the cause; ` +
          "enqueue them again.",
        { cause },
      );
    }
    for (const { sending } of held) sending.state = "sent";
  }
}
