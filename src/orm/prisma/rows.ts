/**
 * The extension that remembers which rows the client handed out, and tells what it wrote.
 *
 * @module
 */
import { type RuntimeDataModelLike, dataModelOf, parentOf, property } from "./client.ts";
import { type Write, type WriteListener, writeOf } from "./write.ts";

/** What Prisma gives to an extension's function for each query. */
export interface QueryLike {
  readonly model?: string;
  readonly operation: string;
  readonly args: unknown;
  query(args: unknown): PromiseLike<unknown>;
  /** Prisma's types do not show it; its own extension for replicas reads it as well. */
  readonly __internalParams?: {
    readonly transaction?: { readonly kind?: string; readonly id?: unknown };
    readonly dataPath?: readonly string[];
  };
}

/** A client that can be extended, as far as {@link rows} needs it. */
export interface ExtendableLike {
  $extends(extension: never): unknown;
}

/** What an extended client's rows and writes are known by. */
export class RowHooks {
  readonly #models = new WeakMap<object, string>();
  readonly #marked = new Set<string>();
  readonly #mark = Symbol("model");
  readonly #listeners = new Set<WriteListener>();
  readonly #client: object;
  readonly #data: RuntimeDataModelLike | undefined;

  constructor(client: object) {
    this.#client = client;
    this.#data = dataModelOf(client);
  }

  /** Prisma's name for the model of a row that the client handed out. */
  modelOf(row: object): string | undefined {
    return this.#models.get(row) ?? property<string>(row, this.#mark);
  }

  /**
   * Rows of a model whose fields an extension computes reach the user inside a proxy, which is made afterwards and shows
   * what is on the row: these have a hidden property.
   */
  mark(model: string): void {
    this.#marked.add(model);
  }

  /** Remembers rows, and those that were loaded with them. */
  remember(model: string, found: unknown): void {
    if (Array.isArray(found)) for (const row of found) this.remember(model, row);
    else if (typeof found === "object" && found !== null) {
      this.#models.set(found, model);
      if (this.#marked.has(model))
        Object.defineProperty(found, this.#mark, { value: model, configurable: true });
      for (const field of this.#data?.models[model]?.fields ?? []) {
        if (field.kind === "object") this.remember(field.type, property<unknown>(found, field.name));
      }
    }
  }

  /** Tells of each write from now on; returns what ends it. */
  listen(listener: WriteListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Prisma calls it for each query. */
  async run(asked: QueryLike): Promise<unknown> {
    const { model, operation, args, query, __internalParams: internal } = asked;
    if (model === undefined) return query(args);
    const write: Write | undefined =
      this.#listeners.size === 0 ? undefined : await writeOf(asked, this.#client, [...this.#listeners]);
    const found = await query(write?.args ?? args);
    if (rowOperations.has(operation)) this.remember(this.#modelAt(model, internal?.dataPath ?? []), found);
    await write?.tell(found);
    return found;
  }

  /** The model of what is found: `db.post.findUnique(…).author()` asks for a post, and gives an author. */
  #modelAt(model: string, path: readonly string[]): string {
    let at = model;
    // It is written `select, author, select, company`.
    for (const [index, step] of path.entries()) {
      if (index % 2 === 0) continue;
      at = this.#data?.models[at]?.fields.find((field) => field.name === step)?.type ?? "";
    }
    return at;
  }
}

/** Those that give rows: others give counts. */
const rowOperations: ReadonlySet<string> = new Set([
  "findUnique",
  "findUniqueOrThrow",
  "findFirst",
  "findFirstOrThrow",
  "findMany",
  "create",
  "createManyAndReturn",
  "update",
  "updateManyAndReturn",
  "upsert",
  "delete",
]);

const hooksByClient = new WeakMap<object, RowHooks>();

/** The hooks of a client that was extended with {@link rows}, or extends one that was. */
export function hooksOf(client: object): RowHooks | undefined {
  for (let at: object | undefined = client; at !== undefined; at = parentOf(at)) {
    const hooks = hooksByClient.get(at);
    if (hooks !== undefined) return hooks;
  }
  return undefined;
}

/**
 * An extension for your Prisma client, with which its rows travel as references by themselves, and `app.onSave` is told
 * what it writes. The rows stay as they are: plain objects without a property more.
 *
 * @example
 * const db = new PrismaClient({ adapter }).$extends(rows());
 * const models = prisma(db, { "qa.Comment": "comment" });
 */
export function rows(): <Client extends ExtendableLike>(client: Client) => Client {
  return <Client extends ExtendableLike>(client: Client): Client => {
    const hooks = new RowHooks(client);
    const extended = client.$extends({
      name: "petiole",
      query: { $allModels: { $allOperations: (query: QueryLike) => hooks.run(query) } },
    } as never) as Client;
    hooksByClient.set(extended, hooks);
    return extended;
  };
}
