/**
 * Text in a column of a database that holds UTF-8, which has no lone surrogates. PostgreSQL takes no NUL, and
 * `node:sqlite` before Node 24 reads no further than one. So text with either is stored as a marked JSON string, where
 * both are escaped; all other text is stored as it is, and reads well in any tool.
 *
 * The same text always gives the same column, so that it can be compared in SQL.
 *
 * @module
 */

const mark = "\u0001";

/** What to store for a text. */
export function toColumn(text: string): string {
  const plain = text.isWellFormed() && !text.includes("\0") && !text.startsWith(mark);
  return plain ? text : mark + JSON.stringify(text);
}

/** The text that was stored. Throws when the column holds a mark but no JSON string. */
export function fromColumn(column: string): string {
  if (!column.startsWith(mark)) return column;
  const text: unknown = JSON.parse(column.slice(1));
  if (typeof text !== "string") throw new TypeError("A marked column holds a JSON string.");
  return text;
}

/** The text that was stored or, when it is damaged, what is stored in its place. */
export function readableColumn(column: string): string {
  try {
    return fromColumn(column);
  } catch {
    return column;
  }
}
