/**
 * What a user may hold as handle: the ORM, its entity managers and their forks, the driver's transaction itself.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";
import type { OrmCapabilities, SqlDialect } from "../../model/adapter.ts";
import type { TransactionWatch } from "./watch.ts";
import type { ContextLike, ManagerLike } from "./types.ts";

/** The connection of an adapter, and what is asked of its handles. */
export class Handles {
  readonly manager: ManagerLike;
  readonly watch: TransactionWatch;
  readonly #orm: object | undefined;

  constructor(connection: object, watchOf: (manager: ManagerLike) => TransactionWatch) {
    const manager = managerOf(connection);
    if (manager === undefined) {
      throw new PetioleError(
        "ERR_MODEL_DEFINITION",
        "mikroOrm: the first argument must be what MikroORM.init() gave, or its EntityManager",
      );
    }
    this.manager = manager;
    this.#orm = isManager(connection) ? undefined : connection;
    this.watch = watchOf(manager);
  }

  /** See `OrmAdapter.owns`. */
  owns(handle: unknown): handle is object {
    if (typeof handle !== "object" || handle === null) return false;
    return this.managerOf(handle) !== undefined || this.watch.knows(handle);
  }

  /** The entity manager that a handle is or has; undefined for another connection's, and for a transaction itself. */
  managerOf(handle: object): ManagerLike | undefined {
    const manager = handle === this.#orm ? this.manager : managerOf(handle);
    return manager?.getDriver() === this.manager.getDriver() ? manager : undefined;
  }

  /** What a handle's transaction runs on; undefined when it is of none. */
  contextOf(handle: object): ContextLike | undefined {
    if (this.watch.knows(handle)) return handle;
    const manager = this.managerOf(handle);
    return manager === this.manager ? this.#contextAround() : manager?.getTransactionContext();
  }

  /**
   * What the transaction of a handle runs on; undefined without a handle.
   *
   * @throws PetioleError `ERR_TRANSACTION_UNSUPPORTED` when the handle is of no transaction of this connection, or
   * when there is none and it would be waited for the one that the caller has open
   */
  contextToUse(handle: object | undefined, capabilities: OrmCapabilities): ContextLike | undefined {
    if (handle === undefined) {
      if (capabilities.serialTransactions) this.#refuseWaiting();
      return undefined;
    }
    const context = this.owns(handle) ? this.contextOf(handle) : undefined;
    if (context !== undefined) return context;
    throw new PetioleError(
      "ERR_TRANSACTION_UNSUPPORTED",
      "mikroOrm: `transaction` is not an open transaction of this adapter's ORM. Give the entity manager that " +
        "em.transactional() called its function with, or one after its em.begin()",
    );
  }

  /** Runs `run` with MikroORM's own `transactional`. */
  transactional<Result>(handle: unknown, run: (transaction: unknown) => Promise<Result>): Promise<Result> {
    if (!this.owns(handle)) {
      throw new PetioleError(
        "ERR_TRANSACTION_UNSUPPORTED",
        "mikroOrm: the handle is not this adapter's ORM or an entity manager of it",
      );
    }
    const manager = this.managerOf(handle);
    const isOver =
      manager === this.manager &&
      manager.getTransactionContext() !== undefined &&
      this.#contextAround() === undefined;
    if (manager !== undefined && !isOver) return manager.transactional(run);
    const fork = this.manager.fork({ clear: true, disableContextResolution: true });
    if (this.watch.knows(handle)) fork.setTransactionContext(handle);
    return fork.transactional(run);
  }

  /**
   * What the transaction runs on that MikroORM finds by itself around this call. It finds also one that is over, in
   * what was begun inside and goes on after it.
   */
  #contextAround(): ContextLike | undefined {
    const context = this.manager.getTransactionContext();
    return context?.isCommitted === true || context?.isRolledBack === true ? undefined : context;
  }

  #refuseWaiting(): void {
    if (this.#contextAround() === undefined) return;
    throw new PetioleError(
      "ERR_TRANSACTION_UNSUPPORTED",
      "mikroOrm: this would wait forever: it is called inside a transaction that holds the only connection, and is " +
        "to be done outside of it. Give the transaction: { transaction: em }",
    );
  }
}

/** What differs between connections. */
export function capabilitiesOf(manager: ManagerLike, dialect: SqlDialect | undefined): OrmCapabilities {
  const { config } = manager;
  const transactionRefused =
    config.get("disableTransactions") === true
      ? "`disableTransactions` is set in the ORM's configuration: take it out"
      : undefined;
  return {
    recognisesRows: "instances",
    serialTransactions: dialect === "sqlite" || config.get("pool")?.max === 1,
    lacks: {
      ...(transactionRefused === undefined
        ? {}
        : { transaction: transactionRefused, ownTransaction: transactionRefused }),
      ...((config.get("replicas") ?? []).length > 0
        ? {}
        : { replica: "The ORM has no replicas: give MikroORM.init() `replicas`, or leave out `from`" }),
      ...(dialect === undefined
        ? { sql: "SQL is written for SQLite, PostgreSQL and MySQL: use the buffered way of sending" }
        : {}),
    },
  };
}

function managerOf(handle: object): ManagerLike | undefined {
  if (isManager(handle)) return handle;
  if (typeof handle !== "object" || handle === null) return undefined;
  const manager: unknown = Reflect.get(handle, "em");
  return isManager(manager) ? manager : undefined;
}

function isManager(value: unknown): value is ManagerLike {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "getDriver") === "function" &&
    typeof Reflect.get(value, "getTransactionContext") === "function"
  );
}
