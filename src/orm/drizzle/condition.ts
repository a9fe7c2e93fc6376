/**
 * `where` conditions for many keys, with the operators of the user's own Drizzle.
 *
 * @module
 */
import { anyOf, chunked, keysInStatement, partOf } from "../../model/key-chunks.ts";
import { impossible } from "../../model/key-part.ts";
import type { Key } from "../../model/ref.ts";
import { bindable } from "./key-value.ts";
import type { DrizzleOperators } from "./operators.ts";
import type { KeyColumn } from "./table.ts";

/** The operators as they are called here: the columns that they are for are known at run time only. */
interface Operators {
  inArray(column: unknown, values: readonly unknown[]): unknown;
  eq(column: unknown, value: unknown): unknown;
  and(...conditions: readonly unknown[]): unknown;
  or(...conditions: readonly unknown[]): unknown;
}

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  operators: DrizzleOperators,
  key: readonly [KeyColumn, ...KeyColumn[]],
  keys: readonly Key[],
): readonly unknown[] {
  const { inArray, eq, and, or } = operators as unknown as Operators;
  const [first, ...others] = key;
  const size = keysInStatement(key.length);
  if (others.length === 0) {
    const values = keys
      .map((each) => bindable(first.column, partOf(each, first.attribute)))
      .filter((value) => value !== impossible);
    return chunked(values, size).map((chunk) => inArray(first.column, chunk));
  }
  const rows = keys
    .map((each) =>
      key.map(({ attribute, column }) => ({ column, value: bindable(column, partOf(each, attribute)) })),
    )
    .filter((row) => row.every(({ value }) => value !== impossible));
  return chunked(rows, size).map((chunk) =>
    anyOf(
      chunk.map((row) => and(...row.map(({ column, value }) => eq(column, value)))),
      (conditions) => or(...conditions),
    ),
  );
}
