/**
 * `where` conditions for many keys, with the operators of the user's own Drizzle.
 *
 * @module
 */
import type { Key, KeyPart } from "../../model/ref.ts";
import { bindable, isPossible } from "./key-value.ts";
import type { DrizzleOperators } from "./operators.ts";
import type { KeyColumn } from "./table.ts";

/** The operators as they are called here: the columns that they are for are known at run time only. */
interface Operators {
  inArray(column: unknown, values: readonly unknown[]): unknown;
  eq(column: unknown, value: unknown): unknown;
  and(...conditions: readonly unknown[]): unknown;
  or(...conditions: readonly unknown[]): unknown;
}

/** SQLite takes 32,766 variables in a statement and PostgreSQL 65,535. */
const maxVariables = 10_000;
/** Measured on SQLite: 25,000 pairs take twice as long in statements of 5,000 pairs as in those of 1,000. */
const maxCompositeKeys = 1_000;

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  operators: DrizzleOperators,
  key: readonly [KeyColumn, ...KeyColumn[]],
  keys: readonly Key[],
): readonly unknown[] {
  const { inArray, eq, and, or } = operators as unknown as Operators;
  const [first, ...others] = key;
  if (others.length === 0) {
    const values = keys.map((each) => bindable(first.column, partOf(each, first))).filter(isPossible);
    return chunked(values, maxVariables).map((chunk) => inArray(first.column, chunk));
  }
  const rows = keys
    .map((each) =>
      key.map((part) => ({ column: part.column, value: bindable(part.column, partOf(each, part)) })),
    )
    .filter((row) => row.every(({ value }) => isPossible(value)));
  const size = Math.min(maxCompositeKeys, Math.floor(maxVariables / key.length));
  return chunked(rows, size).map((chunk) =>
    anyOf(
      or,
      chunk.map((row) => and(...row.map(({ column, value }) => eq(column, value)))),
    ),
  );
}

/** `or` as a balanced tree: SQLite refuses expressions that are more than 1,000 levels deep. */
function anyOf(or: Operators["or"], conditions: readonly unknown[]): unknown {
  if (conditions.length <= 2) return or(...conditions);
  const middle = conditions.length >> 1;
  return or(anyOf(or, conditions.slice(0, middle)), anyOf(or, conditions.slice(middle)));
}

function partOf(key: Key, { attribute }: KeyColumn): KeyPart | undefined {
  return typeof key === "object" ? key[attribute] : key;
}

function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}
