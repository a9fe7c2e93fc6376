/**
 * Puts rows in the place of references: one load for each model, one object for each row.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { identityOf, type Key, type Reference } from "../wire/reference.ts";
import type { LoadOptions, ModelDescription, OrmAdapter } from "./adapter.ts";
import { checkKey } from "./key.ts";
import { findModel, type RegisteredModel } from "./registry.ts";
import { hasChanged, xmin } from "./version.ts";
import { readXmin } from "./xmin.ts";

/** The rows that were there, and the references whose rows were not, or are others by now. */
export interface LoadedRows {
  /** The row of a reference; the same object for references to the same row; undefined when it is missing. */
  rowOf(reference: Reference): object | undefined;
  /** The model of a row that came from here. */
  modelOf(row: object): string | undefined;
  /** The references whose rows the database does not have: each once, in the order they were given. */
  readonly missing: readonly Reference[];
  /** The references that say what their rows were, whose rows are others by now. */
  readonly changed: readonly Reference[];
}

/** Whoever may send could otherwise have a database join as much as it can. */
const mostRelations = 40;

/** What is asked of one adapter about one model. */
interface Request extends RegisteredModel {
  /** By their marks, so that each row is asked for once. */
  readonly keys: Map<Mark, Key>;
  readonly references: Reference[];
  readonly relations: Set<string>;
  readonly options: LoadOptions;
  /** What came of it, by the marks of the keys. */
  rows: Map<Mark, object>;
}

/**
 * Loads the rows of references: all models at once, and each model's rows in one {@link OrmAdapter.load} (in one more
 * for each scope, and each copy of the database, that references ask for).
 *
 * @param transactionOf - the handle of the transaction to load them in, for an adapter; unless told, none
 * @throws PetioleError `ERR_MODEL_UNKNOWN` when no adapter has a reference's model, `ERR_REFERENCE_KEY` when a
 * key does not fit its model, `ERR_MODEL_DEFINITION` and `ERR_MODEL_UNSUPPORTED` when rows cannot be loaded as a
 * reference says, `ERR_DATABASE_UNREACHABLE` (with the `cause`) when an adapter fails or gives
 * what is not rows. A row that could not be asked for is never reported as missing.
 */
export async function loadReferences(
  adapters: readonly OrmAdapter[],
  references: readonly Reference[],
  transactionOf: (adapter: OrmAdapter) => object | undefined = () => undefined,
): Promise<LoadedRows> {
  const requests = new Requests(adapters, references, transactionOf);
  const changed: Reference[] = [];
  const versions = await Promise.all(
    requests.all.map(async (request) => {
      request.rows = await loadRows(request);
      return versionsOf(request);
    }),
  );
  for (const [index, { description, adapter, references, rows }] of requests.all.entries()) {
    for (const reference of references) {
      if (reference.details === undefined) continue;
      const mark = markOf(description, reference.pk);
      const row = rows.get(mark);
      if (row && hasChanged(reference, description, adapter, row, versions[index]?.get(mark)))
        changed.push(reference);
    }
  }
  shareRows(requests.all);
  const isComplete = requests.all.every(({ rows, keys }) => rows.size === keys.size);
  const missing = isComplete ? [] : references.filter((reference) => requests.rowOf(reference) === undefined);
  let models: Map<object, string> | undefined;
  return {
    rowOf: (reference) => requests.rowOf(reference),
    modelOf: (row) => (models ??= requests.modelsByRow()).get(row),
    missing: eachOnce(missing),
    changed,
  };
}

/** One for each row, and for each of what it means that the row is missing. */
function eachOnce(references: readonly Reference[]): Reference[] {
  const once = new Map<string, Reference>();
  for (const reference of references) {
    const name = JSON.stringify([reference.identity, reference.details?.ifMissing]);
    if (!once.has(name)) once.set(name, reference);
  }
  return [...once.values()];
}

/** What is asked, by model, and by what references say about how their rows are loaded. */
class Requests {
  readonly all: Request[] = [];
  /** What several requests for one model give is one object, which has them all. */
  readonly #relations = new Map<ModelDescription, Set<string>>();
  readonly #byModel = new Map<string, Map<string, Request>>();

  constructor(
    adapters: readonly OrmAdapter[],
    references: readonly Reference[],
    transactionOf: (adapter: OrmAdapter) => object | undefined,
  ) {
    for (const reference of references) {
      const request = this.#find(reference) ?? this.#add(reference, adapters, transactionOf);
      const { description, keys, relations } = request;
      const key = checkKey(description, reference.pk);
      request.references.push(reference);
      keys.set(markOf(description, key), key);
      for (const relation of reference.details?.with ?? []) relations.add(relation);
    }
  }

  rowOf(reference: Reference): object | undefined {
    const request = this.#find(reference);
    return request?.rows.get(markOf(request.description, reference.pk));
  }

  modelsByRow(): Map<object, string> {
    return new Map(
      this.all.flatMap(({ rows, description }) => [...rows.values()].map((row) => [row, description.name])),
    );
  }

  #find({ model, details }: Reference): Request | undefined {
    return this.#byModel.get(model)?.get(wayOf(details));
  }

  #add(
    { model, details = {} }: Reference,
    adapters: readonly OrmAdapter[],
    transactionOf: (adapter: OrmAdapter) => object | undefined,
  ): Request {
    const found = findModel(adapters, model, details.connection);
    const { scope, from } = details;
    const transaction = transactionOf(found.adapter);
    const options: LoadOptions = {
      ...(scope ? { scope } : {}),
      ...(from ? { from } : {}),
      ...(transaction ? { transaction } : {}),
    };
    const others = this.#byModel.get(model) ?? new Map<string, Request>();
    const relations = this.#relations.get(found.description) ?? new Set();
    this.#relations.set(found.description, relations);
    const asked = { keys: new Map(), references: [], relations, options };
    const request: Request = { ...found, ...asked, rows: new Map() };
    this.#byModel.set(model, others.set(wayOf(details), request));
    this.all.push(request);
    return request;
  }
}

/** In which way rows are loaded, as text. */
function wayOf(details: Reference["details"]): string {
  if (details === undefined) return usualWay;
  return JSON.stringify([details.connection ?? null, details.scope ?? "default", details.from ?? "primary"]);
}

const usualWay = wayOf({});

/** What a key of one model is known by here: a number, which is found fastest, or a text. */
type Mark = string | number;

/** The same for the same row: drivers differ in how they type a key's columns. */
function markOf({ key: attributes }: ModelDescription, key: Key): Mark {
  if (typeof key === "number") return key;
  if (typeof key === "object" && attributes.length > 1)
    return JSON.stringify(attributes.map((attribute) => String(key[attribute])));
  const text = String(typeof key === "object" ? key[attributes[0]!] : key);
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : text;
}

/** What two requests give is one object: of a row and its replica, the row. */
function shareRows(requests: readonly Request[]): void {
  if (new Set(requests.map(({ description }) => description)).size === requests.length) return;
  const isOfReplica = ({ options }: Request): number => Number(options.from === "replica");
  const shared = new Map<ModelDescription, Map<Mark, object>>();
  for (const { description, rows } of [...requests].sort(
    (one, other) => isOfReplica(one) - isOfReplica(other),
  )) {
    const known = shared.get(description) ?? new Map<Mark, object>();
    shared.set(description, known);
    for (const [mark, row] of rows) {
      const first = known.get(mark);
      if (first) rows.set(mark, first);
      else known.set(mark, row);
    }
  }
}

async function loadRows(request: Request): Promise<Map<Mark, object>> {
  const { description, adapter, keys, relations, options } = request;
  if (relations.size > mostRelations) {
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      `${description.name}: references ask for ${relations.size} relations together; ${mostRelations} are allowed`,
    );
  }
  const whole = relations.size > 0 ? { ...options, with: [...relations] } : options;
  return asked(request, async () => {
    const loaded: unknown = await adapter.load(description.name, [...keys.values()], whole);
    if (!Array.isArray(loaded)) throw new TypeError(`load() gave ${describe(loaded)}, not an array of rows`);
    return matchRows(request, loaded);
  });
}

/**
 * The versions of rows, where the database alone knows them and a reference says one. They are read after the rows: a
 * row that changes in between has changed.
 */
async function versionsOf(request: Request): Promise<ReadonlyMap<Mark, string> | undefined> {
  const { description, adapter, references, options, rows } = request;
  if (description.version !== xmin) return undefined;
  /** The keys as they are stored, by the marks that the rows were asked for under. */
  const keys = new Map<Mark, Key>();
  for (const { pk, details } of references) {
    const mark = markOf(description, pk);
    const row = details?.version === undefined ? undefined : rows.get(mark);
    const key = row && adapter.keyOf(description.name, row);
    if (key !== undefined) keys.set(mark, key);
  }
  if (keys.size === 0) return undefined;
  const versions = await asked(request, () => readXmin(adapter, description, [...keys.values()], options));
  return new Map(
    [...keys].map(([mark, key]) => [mark, versions.get(identityOf(description.name, key)) ?? ""]),
  );
}

/** Asks a database. */
async function asked<Answer>(
  { description, adapter, keys }: Request,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask();
  } catch (cause) {
    // Not the database's fault, and no better later.
    const isOurs =
      cause instanceof PetioleError &&
      (cause.code === "ERR_MODEL_DEFINITION" || cause.code === "ERR_MODEL_UNSUPPORTED");
    if (isOurs) throw cause;
    // The cause's own message is not repeated: drivers put the query's values into it.
    throw new PetioleError(
      "ERR_DATABASE_UNREACHABLE",
      `${description.name}: ${adapter.name} could not load ${keys.size} ${keys.size === 1 ? "row" : "rows"}` +
        `${codeOf(cause)}. Whether they exist is not known; see the cause`,
      { cause },
    );
  }
}

/** Rows by the marks of the keys that they were asked for under. Rows that nobody asked for are left out. */
function matchRows({ description, adapter, keys }: Request, loaded: readonly unknown[]): Map<Mark, object> {
  const rows = new Map<Mark, object>();
  const others: [mark: Mark, row: object][] = [];
  for (const row of loaded) {
    if (typeof row !== "object" || row === null)
      throw new TypeError(`load() gave ${describe(row)} for a row`);
    const key = adapter.keyOf(description.name, row);
    if (key === undefined) throw new TypeError("load() gave a row without its key");
    // Checked: a number that has lost digits is the key of another row.
    const mark = markOf(description, checkKey(description, key));
    if (!keys.has(mark)) others.push([mark, row]);
    else if (!rows.has(mark)) rows.set(mark, row);
  }
  if (others.length === 0) return rows;

  // A database may compare keys more loosely than we do (an uppercase uuid, or one without its hyphens, a NOCASE
  // column) and answer with the key as it is stored. Such a row was found: it must not become a missing one.
  const missing = [...keys.keys()].filter((mark) => !rows.has(mark));
  for (const form of [caseless, bare]) {
    const stored = new Map(others.map(([mark, row]) => [form(mark), row]));
    for (const mark of missing) {
      const row = stored.get(form(mark));
      if (row && !rows.has(mark)) rows.set(mark, row);
    }
  }
  return rows;
}

function caseless(mark: Mark): string {
  return String(mark).toLowerCase();
}

function bare(mark: Mark): string {
  return caseless(mark).replaceAll(/[-{}]/g, "");
}

/** The driver's code, ` (SQLITE_BUSY)`, from the innermost cause that has one. */
function codeOf(error: unknown): string {
  let code = "";
  // Bounded, for a cause may lead back to itself.
  for (let depth = 0; depth < 10 && error instanceof Error; depth += 1) {
    if ("code" in error && typeof error.code === "string") code = ` (${error.code})`;
    error = error.cause;
  }
  return code;
}
