/**
 * Where the operators for `where` come from; see `docs/decisions/0002-drizzle-operators.md`.
 *
 * @module
 */
import { PetioleError } from "../../errors.ts";

/** What is used of Drizzle's operators: `import * as operators from "drizzle-orm"` has them. */
export interface DrizzleOperators {
  inArray(column: never, values: never[]): unknown;
  eq(column: never, value: never): unknown;
  and(...conditions: never[]): unknown;
  or(...conditions: never[]): unknown;
}

/**
 * Drizzle's operators, from the copy of it that this package sees.
 *
 * @throws PetioleError `ERR_MODEL_DEFINITION` when `drizzle-orm` cannot be imported.
 */
export async function importOperators(): Promise<DrizzleOperators> {
  try {
    return await import("drizzle-orm");
  } catch (cause) {
    throw new PetioleError(
      "ERR_MODEL_DEFINITION",
      "drizzle: cannot import `drizzle-orm`. Install it beside petiole, or give its operators: " +
        "drizzle(db, models, { operators: { inArray, eq, and, or } })",
      { cause },
    );
  }
}
