/**
 * `where` conditions for many keys.
 *
 * @module
 */
import { anyOf, chunked, keysInStatement, partOf } from "../../model/key-chunks.ts";
import { impossible } from "../../model/key-part.ts";
import type { Key } from "../../model/ref.ts";
import type { Entity } from "./entity.ts";
import { bindable } from "./key.ts";
import type { DriverLike } from "./like.ts";

/** What the selected entity is called in a statement: short, for PostgreSQL cuts names after 63 characters. */
export const alias = "p";

/** A condition in the language of TypeORM's query builders. */
export interface Condition {
  readonly text: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  entity: Entity,
  driver: DriverLike,
  keys: readonly Key[],
): readonly Condition[] {
  const [first, ...others] = entity.key;
  const size = keysInStatement(entity.key.length);
  const rows = keys
    .map((key) =>
      entity.key.map((attribute) => bindable(attribute.kind, driver, partOf(key, attribute.name))),
    )
    .filter((row) => !row.includes(impossible));
  if (others.length === 0) {
    const values = rows.map(([value]) => value);
    return chunked(values, size).map((chunk) => ({
      text: `${alias}.${first.name} IN (:...keys)`,
      parameters: { keys: chunk },
    }));
  }
  return chunked(rows, size).map((chunk) => {
    const parameters: Record<string, unknown> = {};
    const texts = chunk.map((row, index) => {
      const equalities = row.map((value, part) => {
        parameters[`key${index}_${part}`] = value;
        return `${alias}.${entity.key[part]?.name} = :key${index}_${part}`;
      });
      return `(${equalities.join(" AND ")})`;
    });
    return { text: anyOf(texts, (some) => `(${some.join(" OR ")})`), parameters };
  });
}
