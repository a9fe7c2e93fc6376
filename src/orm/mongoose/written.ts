/**
 * What a call of a collection's method has written, by what it was given and what came of it.
 *
 * @module
 */
import type { SaveOperation } from "../../model/observer.ts";

/** A row that was written, or rows that are not known. */
export interface WrittenRow {
  readonly operation: SaveOperation;
  readonly known: Fields;
  readonly isWhole: boolean;
}

type Fields = Readonly<Record<string, unknown>>;
type Outcome = { readonly result: unknown } | { readonly error: unknown };

/**
 * The rows, in the order in which they were written.
 *
 * @param given - the method's first parameter: a document, a filter, or a list
 * @param isOrdered - of a list, whether the first failure ends it
 */
export function written(
  method: string,
  given: unknown,
  isOrdered: boolean,
  outcome: Outcome,
): readonly WrittenRow[] {
  if (method === "bulkWrite") return ofMany(asList(given), bulk, outcome, isOrdered);
  if (method === "insertMany") return ofMany(asList(given), insert, outcome, isOrdered);
  if ("error" in outcome) return [];
  const result = asFields(outcome.result);
  switch (method) {
    case "insertOne":
      return insert(given, { id: result["insertedId"] });
    case "updateOne":
    case "updateMany":
    case "replaceOne":
      return update(given, { id: result["upsertedId"], count: result["modifiedCount"] });
    case "deleteOne":
    case "deleteMany":
      return remove(given, result["deletedCount"]);
    default:
      return found(method, outcome.result, given);
  }
}

interface Effect {
  /** The `_id` of what was inserted, where the driver or the server made it. */
  readonly id?: unknown;
  /** How many rows; undefined where the server was not asked to say. */
  readonly count?: unknown;
}

function insert(document: unknown, effect: Effect): readonly WrittenRow[] {
  const known = { ...asFields(document) };
  if (effect.id !== undefined && effect.id !== null) known["_id"] = effect.id;
  return [{ operation: "insert", known, isWhole: true }];
}

function update(filter: unknown, effect: Effect): readonly WrittenRow[] {
  if (effect.id !== undefined && effect.id !== null)
    return [{ operation: "insert", known: { ...pinned(filter), _id: effect.id }, isWhole: false }];
  return effect.count === 0 ? [] : [{ operation: "update", known: pinned(filter), isWhole: false }];
}

function remove(filter: unknown, count: unknown): readonly WrittenRow[] {
  return count === 0 ? [] : [{ operation: "delete", known: pinned(filter), isWhole: false }];
}

/** One operation of a bulk write, of which the server says only how many of all there were. */
function bulk(operation: unknown, effect: Effect, total: Fields): readonly WrittenRow[] {
  const [[kind, model] = ["", undefined]] = Object.entries(asFields(operation));
  const { document, filter } = asFields(model);
  if (kind === "insertOne") return insert(document ?? model, effect);
  if (kind.startsWith("delete")) return remove(filter, total["deletedCount"]);
  return update(filter, { ...effect, count: total["modifiedCount"] });
}

function ofMany(
  items: readonly unknown[],
  rowsOf: (item: unknown, effect: Effect, total: Fields) => readonly WrittenRow[],
  outcome: Outcome,
  isOrdered: boolean,
): readonly WrittenRow[] {
  const failed = "error" in outcome ? failedIn(outcome.error) : [];
  if (failed === undefined) return [];
  // Of a bulk write that failed in part, the error holds the result.
  const result = asFields("error" in outcome ? asFields(outcome.error)["result"] : outcome.result);
  const first = Math.min(...failed, items.length);
  return items.flatMap((item, index) => {
    if (isOrdered ? index >= first : failed.includes(index)) return [];
    const id = asFields(result["upsertedIds"])[index] ?? asFields(result["insertedIds"])[index];
    return rowsOf(item, { id }, result);
  });
}

/** Which operations of a bulk write failed; undefined when all of it did, or that is not known. */
function failedIn(error: unknown): readonly number[] | undefined {
  const errors: unknown = asFields(error)["writeErrors"];
  const list = Array.isArray(errors) ? (errors as unknown[]) : errors === undefined ? [] : [errors];
  const indexes = list.map((each) => asFields(each)["index"]).filter((index) => typeof index === "number");
  return indexes.length > 0 ? indexes : undefined;
}

/** The row that was found and changed, with what was done to it. */
function found(method: string, result: unknown, filter: unknown): readonly WrittenRow[] {
  const { lastErrorObject, value } = asFields(result);
  const { upserted, n } = asFields(lastErrorObject);
  if (upserted !== undefined && upserted !== null)
    return [
      {
        operation: "insert",
        known: { ...pinned(filter), ...asFields(value), _id: upserted },
        isWhole: false,
      },
    ];
  if (n === 0 || (n === undefined && !value)) return [];
  const operation = method === "findOneAndDelete" ? "delete" : "update";
  // It may be the row as it was before, and a part of it.
  return [{ operation, known: { ...pinned(filter), ...asFields(value) }, isWhole: false }];
}

/** What a filter says about the rows that it finds: each value that it asks for itself. */
function pinned(filter: unknown): Fields {
  const known = Object.entries(asFields(filter)).map(([name, value]): [string, unknown] => {
    const condition = asFields(value);
    return [name, Object.keys(condition).join() === "$eq" ? condition["$eq"] : value];
  });
  return Object.fromEntries(known.filter(([name, value]) => !name.startsWith("$") && !isCondition(value)));
}

function isCondition(value: unknown): boolean {
  return value instanceof RegExp || Object.keys(asFields(value)).some((name) => name.startsWith("$"));
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
