/**
 * An OrmAdapter without a database, for tests of what lies above it.
 *
 * @module
 */
import { PetioleError } from "../errors.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { Observers } from "../model/observer.ts";
import { type Key, type KeyPart, identityOf } from "../model/ref.ts";
import { registerModel } from "../model/registry.ts";

/** Name to the class, and the attributes of its key. */
export type StubModels = Readonly<Record<string, readonly [target: object, key: readonly string[]]>>;

/** Transactions of a database in memory that takes any number at once, as PostgreSQL does, and its log. */
export function stubTransactions(): {
  readonly database: object;
  readonly log: readonly string[];
  readonly overrides: Partial<OrmAdapter>;
} {
  const database = { name: "database" };
  const log: string[] = [];
  const observers = new Observers();
  const transactions = new WeakMap<object, object>();
  let count = 0;
  const overrides: Partial<OrmAdapter> = {
    database,
    owns: (handle) => handle === database || transactions.has(handle as object),
    isTransaction: (handle) => transactions.has(handle),
    transactionOf: (handle) => transactions.get(handle),
    observe: (observer) => observers.add(observer),
    transaction: (handle, run) =>
      observers.around(
        transactions.get(handle as object),
        async (work) => {
          const number = ++count;
          log.push(`begin ${number}`);
          try {
            const result = await work({ number });
            log.push(`commit ${number}`);
            return result;
          } catch (error) {
            log.push(`rollback ${number}`);
            throw error;
          }
        },
        run,
        (transaction, opened) => void transactions.set(opened, transaction),
      ),
  };
  return { database, log, overrides };
}

/** An adapter over rows in memory, registered as a real one is; `overrides` replaces parts of it. */
export function stubAdapter(
  models: StubModels,
  rows: Readonly<Record<string, readonly object[]>> = {},
  overrides: Partial<OrmAdapter> = {},
): OrmAdapter {
  const attributesOf = (model: string): readonly string[] => models[model]?.[1] ?? [];
  const keyOf = (model: string, row: object): Key | undefined => {
    const parts = attributesOf(model).map(
      (name) => [name, Reflect.get(row, name) as KeyPart | undefined] as const,
    );
    if (parts.some(([, part]) => (part ?? undefined) === undefined)) return undefined;
    return parts.length === 1 ? parts[0]?.[1] : (Object.fromEntries(parts) as Key);
  };
  const observers = new Observers();
  const adapter: OrmAdapter = {
    name: "stub",
    capabilities: { recognisesRows: false, lacks: { sql: "it has no database" }, serialTransactions: false },
    database: {},
    models: Object.entries(models).map(([name, [target, key]]) => ({ name, target, key })),
    async load(model, keys) {
      const asked = new Set(keys.map((key) => identityOf(model, key)));
      return (rows[model] ?? []).filter((row) => asked.has(identityOf(model, keyOf(model, row) ?? "")));
    },
    keyOf,
    fieldsOf: (_model, row) => ({ ...row }),
    modelOf: () => undefined,
    entityOf: (_model, fields) => ({ ...fields }),
    save: (model) => Promise.reject(new PetioleError("ERR_MODEL_UNSUPPORTED", `stub: ${model} is not saved`)),
    owns: () => false,
    transactionOf: () => undefined,
    isTransaction: () => false,
    transaction: (handle, run) => run(handle),
    observe: (observer) => observers.add(observer),
    ...overrides,
  };
  for (const model of adapter.models) registerModel(model, adapter);
  return adapter;
}
