/**
 * Transactions as TypeORM tells of them, of each query runner: those of the app, those that are begun by hand, and
 * those that TypeORM begins by itself to save an entity.
 *
 * @module
 */
import type { Observers, TransactionEnding } from "../../model/observer.ts";
import { runnerOf } from "./handle.ts";
import type { DataSourceLike, EntityManagerLike, QueryRunnerLike } from "./like.ts";

/** What TypeORM tells its subscribers about a transaction. */
interface TransactionEvent {
  readonly dataSource: DataSourceLike;
  readonly queryRunner: QueryRunnerLike;
  readonly manager: EntityManagerLike;
}

/** A transaction or a savepoint that is open. */
interface Scope {
  readonly transaction: object;
  /** 1 for a transaction, 2 for a savepoint in it. */
  readonly depth: number;
  /** Whether it is a call of `transaction(…)`, which ends it. */
  isCall: boolean;
  /** Why an observer rejected the commit. */
  failure?: { readonly error: unknown };
}

/** The open transactions of one DataSource that were seen to begin. */
export class Transactions {
  readonly #observers: Observers;
  /** The outermost first. A runner has one transaction at a time. */
  readonly #scopes = new WeakMap<QueryRunnerLike, Scope[]>();
  readonly #instrumented = new WeakSet<EntityManagerLike>();

  constructor(observers: Observers) {
    this.#observers = observers;
    own.add(this.subscriber.beforeTransactionCommit);
    own.add(this.subscriber.beforeTransactionRollback);
  }

  /** What stands for the transaction that a handle is of. */
  of(handle: object): object | undefined {
    const runner = runnerOf(handle);
    return runner && this.#scopes.get(runner)?.at(-1)?.transaction;
  }

  /** The part of a TypeORM subscriber that is about transactions. */
  readonly subscriber = {
    afterTransactionStart: ({ queryRunner, manager }: TransactionEvent): void => {
      if (this.#observers.size === 0) return;
      this.#instrument(manager);
      const depth = depthOf(queryRunner);
      const scopes = this.#scopes.get(queryRunner) ?? [];
      this.#scopes.set(queryRunner, scopes);
      // Those of a transaction that ended without a word: its connection was lost.
      for (const lost of scopes.splice(scopes.findLastIndex((each) => each.depth < depth) + 1).toReversed()) {
        this.#observers.rolledBack(lost.transaction);
      }
      const parent = scopes.at(-1)?.transaction;
      const scope: Scope = { transaction: {}, depth, isCall: false };
      scopes.push(scope);
      this.#observers.begun({ transaction: scope.transaction, parent, handle: manager });
    },

    beforeTransactionCommit: (event: TransactionEvent): Promise<void> | undefined =>
      this.#ending(event, "commit"),

    beforeTransactionRollback: (event: TransactionEvent): Promise<void> | undefined =>
      this.#ending(event, "rollback"),

    afterTransactionCommit: async ({ queryRunner }: TransactionEvent): Promise<void> => {
      for (const scope of this.#ended(queryRunner, depthOf(queryRunner))) {
        try {
          await this.#observers.committed(scope.transaction);
        } catch (error) {
          // TypeORM would answer with a rollback: of nothing, or, after a savepoint, of what it is in.
          if (!scope.isCall) throw error;
          scope.failure = { error };
        }
      }
    },

    afterTransactionRollback: ({ queryRunner }: TransactionEvent): void => {
      for (const scope of this.#ended(queryRunner, depthOf(queryRunner))) {
        this.#observers.rolledBack(scope.transaction);
      }
    },
  };

  /** Has the callbacks of `transaction(…)` run inside, on this DataSource and on every entity manager that it makes. */
  instrument(dataSource: DataSourceLike): void {
    this.#instrument(dataSource.manager);
    const create = dataSource.createEntityManager;
    const instrument = (manager: EntityManagerLike): EntityManagerLike => this.#instrument(manager);
    Object.assign(dataSource, {
      createEntityManager(this: DataSourceLike, ...parameters: [never]): EntityManagerLike {
        return instrument(create.apply(this, parameters));
      },
    });
  }

  #instrument(manager: EntityManagerLike): EntityManagerLike {
    if (this.#instrumented.has(manager)) return manager;
    this.#instrumented.add(manager);
    const original = manager.transaction as (...parameters: unknown[]) => Promise<unknown>;
    const around = this.#around.bind(this);
    Object.assign(manager, {
      transaction(this: EntityManagerLike, ...parameters: unknown[]): Promise<unknown> {
        const at = parameters.findIndex((parameter) => typeof parameter === "function");
        const work = parameters[at] as Work | undefined;
        if (work === undefined) return original.apply(this, parameters);
        return around((inside) => original.apply(this, parameters.with(at, inside)), work);
      },
    });
    return manager;
  }

  async #around(begin: (work: Work) => Promise<unknown>, work: Work): Promise<unknown> {
    let scope: Scope | undefined;
    let runner: QueryRunnerLike | undefined;
    let result: unknown;
    try {
      result = await begin((manager) => {
        runner = manager.queryRunner;
        scope = runner && this.#scopes.get(runner)?.at(-1);
        if (scope === undefined) return work(manager);
        scope.isCall = true;
        return this.#observers.inside(scope.transaction, () => work(manager));
      });
    } catch (error) {
      // Of a rollback that fails, as one does on a lost connection, TypeORM tells nothing.
      if (scope !== undefined && runner !== undefined && this.#scopes.get(runner)?.includes(scope) === true) {
        for (const open of this.#ended(runner, scope.depth - 1)) this.#observers.rolledBack(open.transaction);
      }
      throw error;
    }
    if (scope?.failure !== undefined) throw scope.failure.error;
    return result;
  }

  #ending(
    { queryRunner, dataSource }: TransactionEvent,
    outcome: TransactionEnding["outcome"],
  ): Promise<void> | undefined {
    const transaction = this.#scopes.get(queryRunner)?.at(-1)?.transaction;
    if (transaction === undefined) return undefined;
    return this.#observers.ending({ transaction, outcome, isSealed: !hasHooks(dataSource, outcome) });
  }

  /** Takes those that ended when a runner came back to this depth, the innermost first. */
  #ended(runner: QueryRunnerLike, depth: number): readonly Scope[] {
    const scopes = this.#scopes.get(runner);
    if (scopes === undefined) return [];
    return scopes.splice(scopes.findLastIndex((each) => each.depth <= depth) + 1).toReversed();
  }
}

/** What is called before an end for adapters, and not for the user. */
const own = new WeakSet<object>();

/** Whether a subscriber of the user's is called before the end: in the transaction still. */
function hasHooks({ subscribers }: DataSourceLike, outcome: TransactionEnding["outcome"]): boolean {
  const name = outcome === "commit" ? "beforeTransactionCommit" : "beforeTransactionRollback";
  return subscribers.some((subscriber) => {
    const hook: unknown = Reflect.get(subscriber as object, name);
    return typeof hook === "function" && !own.has(hook);
  });
}

type Work = (manager: EntityManagerLike) => Promise<unknown>;

/** How many transactions and savepoints a runner has open: its own count, which its types keep to themselves. */
function depthOf(runner: QueryRunnerLike): number {
  const depth: unknown = Reflect.get(runner, "transactionDepth");
  return typeof depth === "number" ? depth : Number(runner.isTransactionActive);
}
