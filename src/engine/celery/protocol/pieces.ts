/**
 * The parts of JSON, each as the text that it came as.
 *
 * @module
 */
import { malformed } from "./malformed.ts";
import { scanValue, skipSpace } from "./scanner.ts";

/** A property of an object: its name, and its value's text. */
export interface Member {
  readonly name: string;
  /** The name as it is written, with its quotes. */
  readonly key: string;
  readonly value: string;
}

/**
 * The items of a text that is an array.
 *
 * @param what for errors: `body[0]`
 * @throws DecodeError when it is none
 */
export function itemsOf(text: string, what: string): readonly string[] {
  const items: string[] = [];
  let at = skipSpace(text, 0);
  if (text[at] !== "[") throw malformed(what, "an array", kindAt(text, at));
  at = skipSpace(text, at + 1);
  if (text[at] === "]") at++;
  else
    for (;;) {
      const end = scanValue(text, at, what);
      items.push(text.slice(at, end));
      at = skipSpace(text, end);
      if (text[at] === "]") {
        at++;
        break;
      }
      if (text[at] !== ",") throw malformed(what, "`,` or `]`", found(text, at));
      at = skipSpace(text, at + 1);
    }
  checkEnd(text, at, what);
  return items;
}

/**
 * The properties of a text that is an object, in their order; a name that is there twice, twice.
 *
 * @throws DecodeError when it is none
 */
export function membersOf(text: string, what: string): readonly Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, 0);
  if (text[at] !== "{") throw malformed(what, "an object", kindAt(text, at));
  at = skipSpace(text, at + 1);
  if (text[at] === "}") at++;
  else
    for (;;) {
      if (text[at] !== '"') throw malformed(what, "a property's name", found(text, at));
      const keyEnd = scanValue(text, at, what);
      const key = text.slice(at, keyEnd);
      at = skipSpace(text, keyEnd);
      if (text[at] !== ":") throw malformed(what, "`:`", found(text, at));
      at = skipSpace(text, at + 1);
      const end = scanValue(text, at, what);
      members.push({ name: nameOf(key), key, value: text.slice(at, end) });
      at = skipSpace(text, end);
      if (text[at] === "}") {
        at++;
        break;
      }
      if (text[at] !== ",") throw malformed(what, "`,` or `}`", found(text, at));
      at = skipSpace(text, at + 1);
    }
  checkEnd(text, at, what);
  return members;
}

/** The name that a key stands for. */
export function nameOf(key: string): string {
  return key.includes("\\") ? (JSON.parse(key) as string) : key.slice(1, -1);
}

/** Whether these are the properties of a tag, or of what Kombu would take for one. */
export function areTagKeys(members: readonly { readonly name: string }[]): boolean {
  const names = new Set(members.map((member) => member.name));
  return names.size === 2 && names.has("__type__") && names.has("__value__");
}

function checkEnd(text: string, at: number, what: string): void {
  const end = skipSpace(text, at);
  if (end < text.length) throw malformed(what, "the end of the text", found(text, end));
}

/** What begins there, in a word. */
export function kindAt(text: string, at: number): string {
  const first = text[at];
  if (first === "{") return "an object";
  if (first === "[") return "an array";
  if (first === '"') return "a string";
  if (first === undefined) return "nothing";
  if (first === "n") return "null";
  if (first === "t" || first === "f") return "a boolean";
  return /[-0-9NI]/.test(first) ? "a number" : found(text, at);
}

function found(text: string, at: number): string {
  return at >= text.length ? "the end of the text" : JSON.stringify(text.slice(at, at + 20));
}

/** The text that a JSON string stands for; undefined for other JSON. */
export function stringOf(text: string): string | undefined {
  return text.startsWith('"') ? (JSON.parse(text) as string) : undefined;
}

/** Whether whitespace is around it, which is lost where it becomes a piece of another text. */
export function isPadded(text: string): boolean {
  return skipSpace(text, 0) > 0 || /[ \t\r\n]/.test(text.at(-1) ?? "");
}
