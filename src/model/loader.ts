/**
 * Puts rows in the place of references: one load for each model, one object for each row.
 *
 * @module
 */
import { PetioleError, describe } from "../errors.ts";
import { identityOf, type Key, type Reference } from "../wire/reference.ts";
import type { LoadOptions, ModelDescription, OrmAdapter } from "./adapter.ts";
import { Requests, shareRows, type Request } from "./load-requests.ts";
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
/** So many keys that differ in case, hyphens or blanks alone are told apart, each of them by a query. */
const mostSpellings = 9;

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
      await loadRows(request);
      return versionsOf(request);
    }),
  );
  for (const [index, request] of requests.all.entries()) {
    const others = changedOf(request, versions[index]);
    const isAsked = others.length > 0 && request.options.from === "replica";
    changed.push(...(isAsked ? await confirmed(adapters, request, others) : others));
  }
  shareRows(requests.all);
  const isComplete = requests.all.every(({ rows }) => rows.isComplete());
  const missing = isComplete ? [] : references.filter((reference) => requests.rowOf(reference) === undefined);
  let models: Map<object, string> | undefined;
  return {
    rowOf: (reference) => requests.rowOf(reference),
    modelOf: (row) => (models ??= requests.modelsByRow()).get(row),
    missing: eachOnce(missing),
    changed,
  };
}

/** The references whose rows are others than they say. Of a replica's rows, those that may be. */
function changedOf(
  { description, adapter, detailed, rows, options }: Request,
  versions: ReadonlyMap<number, string> | undefined,
): Reference[] {
  return detailed.filter((reference) => {
    const row = rows.rowOf(reference.pk);
    const version = versions?.get(rows.placeOf(reference.pk)!);
    if (isOnPrimary(description, options))
      return row !== undefined && reference.details.version !== undefined;
    return row !== undefined && hasChanged(reference, description, adapter, row, version);
  });
}

/**
 * Those of the references whose rows the primary says are others. Of the rest, the replica has not heard yet: they are
 * given the primary's rows.
 */
async function confirmed(
  adapters: readonly OrmAdapter[],
  { rows, relations }: Request,
  references: readonly Reference[],
): Promise<readonly Reference[]> {
  // A row has what all references to it ask for.
  const more = relations.size > 0 ? { with: [...relations] } : {};
  const asked = references.map((reference) => reference.detailed({ ...more, from: "primary" }));
  const primary = await loadReferences(adapters, asked);
  const others = new Set(primary.changed);
  return references.filter((reference, index) => {
    const row = primary.rowOf(asked[index]!);
    if (row === undefined || others.has(asked[index]!)) return true;
    rows.put(reference.pk, row);
    return false;
  });
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

async function loadRows(request: Request): Promise<void> {
  const { description, adapter, rows, relations, options } = request;
  if (relations.size > mostRelations) {
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      `${description.name}: references ask for ${relations.size} relations together; ${mostRelations} are allowed`,
    );
  }
  const whole = relations.size > 0 ? { ...options, with: [...relations] } : options;
  await asked(request, async () => {
    const load = async (keys: readonly Key[]): Promise<readonly unknown[]> => {
      const loaded: unknown = await adapter.load(description.name, keys, whole);
      if (!Array.isArray(loaded))
        throw new TypeError(`load() gave ${describe(loaded)}, not an array of rows`);
      return loaded;
    };
    rows.take(adapter, await load(rows.keys));
    for (let spellings = 1; spellings < mostSpellings; spellings += 1) {
      const keys = rows.inDoubt();
      if (keys.length === 0) return;
      rows.takeAgain(adapter, keys, await load(keys));
    }
  });
  const [unknown] = rows.inDoubt();
  if (unknown === undefined) return;
  throw new PetioleError(
    "ERR_REFERENCE_KEY",
    `${description.name}: references have more than ${mostSpellings} spellings of one key, such as ${describe(unknown)}`,
  );
}

/** Whether the version of a replica's rows is not theirs: the primary would tell its own. */
function isOnPrimary({ version }: ModelDescription, { from }: LoadOptions): boolean {
  return version === xmin && from === "replica";
}

/**
 * The versions of rows, where the database alone knows them and a reference says one. They are read after the rows: a
 * row that changes in between has changed.
 */
async function versionsOf(request: Request): Promise<ReadonlyMap<number, string> | undefined> {
  const { description, adapter, detailed, options, rows } = request;
  if (description.version !== xmin || isOnPrimary(description, options)) return undefined;
  /** The keys as they are stored, by the places of their rows. */
  const keys = new Map<number, Key>();
  for (const { pk, details } of detailed) {
    const row = details.version === undefined ? undefined : rows.rowOf(pk);
    const key = row && adapter.keyOf(description.name, row);
    if (key !== undefined) keys.set(rows.placeOf(pk)!, key);
  }
  if (keys.size === 0) return undefined;
  const versions = await asked(request, () => readXmin(adapter, description, [...keys.values()], options));
  return new Map(
    [...keys].map(([place, key]) => [place, versions.get(identityOf(description.name, key)) ?? ""]),
  );
}

/** Asks a database. */
async function asked<Answer>(
  { description, adapter, rows: { size } }: Request,
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
      `${description.name}: ${adapter.name} could not load ${size} ${size === 1 ? "row" : "rows"}` +
        `${codeOf(cause)}. Whether they exist is not known; see the cause`,
      { cause },
    );
  }
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
