/**
 * What is used of Mongoose, at run time. Its public types are those of `mongoose.ts`; models and connections are
 * taken for these once, where the adapter is made.
 *
 * @module
 */

/** A path of a schema. */
export interface SchemaTypeLike {
  /** `ObjectId`, `String`, `Embedded`, … */
  readonly instance: string;
  readonly options?: { readonly ref?: unknown; readonly refPath?: unknown };
  /** Of an array of values: what they are. */
  readonly embeddedSchemaType?: SchemaTypeLike;
  /** Of a subdocument, and of an array of them. */
  readonly schema?: SchemaLike;
  cast(value: unknown, document: null, isLoaded: true): unknown;
}

/** A virtual path; a relation, where it has a `ref`. */
export interface VirtualLike {
  readonly options?: { readonly ref?: unknown; readonly refPath?: unknown };
}

export interface SchemaLike {
  readonly paths: Readonly<Record<string, SchemaTypeLike>>;
  readonly options: {
    readonly strict?: unknown;
    readonly versionKey?: unknown;
    readonly optimisticConcurrency?: unknown;
    readonly timestamps?: unknown;
    readonly discriminatorKey?: string;
  };
  readonly discriminatorMapping?: { readonly key: string; readonly value: unknown; readonly isRoot: boolean };
  path(path: string): SchemaTypeLike | undefined;
  virtualpath(path: string): VirtualLike | null | undefined;
}

export interface ModelLike {
  new (fields?: object): DocumentLike;
  readonly modelName: string;
  readonly schema: SchemaLike;
  readonly collection: CollectionLike;
  readonly db: ConnectionLike;
  readonly base?: { trusted?(filter: object): object };
  readonly discriminators?: Readonly<Record<string, ModelLike>>;
  readonly prototype: { save(...parameters: unknown[]): Promise<unknown> } & DocumentLike;
  hydrate(fields: object, projection?: object): DocumentLike;
  find(filter: object): QueryLike;
}

export interface DocumentLike {
  readonly isNew: boolean;
  readonly $isSubdocument?: boolean;
  readonly errors?: Readonly<Record<string, Error>>;
  /** What was in the place of a relation's document; undefined where the path is not populated. */
  populated(path: string): unknown;
  toObject(options: object): Record<string, unknown>;
  deleteOne(...parameters: unknown[]): QueryLike;
  save(...parameters: unknown[]): Promise<unknown>;
}

export interface QueryLike {
  setOptions(options: object): QueryLike;
  populate(relation: object): QueryLike;
  exec(...parameters: unknown[]): Promise<unknown>;
}

/** Mongoose's collection of a model: all that a model reads and writes goes through it. */
export type CollectionLike = Record<string, (...parameters: unknown[]) => Promise<unknown>>;

export interface ConnectionLike {
  readonly models: Readonly<Record<string, ModelLike>>;
  getClient(): ClientLike | undefined | null;
  transaction<Result>(run: (session: SessionLike) => Promise<Result>): Promise<Result>;
  on(event: "connected", listener: () => void): unknown;
  off(event: "connected", listener: () => void): unknown;
}

/** A `MongoClient`. */
export interface ClientLike {
  startSession(...parameters: unknown[]): SessionLike;
}

/** A `ClientSession`. */
export interface SessionLike {
  readonly client: ClientLike;
  inTransaction(): boolean;
  startTransaction(...parameters: unknown[]): void;
  commitTransaction(...parameters: unknown[]): Promise<void>;
  abortTransaction(...parameters: unknown[]): Promise<void>;
  endSession(...parameters: unknown[]): Promise<void>;
  withTransaction<Result>(
    run: (session: SessionLike) => Promise<Result>,
    ...parameters: unknown[]
  ): Promise<Result>;
}

/** Whether a value is a session of the driver's, by what it can do. */
export function isSession(value: unknown): value is SessionLike {
  return (
    typeof value === "object" &&
    value !== null &&
    ["inTransaction", "startTransaction", "commitTransaction", "abortTransaction", "withTransaction"].every(
      (method) => typeof Reflect.get(value, method) === "function",
    ) &&
    typeof Reflect.get(value, "client") === "object"
  );
}

/** Whether a value is a connection of Mongoose's. */
export function isConnection(value: unknown): value is ConnectionLike {
  return (
    typeof value === "object" &&
    value !== null &&
    ["startSession", "transaction", "getClient", "on"].every(
      (method) => typeof Reflect.get(value, method) === "function",
    ) &&
    typeof Reflect.get(value, "models") === "object"
  );
}

/** Whether a value is a compiled model. */
export function isModel(value: unknown): value is ModelLike {
  return (
    typeof value === "function" &&
    typeof Reflect.get(value, "modelName") === "string" &&
    typeof Reflect.get(value, "hydrate") === "function" &&
    isSchema(Reflect.get(value, "schema"))
  );
}

function isSchema(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "paths") === "object";
}

/** What a document holds, as Mongoose has it in memory; undefined for what is no document, such as a lean row. */
export function storedIn(row: object): Readonly<Record<string, unknown>> | undefined {
  const stored: unknown = "$__" in row ? Reflect.get(row, "_doc") : undefined;
  return typeof stored === "object" && stored !== null ? (stored as Record<string, unknown>) : undefined;
}
