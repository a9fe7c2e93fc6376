/** The values that a column has in an index, from one to the next, however many rows have each. @module */

/**
 * A query for the distinct values of a column. SQLite's own DISTINCT goes through all rows of the index.
 *
 * @param column - the column's name, which the result has as well
 * @param least - the query for the least value, `SELECT min(column) FROM … WHERE …`, to which a condition can be added
 * @see https://sqlite.org/lang_with.html
 */
export function distinct(column: string, least: string): string {
  return `WITH RECURSIVE found (${column}) AS (
    SELECT (${least})
    UNION ALL
    SELECT (${least} AND ${column} > found.${column}) FROM found WHERE ${column} IS NOT NULL)
  SELECT ${column} FROM found WHERE ${column} IS NOT NULL`;
}
