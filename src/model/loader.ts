/**
 * Puts rows in the place of references: one load for each model, one object for each row.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { identityOf, type Key, type Reference } from "../wire/reference.ts";
import type { ModelDescription, OrmAdapter } from "./adapter.ts";
import { checkKey } from "./key.ts";
import { findModel } from "./registry.ts";

/** The rows that were there, and the references whose rows were not. */
export interface LoadedRows {
  /** The row of a reference; the same object for equal references; undefined when it is missing. */
  rowOf(reference: Reference): object | undefined;
  /** The model of a row that came from here. */
  modelOf(row: object): string | undefined;
  /** The references whose rows the database does not have: each once, in the order they were given. */
  readonly missing: readonly Reference[];
}

/** What is asked of one adapter about one model. */
interface Request {
  readonly description: ModelDescription;
  readonly adapter: OrmAdapter;
  /** By identity, so that each row is asked for once. */
  readonly keys: Map<string, Key>;
}

/**
 * Loads the rows of references: all models at once, and each model's rows in one {@link OrmAdapter.load}.
 *
 * @throws PetioleError `ERR_MODEL_UNKNOWN` when no adapter has a reference's model, `ERR_REFERENCE_KEY` when a
 * key does not fit its model, `ERR_DATABASE_UNREACHABLE` (with the `cause`) when an adapter fails or gives
 * what is not rows. A row that could not be asked for is never reported as missing.
 */
export async function loadReferences(
  adapters: readonly OrmAdapter[],
  references: readonly Reference[],
): Promise<LoadedRows> {
  const requests = new Map<string, Request>();
  const asked = new Map<string, Reference>();
  for (const reference of references) {
    const request = requests.get(reference.model) ?? {
      ...findModel(adapters, reference.model),
      keys: new Map<string, Key>(),
    };
    requests.set(reference.model, request);
    request.keys.set(reference.identity, checkKey(request.description, reference.pk));
    if (!asked.has(reference.identity)) asked.set(reference.identity, reference);
  }

  const rows = new Map<string, object>();
  const models = new Map<object, string>();
  await Promise.all(
    [...requests.values()].map(async (request) => {
      for (const [identity, row] of await loadRows(request)) {
        rows.set(identity, row);
        models.set(row, request.description.name);
      }
    }),
  );

  return {
    rowOf: (reference) => rows.get(reference.identity),
    modelOf: (row) => models.get(row),
    missing: [...asked].filter(([identity]) => !rows.has(identity)).map(([, reference]) => reference),
  };
}

async function loadRows({ description, adapter, keys }: Request): Promise<Map<string, object>> {
  try {
    const loaded: unknown = await adapter.load(description.name, [...keys.values()]);
    if (!Array.isArray(loaded)) throw new TypeError(`load() gave ${describe(loaded)}, not an array of rows`);
    return matchRows({ description, adapter, keys }, loaded);
  } catch (cause) {
    // Not the database's fault, and no better later.
    if (cause instanceof PetioleError && cause.code === "ERR_MODEL_DEFINITION") throw cause;
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
