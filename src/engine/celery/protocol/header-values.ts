/**
 * Values of headers, which come from anyone: looked at and written without recursion.
 *
 * @module
 */

/** Whether arrays and objects are nested deeper than `depth`. */
export function isNestedDeeper(value: unknown, depth: number): boolean {
  let level: readonly unknown[] = [value];
  for (let at = 0; ; at++) {
    // Each once: what is in itself twice would double with each level.
    const nested = new Set(level.filter(isNested));
    if (nested.size === 0) return false;
    if (at >= depth) return true;
    level = [...nested].flatMap((each) => Object.values(each) as readonly unknown[]);
  }
}

function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
}

/** A value as JSON, however deep; as `JSON.stringify` has it of what `JSON.parse` gives. */
export function jsonText(value: unknown): string {
  const parts: string[] = [];
  // What is to be written still, the next last: values in arrays of one, to tell them from text.
  const rest: (string | readonly [unknown])[] = [[value]];
  while (rest.length > 0) {
    const next = rest.pop()!;
    if (typeof next === "string") {
      parts.push(next);
      continue;
    }
    const [each] = next;
    if (!isNested(each)) {
      parts.push(JSON.stringify(each) ?? "null");
      continue;
    }
    const isArray = Array.isArray(each);
    const inside: (string | readonly [unknown])[] = Object.entries(each).flatMap(([key, item], index) => [
      (index > 0 ? "," : "") + (isArray ? "" : `${JSON.stringify(key)}:`),
      [item as unknown] as const,
    ]);
    rest.push(isArray ? "]" : "}");
    for (const item of inside.toReversed()) rest.push(item);
    parts.push(isArray ? "[" : "{");
  }
  return parts.join("");
}
