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

/** What is asked of one adapter about one model. */
interface Request extends RegisteredModel {
  /** By identity, so that each row is asked for once. */
  readonly keys: Map<string, Key>;
  readonly references: Reference[];
  readonly relations: Set<string>;
  readonly options: LoadOptions;
}

/**
 * Loads the rows of references: all models at once, and each model's rows in one {@link OrmAdapter.load} (in one more
 * for each scope, and each copy of the database, that references ask for).
 *
 * @param within - `transaction`: to load them in, by adapter
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
  const requests = requestsFor(adapters, references, transactionOf);
  const rows = new Map<string, object>();
  const models = new Map<object, string>();
  const changed: Reference[] = [];
  /** Rows by their references' identities: what two requests give is one object. */
  const objects = new Map<string, object>();
  const answers = await Promise.all(
    [...requests].map(async ([name, request]) => {
      const loaded = await loadRows(request);
      return { name, request, loaded, versions: await versionsOf(request, loaded) };
    }),
  );
  // Of a row and its replica, the row.
  answers.sort((one, other) => Number(isOfReplica(one.request)) - Number(isOfReplica(other.request)));
  for (const { name, request, loaded, versions } of answers) {
    const { description, adapter } = request;
    for (const reference of request.references) {
      const identity = identityIn(description, reference.pk);
      const row = loaded.get(identity);
      if (!row) continue;
      if (hasChanged(reference, description, adapter, row, versions?.get(identity))) changed.push(reference);
      const object = objects.get(reference.identity) ?? row;
      objects.set(reference.identity, object);
      rows.set(name + reference.identity, object);
      models.set(object, description.name);
    }
  }
  const rowOf = (reference: Reference): object | undefined =>
    rows.get(requestOf(reference) + reference.identity);
  const missing = references.filter((reference) => rowOf(reference) === undefined);
  return {
    rowOf,
    modelOf: (row) => models.get(row),
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

function isOfReplica({ options }: Request): boolean {
  return options.from === "replica";
}

/** The identity of a row, by a key in whichever shape: `{ id: 7 }` is `7`. */
function identityIn(description: ModelDescription, key: Key): string {
  return identityOf(description.name, checkKey(description, key));
}

/** The name of the request that a reference is part of. */
function requestOf({ model, details = {} }: Reference): string {
  return JSON.stringify([
    model,
    details.connection ?? null,
    details.scope ?? "default",
    details.from ?? "primary",
  ]);
}

function requestsFor(
  adapters: readonly OrmAdapter[],
  references: readonly Reference[],
  transactionOf: (adapter: OrmAdapter) => object | undefined,
): Map<string, Request> {
  const requests = new Map<string, Request>();
  /** By adapter and model: what several requests give is one object, which has them all. */
  const relations = new Map<ModelDescription, Set<string>>();
  for (const reference of references) {
    const { model, details = {} } = reference;
    const name = requestOf(reference);
    let request = requests.get(name);
    if (!request) {
      const found = findModel(adapters, model, details.connection);
      const { scope, from } = details;
      const transaction = transactionOf(found.adapter);
      const options: LoadOptions = {
        ...(scope ? { scope } : {}),
        ...(from ? { from } : {}),
        ...(transaction ? { transaction } : {}),
      };
      const named = relations.get(found.description) ?? new Set();
      relations.set(found.description, named);
      request = { ...found, keys: new Map(), references: [], relations: named, options };
      requests.set(name, request);
    }
    const key = checkKey(request.description, reference.pk);
    request.references.push(reference);
    request.keys.set(identityOf(model, key), key);
    for (const relation of details.with ?? []) request.relations.add(relation);
  }
  return requests;
}

async function loadRows(request: Request): Promise<Map<string, object>> {
  const { description, adapter, keys, relations, options } = request;
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
async function versionsOf(
  request: Request,
  loaded: ReadonlyMap<string, object>,
): Promise<ReadonlyMap<string, string> | undefined> {
  const { description, adapter, references, options } = request;
  if (description.version !== xmin) return undefined;
  /** The keys as they are stored, by the identities that the rows were asked for under. */
  const keys = new Map<string, Key>();
  for (const { pk, details } of references) {
    const identity = identityIn(description, pk);
    const row = details?.version === undefined ? undefined : loaded.get(identity);
    const key = row && adapter.keyOf(description.name, row);
    if (key !== undefined) keys.set(identity, key);
  }
  if (keys.size === 0) return undefined;
  const versions = await asked(request, () => readXmin(adapter, description, [...keys.values()], options));
  return new Map([...keys].map(([identity, key]) => [identity, versions.get(identityIn(description, key))!]));
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

/** Rows by the identity they were asked for under. Rows that nobody asked for are left out. */
function matchRows({ description, adapter, keys }: Request, loaded: readonly unknown[]): Map<string, object> {
  const rows = new Map<string, object>();
  const others: [identity: string, row: object][] = [];
  for (const row of loaded) {
    if (typeof row !== "object" || row === null)
      throw new TypeError(`load() gave ${describe(row)} for a row`);
    const key = adapter.keyOf(description.name, row);
    if (key === undefined) throw new TypeError("load() gave a row without its key");
    // Checked: a number that has lost digits is the key of another row.
    const identity = identityIn(description, key);
    if (!keys.has(identity)) others.push([identity, row]);
    else if (!rows.has(identity)) rows.set(identity, row);
  }
  if (others.length === 0) return rows;

  // A database may compare keys more loosely than we do (an uppercase uuid, or one without its hyphens, a NOCASE
  // column) and answer with the key as it is stored. Such a row was found: it must not become a missing one.
  const missing = [...keys.keys()].filter((identity) => !rows.has(identity));
  for (const form of [caseless, bare]) {
    const stored = new Map(others.map(([identity, row]) => [form(identity), row]));
    for (const identity of missing) {
      const row = stored.get(form(identity));
      if (row && !rows.has(identity)) rows.set(identity, row);
    }
  }
  return rows;
}

function caseless(identity: string): string {
  return identity.toLowerCase();
}

function bare(identity: string): string {
  return identity.toLowerCase().replaceAll(/[-{}]/g, "");
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
