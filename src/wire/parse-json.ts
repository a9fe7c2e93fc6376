/**
 * `JSON.parse`, with the keys that are in the text: V8 takes some that have escapes for others that it met before, `"\""`
 * for `"\\"`, in whatever text that was (nodejs/node#63785).
 *
 * @module
 */

const backslash = 0x5c;

/** @throws SyntaxError when the text is no JSON */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  let at = text.indexOf("\\");
  // Most have none, and are read in little more than the time in which these Maps are made.
  if (at < 0) return value;
  // Of such keys: what stands in for each as it is written, and its name by that.
  const standIns = new Map<string, string>();
  const names = new Map<string, string>();
  let salt = "";
  // The text with other names in place of such keys, as far as it is done.
  let safe = "";
  let from = 0;
  while (at >= 0) {
    const end = endOfString(text, at);
    if (isKey(text, end)) {
      const start = text.lastIndexOf('"', at);
      const key = text.slice(start, end);
      salt ||= saltFor(text);
      const standIn = standIns.get(key) ?? salt + standIns.size;
      standIns.set(key, standIn);
      names.set(standIn, JSON.parse(key) as string);
      safe += `${text.slice(from, start)}"${standIn}"`;
      from = end;
    }
    at = text.indexOf("\\", end);
  }
  return salt ? renamed(JSON.parse(safe + text.slice(from)), names) : value;
}

/** Behind the quote that ends a string, from its first backslash on. */
function endOfString(text: string, first: number): number {
  for (let at = first + 2; ; at++) {
    at = text.indexOf('"', at);
    let from = at;
    while (text.charCodeAt(from - 1) === backslash) from--;
    if ((at - from) % 2 === 0) return at + 1;
  }
}

function isKey(text: string, end: number): boolean {
  const colon = /\s*:/y;
  colon.lastIndex = end;
  return colon.test(text);
}

/** What is nowhere in a text, and no number. Whoever wrote it cannot have known. */
function saltFor(text: string): string {
  let salt = "";
  while (text.includes(salt)) salt = `~${Math.random().toString(36).slice(2, 8)}`;
  return salt;
}

/** A tree with other names for some keys, in their order. */
function renamed(tree: unknown, names: ReadonlyMap<string, string>): unknown {
  const top: Record<string | number, unknown> = { tree };
  const found = [top];
  for (const each of found) {
    for (const [key, inside] of Array.isArray(each) ? each.entries() : Object.entries(each)) {
      if (typeof inside !== "object" || inside === null) continue;
      if (!Array.isArray(inside) && Object.keys(inside).some((name) => names.has(name)))
        each[key] = Object.fromEntries(
          Object.entries(inside).map(([name, value]) => [names.get(name) ?? name, value]),
        );
      found.push(each[key] as typeof top);
    }
  }
  return top["tree"];
}
