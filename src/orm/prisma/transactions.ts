/**
 * The client's `$transaction`, so that it tells of each transaction that it begins.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Observers } from "../../model/observer.ts";
import { rootOf, scopeOf } from "./client.ts";

/** `$transaction`, of a client or of one of its transactions. */
type TransactionFunction = (this: object, work: unknown, ...rest: readonly unknown[]) => Promise<unknown>;

/** The transactions of a client that are open. */
export class Transactions {
  readonly #observers: Observers;
  readonly #byHandle = new WeakMap<object, object>();
  /** Prisma's id of a scope is the same in every client of it. */
  readonly #byScope = new Map<string, object>();
  /** Those of each of the database's transactions, the innermost savepoint last. */
  readonly #open = new Map<string, { readonly transaction: object; readonly handle: object }[]>();

  /** What is to be done after the commit of the `$transaction([…])` that the caller is in. */
  readonly #batch = new AsyncLocalStorage<(() => Promise<void>)[]>();

  constructor(observers: Observers) {
    this.#observers = observers;
  }

  /** What stands for the transaction of a client; undefined when it was not seen to begin. */
  of(handle: object): object | undefined {
    return this.#byHandle.get(handle) ?? this.#byScope.get(scopeOf(handle)?.scopeId ?? "");
  }

  /** The innermost that is open of one that Prisma has an id for. */
  innermost(txId: string): { readonly transaction: object; readonly handle: object } | undefined {
    return this.#open.get(txId)?.at(-1);
  }

  /** Does something after the commit of the `$transaction([…])` that the caller is in; never if that fails. */
  async afterBatch(tell: () => Promise<void>): Promise<void> {
    const waiting = this.#batch.getStore();
    if (waiting === undefined) return tell();
    waiting.push(tell);
  }

  /**
   * Makes a client tell of its transactions. One function is replaced, on the client that all extended clients and all
   * clients of transactions come from, so that those are told of whose client was extended before, and savepoints too.
   */
  watch(client: object): void {
    const root = rootOf(client) as { $transaction: TransactionFunction };
    const original = root.$transaction;
    const run = this.#run.bind(this);
    const runBatch = this.#runBatch.bind(this);
    root.$transaction = function (work, ...rest) {
      return typeof work === "function"
        ? run(this, (begun) => original.call(this, begun, ...rest), work as Work)
        : runBatch(() => original.call(this, work, ...rest));
    };
  }

  /** One statement after another, without a function that could be inside: what they wrote is told, and no more. */
  async #runBatch(begin: () => Promise<unknown>): Promise<unknown> {
    if (this.#observers.size === 0) return begin();
    const waiting: (() => Promise<void>)[] = [];
    const result = await this.#batch.run(waiting, begin);
    for (const tell of waiting) await tell();
    return result;
  }

  #run(client: object, begin: (run: Work) => Promise<unknown>, work: Work): Promise<unknown> {
    if (this.#observers.size === 0) return begin(work);
    let end = (): void => undefined;
    return this.#observers.around<object, unknown>(
      this.of(client),
      // Before anybody is told of the commit: what is written meanwhile is in the transaction around it.
      (run) => begin(run).finally(() => end()),
      work,
      (transaction, handle) => {
        end = this.#enter(transaction, handle);
      },
    );
  }

  #enter(transaction: object, handle: object): () => void {
    this.#byHandle.set(handle, transaction);
    const scope = scopeOf(handle);
    if (scope === undefined) return () => undefined;
    const entry = { transaction, handle };
    const open = this.#open.get(scope.txId) ?? [];
    open.push(entry);
    this.#open.set(scope.txId, open);
    this.#byScope.set(scope.scopeId, transaction);
    return () => {
      this.#byScope.delete(scope.scopeId);
      open.splice(open.indexOf(entry), 1);
      if (open.length === 0) this.#open.delete(scope.txId);
    };
  }
}

type Work = (handle: object) => Promise<unknown>;
