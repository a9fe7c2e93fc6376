/** JSON text of a tree of plain data, however deep. @module */

/** Like `JSON.stringify`, for plain data alone. */
export function stringify(tree: unknown): string {
  // Called, and not data, where some library of old has added it to what all arrays or objects have.
  const isChanged = "toJSON" in [];
  try {
    if (!isChanged) return JSON.stringify(tree);
  } catch (error) {
    // Not every runtime's own writes data that is thousands of levels deep.
    if (!(error instanceof RangeError)) throw error;
  }
  return stringifyDeep(tree);
}

interface Level {
  readonly closer: string;
  readonly keys: readonly string[] | undefined;
  readonly values: readonly unknown[];
  position: number;
}

/** The same text, with levels kept in an array and not on the stack. */
export function stringifyDeep(tree: unknown): string {
  const parts: string[] = [];
  const levels: Level[] = [];
  const write = (value: unknown): void => {
    if (typeof value !== "object" || value === null) {
      parts.push(JSON.stringify(value));
    } else if (Array.isArray(value)) {
      parts.push("[");
      levels.push({ closer: "]", keys: undefined, values: value, position: 0 });
    } else {
      parts.push("{");
      levels.push({ closer: "}", keys: Object.keys(value), values: Object.values(value), position: 0 });
    }
  };
  write(tree);
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    const position = level.position++;
    if (position >= level.values.length) {
      parts.push(level.closer);
      levels.pop();
      continue;
    }
    if (position > 0) parts.push(",");
    if (level.keys) parts.push(JSON.stringify(level.keys[position]), ":");
    write(level.values[position]);
  }
  return parts.join("");
}
