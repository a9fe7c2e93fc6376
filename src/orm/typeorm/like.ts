/**
 * What is used of TypeORM, by its shape: nothing of it is imported.
 *
 * @module
 */

/** A class of entities, or what tells an EntitySchema without a class: its name. */
export type EntityTarget = string | (abstract new (...parameters: never) => object);

/** A DataSource. */
export interface DataSourceLike {
  readonly isInitialized: boolean;
  readonly options: { readonly type: string; readonly cache?: unknown };
  readonly driver: DriverLike;
  readonly manager: EntityManagerLike;
  /** Another array after each `initialize()`. */
  readonly entityMetadatas: readonly object[];
  readonly subscribers: unknown[];
  hasMetadata(target: never): boolean;
  getMetadata(target: never): EntityMetadataLike;
  createQueryRunner(mode?: "master" | "slave"): QueryRunnerLike;
  createEntityManager(runner?: never): EntityManagerLike;
  initialize(): Promise<unknown>;
}

/** The driver of a DataSource. */
export interface DriverLike {
  readonly options: { readonly type: string };
  readonly transactionSupport: "simple" | "nested" | "none";
  readonly mappedDataTypes: { readonly updateDateDefault: string };
  /** Quotes a name. */
  escape(name: string): string;
  normalizeType(column: never): string;
  preparePersistentValue(value: unknown, column: never): unknown;
  prepareHydratedValue(value: unknown, column: never): unknown;
}

/** An EntityManager: that of the DataSource, or one whose statements go through a query runner. */
export interface EntityManagerLike {
  readonly queryRunner?: QueryRunnerLike | undefined;
  transaction(run: (manager: EntityManagerLike) => Promise<unknown>): Promise<unknown>;
  createQueryBuilder(): unknown;
  createQueryBuilder(target: never, alias: string): unknown;
}

/** A QueryRunner: one connection, and the transaction that is open on it. */
export interface QueryRunnerLike {
  readonly manager: EntityManagerLike;
  readonly isReleased: boolean;
  readonly isTransactionActive: boolean;
  startTransaction(isolationLevel?: never): Promise<void>;
  release(): Promise<void>;
  query(text: string, parameters: unknown[], useStructuredResult: true): Promise<QueryResultLike>;
}

/** What a statement gave. */
export interface QueryResultLike {
  readonly records: readonly unknown[];
}

/** What TypeORM knows of an entity. */
export interface EntityMetadataLike {
  readonly target: string | object;
  readonly targetName: string;
  readonly tableName: string;
  /** With its database and schema. */
  readonly tablePath: string;
  readonly schema?: string | undefined;
  readonly columns: readonly ColumnMetadataLike[];
  readonly primaryColumns: readonly ColumnMetadataLike[];
  readonly versionColumn?: ColumnMetadataLike | undefined;
  readonly updateDateColumn?: ColumnMetadataLike | undefined;
  readonly relations: readonly RelationMetadataLike[];
  /** The targets of the entity and, with table inheritance, of what it inherits from. */
  readonly inheritanceTree: readonly unknown[];
  /** Of those that inherit from it in the same table, the one that a row is of, by its class or its discriminator; or itself. */
  findInheritanceMetadata(row: object): EntityMetadataLike;
  readonly childEntityMetadatas: readonly EntityMetadataLike[];
  readonly discriminatorValue?: string | undefined;
  create(runner?: undefined, options?: { readonly fromDeserializer?: boolean }): object;
}

/** A column. */
export interface ColumnMetadataLike {
  readonly propertyName: string;
  readonly propertyPath: string;
  readonly databaseName: string;
  readonly type: unknown;
  readonly transformer?: object | undefined;
  /** Of a time: how many digits of its seconds are kept. */
  readonly precision?: number | null | undefined;
  readonly enum?: readonly (string | number)[] | undefined;
  readonly isSelect: boolean;
  readonly isUpdate: boolean;
  /** The database computes it from other columns. */
  readonly generatedType?: string | undefined;
  readonly isDeleteDate: boolean;
  /** Tells which of the classes in one table a row is of. */
  readonly isDiscriminator: boolean;
  readonly entityMetadata: EntityMetadataLike;
  readonly isGenerated: boolean;
  /** Has no property of its own: the column of a relation, mostly. */
  readonly isVirtual: boolean;
  /** Is computed by a query, and no column at all. */
  readonly isVirtualProperty: boolean;
  readonly relationMetadata?: RelationMetadataLike | undefined;
  readonly referencedColumn?: ColumnMetadataLike | undefined;
  getEntityValue(entity: object): unknown;
  setEntityValue(entity: object, value: unknown): void;
}

/** A relation. */
export interface RelationMetadataLike {
  readonly propertyName: string;
  readonly propertyPath: string;
  readonly isLazy: boolean;
  readonly joinColumns: readonly ColumnMetadataLike[];
  readonly inverseEntityMetadata: EntityMetadataLike;
  /** Never loads: of a lazy relation that was not, it gives undefined. */
  getEntityValue(entity: object): unknown;
  setEntityValue(entity: object, value: unknown): void;
}

/** A query builder, as far as rows are selected with it. */
export interface SelectLike {
  setFindOptions(options: {
    readonly relations?: object;
    readonly withDeleted?: boolean;
    readonly relationLoadStrategy?: "join";
  }): SelectLike;
  where(condition: string, parameters: Readonly<Record<string, unknown>>): SelectLike;
  cache(enabled: false): SelectLike;
  getRawAndEntities(): Promise<{ readonly raw: readonly object[]; readonly entities: readonly object[] }>;
}
