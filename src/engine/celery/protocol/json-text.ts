/**
 * JSON texts of others: read exactly, and changed in one place so that all else stays as it is, byte for byte.
 *
 * @module
 */

/** `JSON.parse` and `JSON.rawJSON` as Node has them since 22. */
const json = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
};

/**
 * Parses JSON. Whole numbers that a number cannot hold, as Python writes them, become what `JSON.stringify` writes as
 * they were: `JSON.rawJSON()`.
 */
export function parseExactly(text: string): unknown {
  // Nearly always so, and many times as fast.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return json.parse(text, (_key, value, { source }) =>
    typeof value === "number" &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    /^-?\d+$/.test(source)
      ? json.rawJSON(source)
      : value,
  );
}

/** Where something lies in a text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const space = new Set([" ", "\t", "\n", "\r"]);

/** Where what is no space begins. */
function skip(text: string, at: number): number {
  let next = at;
  while (space.has(text[next]!)) next++;
  return next;
}

/** After the string that begins here. */
function afterString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let first = quote;
    while (text[first - 1] === "\\") first--;
    if ((quote - first) % 2 === 0) return quote + 1;
  }
  throw new SyntaxError("A string in JSON has no end.");
}

/** The value that begins here, or after the space here. @throws SyntaxError where it has no end */
export function valueAt(text: string, at: number): Span {
  const start = skip(text, at);
  let depth = 0;
  let next = start;
  while (next < text.length) {
    const character = text[next]!;
    if (character === '"') next = afterString(text, next);
    else if (character === "{" || character === "[") {
      depth++;
      next++;
      continue;
    } else if (character === "}" || character === "]") {
      if (depth === 0) throw new SyntaxError("There is no value in JSON.");
      depth--;
      next++;
    } else if (depth > 0) {
      next++;
      continue;
    } else {
      while (next < text.length && !space.has(text[next]!) && !",]}:".includes(text[next]!)) next++;
      if (next === start) throw new SyntaxError("There is no value in JSON.");
    }
    if (depth === 0) return { start, end: next };
  }
  throw new SyntaxError("A value in JSON has no end.");
}

/** The values of the array that begins here. */
export function itemsAt(text: string, at: number): Span[] {
  const items: Span[] = [];
  let next = skip(text, at);
  if (text[next] !== "[") throw new SyntaxError("There is no array in JSON.");
  next = skip(text, next + 1);
  while (text[next] !== "]") {
    const item = valueAt(text, next);
    items.push(item);
    next = skip(text, item.end);
    if (text[next] === ",") next = skip(text, next + 1);
  }
  return items;
}

/** The value of a member of the object that begins here; of several the last, as readers have it. */
function memberAt(text: string, at: number, name: string): Span | undefined {
  let found: Span | undefined;
  let next = skip(text, at + 1);
  while (text[next] === '"') {
    const key = valueAt(text, next);
    const value = valueAt(text, skip(text, key.end) + 1);
    if (JSON.parse(text.slice(key.start, key.end)) === name) found = value;
    next = skip(text, value.end);
    if (text[next] === ",") next = skip(text, next + 1);
  }
  return found;
}

/**
 * The text with a member set to a value, itself JSON. Where what is to hold it is missing, or no object, the text as it is.
 *
 * @param path the names that lead to it: `["properties", "priority"]`
 */
export function withMember(text: string, path: readonly string[], json: string, from = 0): string {
  const [name = "", ...rest] = path;
  const at = skip(text, from);
  if (text[at] !== "{") return text;
  const member = memberAt(text, at, name);
  if (rest.length > 0) return member === undefined ? text : withMember(text, rest, json, member.start);
  if (member !== undefined) return text.slice(0, member.start) + json + text.slice(member.end);
  const comma = text[skip(text, at + 1)] === "}" ? "" : ",";
  return `${text.slice(0, at + 1)}${JSON.stringify(name)}:${json}${comma}${text.slice(at + 1)}`;
}
