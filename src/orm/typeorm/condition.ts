/**
 * `where` conditions for many keys.
 *
 * @module
 */
import type { Key, KeyPart } from "../../model/ref.ts";
import type { Entity, KeyAttribute } from "./entity.ts";
import { bindable, impossible } from "./key.ts";
import type { DriverLike } from "./like.ts";

/** What the selected entity is called in a statement: short, for PostgreSQL cuts names after 63 characters. */
export const alias = "p";

/** A condition in the language of TypeORM's query builders. */
export interface Condition {
  readonly text: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** SQLite takes 32,766 variables in a statement and PostgreSQL 65,535. */
const maxVariables = 10_000;
/** SQLite: 25,000 pairs take twice as long in statements of 5,000 pairs as in those of 1,000. */
const maxCompositeKeys = 1_000;

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  entity: Entity,
  driver: DriverLike,
  keys: readonly Key[],
): readonly Condition[] {
  const [first, ...others] = entity.key;
  const rows = keys
    .map((key) => entity.key.map((attribute) => bindable(attribute.kind, driver, partOf(key, attribute))))
    .filter((row) => !row.includes(impossible));
  if (others.length === 0) {
    const values = rows.map(([value]) => value);
    return chunked(values, maxVariables).map((chunk) => ({
      text: `${alias}.${first.name} IN (:...keys)`,
      parameters: { keys: chunk },
    }));
  }
  const size = Math.min(maxCompositeKeys, Math.floor(maxVariables / entity.key.length));
  return chunked(rows, size).map((chunk) => {
    const parameters: Record<string, unknown> = {};
    const texts = chunk.map((row, index) => {
      const equalities = row.map((value, part) => {
        parameters[`key${index}_${part}`] = value;
        return `${alias}.${entity.key[part]?.name} = :key${index}_${part}`;
      });
      return `(${equalities.join(" AND ")})`;
    });
    return { text: anyOf(texts), parameters };
  });
}

/** `OR` as a balanced tree: SQLite refuses expressions that are more than 1,000 levels deep. */
function anyOf(texts: readonly string[]): string {
  if (texts.length <= 2) return `(${texts.join(" OR ")})`;
  const middle = texts.length >> 1;
  return `(${anyOf(texts.slice(0, middle))} OR ${anyOf(texts.slice(middle))})`;
}

function partOf(key: Key, { name }: KeyAttribute): KeyPart | undefined {
  return typeof key === "object" ? key[name] : key;
}

function chunked<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += size) chunks.push(items.slice(start, start + size));
  return chunks;
}
