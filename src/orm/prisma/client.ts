/**
 * What a Prisma client says about itself. Much of it is in properties that Prisma's types do not show: each is read
 * here alone, and none is taken for granted.
 *
 * @module
 */
import type { OrmCapabilities, OrmFeature, SqlDialect } from "../../model/adapter.ts";

/** A field of a model, as the client's own description has it. */
export interface FieldLike {
  readonly name: string;
  readonly kind: "scalar" | "enum" | "object" | "unsupported";
  /** `Int`, `BigInt`, `String`, `Decimal`, …; of a relation and an enum, its name. */
  readonly type: string;
  /** The column's name, where it is another than the field's. */
  readonly dbName?: string | null;
}

/** A model, as the client's own description has it. */
export interface DataModelLike {
  readonly fields: readonly FieldLike[];
  readonly dbName?: string | null;
  readonly schema?: string | null;
}

/** The client's description of its models. */
export interface RuntimeDataModelLike {
  readonly models: Readonly<Record<string, DataModelLike>>;
}

/** `db.comment`, as far as it is called here. */
export interface DelegateLike {
  findMany(args: object): PromiseLike<readonly object[]>;
  findUnique(args: object): PromiseLike<object | null>;
  update(args: object): PromiseLike<unknown>;
  upsert(args: object): PromiseLike<unknown>;
}

/** Prisma registers it, so that copies of its client understand each other. */
const scopeSymbol = Symbol.for("prisma.client.transaction.scope_context");

/** What a client of a transaction says of it. */
export interface TransactionScope {
  /** Of the database's transaction: the same in its savepoints. */
  readonly txId: string;
  /** Of the transaction, or of the savepoint. */
  readonly scopeId: string;
}

/** A property that the types do not show. */
export function property<Value>(owner: object, name: string | symbol): Value | undefined {
  return Reflect.get(owner, name) as Value | undefined;
}

/** The one object that a client, its extended clients and their transactions have in common. */
export function rootOf(client: object): object {
  return property<object>(client, "_originalClient") ?? client;
}

/** Which transaction a client is of; undefined for the database itself. */
export function scopeOf(client: object): TransactionScope | undefined {
  return property<TransactionScope>(client, scopeSymbol);
}

/** Whether it is a client of a transaction, seen to begin or not. Those cannot connect. */
export function isOfTransaction(client: object): boolean {
  return scopeOf(client) !== undefined || typeof property(client, "$connect") !== "function";
}

/** Whether it has what every client, and every client of a transaction, has. */
export function isClient(value: unknown): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof property(value, "$transaction") === "function" &&
    typeof property(value, "$queryRawUnsafe") === "function"
  );
}

/** The client that this one extends; undefined for one that was not extended. */
export function parentOf(client: object): object | undefined {
  const extensions = property<{ isEmpty?(): boolean }>(client, "_extensions");
  const parent = extensions?.isEmpty?.() === false ? property<object>(client, "$parent") : undefined;
  return parent === client ? undefined : parent;
}

/** The same client without its extensions, and so without the filters that they may put before each query. */
export function withoutExtensions(client: object): object {
  let base = client;
  for (let parent = parentOf(base); parent !== undefined; parent = parentOf(base)) base = parent;
  return base;
}

/** The client's description of its models; undefined when it does not show any. */
export function dataModelOf(client: object): RuntimeDataModelLike | undefined {
  const model = property<RuntimeDataModelLike>(client, "_runtimeDataModel");
  return typeof model === "object" && model !== null && typeof model.models === "object" ? model : undefined;
}

/** What the client calls a model: `userRole` for `UserRole`. */
export function delegateNameOf(type: string): string {
  return type.slice(0, 1).toLowerCase() + type.slice(1);
}

/** Whether its extensions compute fields of a model. */
export function hasComputedFields(client: object, type: string): boolean {
  const extensions = property<{ getAllComputedFields?(delegate: string): unknown }>(client, "_extensions");
  return extensions?.getAllComputedFields?.(delegateNameOf(type)) !== undefined;
}

/** The text of its schema; undefined when it does not show that. */
export function schemaOf(client: object): string | undefined {
  const schema = property<{ readonly inlineSchema?: unknown }>(client, "_engineConfig")?.inlineSchema;
  return typeof schema === "string" && schema !== "" ? schema : undefined;
}

/** `sqlite`, `postgresql`, `cockroachdb`, `mysql`, `sqlserver`, `mongodb`. */
export function providerOf(client: object): string {
  return property<string>(client, "_activeProvider") ?? "";
}

/** The SQL that its database takes, of those that are written here. */
export function dialectOf(client: object): SqlDialect | undefined {
  return dialects[providerOf(client)];
}

const dialects: Readonly<Record<string, SqlDialect>> = {
  sqlite: "sqlite",
  postgresql: "postgres",
  cockroachdb: "postgres",
  mysql: "mysql",
};

/** The differences between Prisma's databases and drivers, as data. */
export function capabilitiesOf(
  client: object,
  has: { readonly rows: boolean; readonly replica: boolean },
): OrmCapabilities {
  const driver =
    property<{ readonly adapter?: { readonly adapterName?: string } }>(client, "_engineConfig")?.adapter
      ?.adapterName ?? "";
  const provider = providerOf(client);
  const lacks: Partial<Record<OrmFeature, string>> = {};
  if (driver === "@prisma/adapter-d1") {
    lacks.transaction = "D1 has no interactive transactions, only `$transaction([…])`. Enqueue after it";
    lacks.ownTransaction = lacks.transaction;
  }
  if (!has.replica) {
    lacks.replica =
      "this client knows of no replica. Give one, prisma(db, models, { replica: otherClient }), " +
      "or extend the client with @prisma/extension-read-replicas";
  }
  if (!has.rows) {
    lacks.saveEvents =
      "Prisma tells what it saves to extensions only. Extend the client, db.$extends(rows()), and give that to " +
      "prisma(); or say it yourself with app.saved(target, row)";
  }
  if (dialects[provider] === undefined) {
    lacks.sql = `of Prisma's databases, ${provider || "this one"} is none whose SQL is written here`;
  }
  return {
    recognisesRows: has.rows ? "plain" : false,
    lacks,
    // PGlite is one connection as well.
    serialTransactions: provider === "sqlite" || driver.includes("pglite"),
  };
}
