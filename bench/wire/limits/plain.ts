import type { Codec } from "../case.ts";

/** For a and b: whether all of it is plain, then JSON. Back: whether the text has a tag anywhere, then JSON. */
export const plain: Codec = {
  encode(value: unknown) {
    if (!isPlain(value)) throw new TypeError("not plain");
    return JSON.stringify(value);
  },
  decode(text: string) {
    if (text.includes("__type__")) throw new TypeError("not plain");
    return JSON.parse(text);
  },
};

/** The tests of an item are written out in both loops: that is what makes it fast. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const item: unknown = value[at];
      if (typeof item === "string" || typeof item === "boolean" || item === null) continue;
      if (typeof item === "number" ? !isJsonNumber(item) : typeof item !== "object" || !isPlain(item))
        return false;
    }
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key in value as object) {
    const item = (value as Record<string, unknown>)[key];
    if (typeof item === "string" || typeof item === "boolean" || item === null) continue;
    if (typeof item === "number" ? !isJsonNumber(item) : typeof item !== "object" || !isPlain(item))
      return false;
  }
  return true;
}

function isJsonNumber(value: number): boolean {
  return value - value === 0 && (value !== 0 || 1 / value > 0);
}
