/**
 * Puts rows in the place of references: one load for each model, one object for each row.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { identityOf, type Key, type Reference } from "../wire/reference.ts";
import type { LoadOptions, OrmAdapter } from "./adapter.ts";
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
  await Promise.all(
    [...requests].map(async ([name, request]) => {
      const loaded = await loadRows(request);
      const versions = await versionsOf(request, loaded);
      for (const reference of request.references) {
        const identity = identityOf(request.description.name, reference.pk);
        const row = loaded.get(identity);
        if (!row) continue;
        if (hasChanged(reference, request.description, request.adapter, row, versions?.get(identity)))
          changed.push(reference);
        const object = objects.get(reference.identity) ?? row;
        objects.set(reference.identity, object);
        rows.set(name + reference.identity, object);
        models.set(object, request.description.name);
      }
    }),
  );
  const rowOf = (reference: Reference): object | undefined =>
    rows.get(requestOf(reference) + reference.identity);
  const missing = references.filter((reference) => rowOf(reference) === undefined);
  return {
    rowOf,
    modelOf: (row) => models.get(row),
    missing: [...new Map(missing.map((reference) => [reference.identity, reference])).values()],
    changed,
  };
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
      request = { ...found, keys: new Map(), references: [], relations: new Set(), options };
      requests.set(name, request);
    }
    const identity = identityOf(model, reference.pk);
    request.references.push(reference);
    request.keys.set(identity, checkKey(request.description, reference.pk));
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
  const compared = references.filter(({ details }) => details?.version !== undefined);
  const keys = compared.flatMap(({ pk }) => {
    const row = loaded.get(identityOf(description.name, pk));
    const key = row && adapter.keyOf(description.name, row);
    return key === undefined ? [] : [key];
  });
  return keys.length === 0 ? undefined : asked(request, () => readXmin(adapter, description, keys, options));
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
    const identity = identityOf(description.name, checkKey(description, key));
    if (!keys.has(identity)) others.push([identity, row]);
    else if (!rows.has(identity)) rows.set(identity, row);
  }
  if (others.length === 0) return rows;

  // A database may compare keys more loosely than we do (an uppercase uuid, a NOCASE column) and answer with
  // the key as it is stored. Such a row was found: it must not become a missing one.
  const missing = [...keys.keys()].filter((identity) => !rows.has(identity));
  const loosely = new Map(missing.map((identity) => [identity.toLowerCase(), identity]));
  for (const [stored, row] of others) {
    const identity = loosely.get(stored.toLowerCase());
    if (identity !== undefined && !rows.has(identity)) rows.set(identity, row);
  }
  return rows;
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
