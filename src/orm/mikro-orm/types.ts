/**
 * What is used of MikroORM, by shape: nothing of it is imported.
 *
 * @module
 */

/** What a transaction runs on: the driver's own object, Kysely's transaction for SQL. */
export interface ContextLike {
  readonly isCommitted?: boolean;
  readonly isRolledBack?: boolean;
}

/** A property of an entity, as far as it is read here. */
export interface PropertyLike {
  readonly name: string;
  /** `scalar`, `m:1`, `1:1`, `1:m`, `m:n`, `embedded`. */
  readonly kind: string;
  /** `number`, `string`, `bigint`, `Date`, …, or the name of a custom type's. */
  readonly runtimeType: string;
  readonly fieldNames?: readonly string[];
  readonly columnTypes?: readonly string[];
  readonly items?: readonly (string | number)[];
  /** Of a native enum of PostgreSQL. */
  readonly nativeEnumName?: string;
  /** False for what has no column of its own. */
  readonly persist?: boolean;
  readonly hidden?: boolean;
  readonly lazy?: boolean;
  readonly generated?: unknown;
  readonly formula?: unknown;
  /** Whether the relation's foreign key is in this entity's table. */
  readonly owner?: boolean;
  readonly mapToPk?: boolean;
  /** Whether its value is wrapped in a `Reference`. */
  readonly ref?: boolean;
  /** Of what an embeddable was unfolded into: the property that it belongs to. */
  readonly embedded?: readonly string[];
  readonly embeddedProps?: Readonly<Record<string, PropertyLike>>;
  readonly targetMeta?: MetadataLike;
  /** False for the discriminator that MikroORM adds by itself. */
  readonly userDefined?: boolean;
}

/** An entity's metadata, as far as it is read here. */
export interface MetadataLike {
  readonly className: string;
  readonly class: EntityClassLike;
  readonly root: MetadataLike;
  readonly tableName: string;
  readonly schema?: string;
  readonly embeddable?: boolean;
  readonly virtual?: boolean;
  readonly primaryKeys: readonly string[];
  readonly versionProperty?: string;
  readonly properties: Readonly<Record<string, PropertyLike>>;
  readonly props: readonly PropertyLike[];
  /** `sti`: one table for a class and those that extend it; `tpt`: a table for each. */
  readonly inheritanceType?: string;
  readonly discriminatorColumn?: string;
  readonly discriminatorValue?: unknown;
}

/** An entity's class. */
export interface EntityClassLike {
  readonly prototype: object;
}

/** All entities of an ORM. */
export interface MetadataStorageLike {
  find(entity: unknown): MetadataLike | undefined;
  getAll(): Map<unknown, MetadataLike>;
}

/** A connection: the primary's, or a replica's. */
export interface ConnectionLike {
  ensureConnection(): Promise<void>;
  /** Kysely, for SQL. */
  getClient?(): ClientLike;
  transactional(
    run: (context: ContextLike) => Promise<unknown>,
    options?: { readonly ctx?: ContextLike },
  ): Promise<unknown>;
  begin(options?: { readonly ctx?: ContextLike }): Promise<ContextLike>;
  commit(context: ContextLike, ...others: readonly unknown[]): Promise<void>;
  rollback(context: ContextLike, ...others: readonly unknown[]): Promise<void>;
}

/** What a statement is run on: Kysely, or one of its transactions. */
export interface ClientLike {
  executeQuery(query: object): Promise<{ readonly rows: readonly object[] }>;
}

/** What differs between databases. */
export interface PlatformLike {
  getCurrentTimestampSQL(length: number): string;
  getBlobDeclarationSQL(): string;
  quoteIdentifier(name: string): string;
}

/** The driver: one for an ORM, whatever its entity managers. */
export interface DriverLike {
  getConnection(type?: "read" | "write"): ConnectionLike;
  getPlatform(): PlatformLike;
  nativeUpdate(
    entity: unknown,
    where: object,
    data: object,
    options: object,
  ): Promise<{ readonly affectedRows: number }>;
  count(entity: unknown, where: object, options: object): Promise<number>;
}

/** Tells subscribers of what an entity manager does. */
export interface EventManagerLike {
  registerSubscriber(subscriber: object): void;
}

/** The settings that are read here. */
export interface ConfigurationLike {
  get(name: "subscribers"): object[];
  get(name: "replicas"): readonly unknown[] | undefined;
  get(name: "pool"): { readonly max?: number } | undefined;
  get(name: "disableTransactions"): boolean | undefined;
}

/** An entity manager, as it is used here. */
export interface ManagerLike {
  readonly config: ConfigurationLike;
  fork(options?: object): ManagerLike;
  getDriver(): DriverLike;
  getMetadata(): MetadataStorageLike;
  getEventManager(): EventManagerLike;
  getEntityFactory(): { create(entity: unknown, data: object, options: object): object };
  getReference(entity: unknown, key: unknown, options: { readonly wrapped: boolean }): object;
  isInTransaction(): boolean;
  getTransactionContext(): ContextLike | undefined;
  setTransactionContext(context: ContextLike): void;
  find(entity: unknown, where: object, options: object): Promise<object[]>;
  transactional<Result>(run: (manager: ManagerLike) => Promise<Result>): Promise<Result>;
}

/** What MikroORM keeps with each entity. */
export interface WrappedLike {
  readonly __em?: Pick<ManagerLike, "getDriver">;
  readonly __meta: MetadataLike;
  /** Whether it stands for a row: undefined from `new` until it is flushed, false after its removal. */
  readonly __managed?: boolean | undefined;
  /** Its key; of several attributes, an object of them. */
  getPrimaryKey(): unknown;
}

/** What MikroORM keeps with an entity; undefined for what is none. */
export function wrappedOf(entity: object): WrappedLike | undefined {
  return Reflect.get(entity, "__helper") as WrappedLike | undefined;
}

// MikroORM marks its wrappers with these, so that several copies of it understand each other's.
const referenceSymbol = Symbol.for("@mikro-orm/core/Reference");
const scalarReferenceSymbol = Symbol.for("@mikro-orm/core/ScalarReference");

/**
 * The entity in a `Reference`, the value in a `ScalarReference` (undefined until it is loaded); anything else as it
 * is.
 */
export function unwrapped(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const isWrapper = Object.hasOwn(value, referenceSymbol) || Object.hasOwn(value, scalarReferenceSymbol);
  return isWrapper ? (value as { unwrap(): unknown }).unwrap() : value;
}

/** The kinds of relations of which there is one at most. */
export function isToOne({ kind }: PropertyLike): boolean {
  return kind === "m:1" || kind === "1:1";
}

/** Whether a property is related to rows. */
export function isRelation(property: PropertyLike): boolean {
  return isToOne(property) || property.kind === "1:m" || property.kind === "m:n";
}
