/**
 * Reads JSON without making values of it: where things begin and end, so that their text can be passed on as it came.
 *
 * It takes what Python's `json` writes: JSON, and the numbers `NaN`, `Infinity` and `-Infinity`. Depth costs memory and
 * never the stack.
 *
 * @module
 */
import { malformed } from "./malformed.ts";

/** What is told of a text, in its order. All positions are of the text, ends are after the last character. */
export interface Visitor {
  /** An object or an array begins. */
  open?(start: number, isObject: boolean): void;
  close?(end: number): void;
  /** A property's name, with its quotes. */
  key?(start: number, end: number): void;
  string?(start: number, end: number): void;
  /** A finite number. */
  number?(start: number, end: number, isInteger: boolean): void;
  /** `NaN`, `Infinity` or `-Infinity`. */
  special?(start: number, end: number): void;
  /** `true`, `false` or `null`. */
  literal?(start: number, end: number): void;
}

/** Deeper text is refused: a message of which each byte is a level takes too much memory to look at. */
const maxLevels = 1_000_000;

const literals = ["true", "false", "null", "NaN", "Infinity"] as const;

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** The position of the first character from `at` on that is no whitespace. */
export function skipSpace(text: string, at: number): number {
  let position = at;
  for (;;) {
    const code = text.charCodeAt(position);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return position;
    position++;
  }
}

/**
 * Reads one value, which begins at `start` or after whitespace there, and checks it to the letter.
 *
 * @param what for errors: `body`
 * @returns where it ends
 * @throws DecodeError when there is none
 */
export function scanValue(text: string, start: number, what: string, visitor: Visitor = {}): number {
  const levels: boolean[] = [];
  let at = skipSpace(text, start);
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === openBrace || code === openBracket) {
      const isObject = code === openBrace;
      visitor.open?.(at, isObject);
      if (levels.push(isObject) > maxLevels)
        throw malformed(what, `at most ${maxLevels} levels of arrays and objects`, "more");
      at = skipSpace(text, at + 1);
      if (text.charCodeAt(at) !== (isObject ? closeBrace : closeBracket)) {
        if (isObject) at = scanKey(text, at, what, visitor);
        continue;
      }
    } else {
      at = scanScalar(text, at, code, what, visitor);
      if (levels.length === 0) return at;
      at = skipSpace(text, at);
    }
    // After a value, or at the end of an empty array or object: on to the next value, or out.
    for (;;) {
      const isObject = levels.at(-1)!;
      const next = text.charCodeAt(at);
      if (next === comma) {
        at = skipSpace(text, at + 1);
        if (isObject) at = scanKey(text, at, what, visitor);
        break;
      }
      if (next !== (isObject ? closeBrace : closeBracket))
        throw unexpected(text, at, what, isObject ? "`,` or `}`" : "`,` or `]`");
      levels.pop();
      visitor.close?.(at + 1);
      if (levels.length === 0) return at + 1;
      at = skipSpace(text, at + 1);
    }
  }
}

/** Reads a text that is one value and nothing else. */
export function scanText(text: string, what: string, visitor?: Visitor): void {
  const end = skipSpace(text, scanValue(text, 0, what, visitor));
  if (end < text.length) throw unexpected(text, end, what, "the end of the text");
}

/** Reads a property's name, the colon, and the whitespace after it. */
function scanKey(text: string, at: number, what: string, visitor: Visitor): number {
  if (text.charCodeAt(at) !== quote) throw unexpected(text, at, what, "a property's name");
  const end = stringEnd(text, at, what);
  visitor.key?.(at, end);
  const after = skipSpace(text, end);
  if (text.charCodeAt(after) !== colon) throw unexpected(text, after, what, "`:`");
  return skipSpace(text, after + 1);
}

function scanScalar(text: string, at: number, code: number, what: string, visitor: Visitor): number {
  if (code === quote) {
    const end = stringEnd(text, at, what);
    visitor.string?.(at, end);
    return end;
  }
  if (code === minus || isDigit(code)) {
    if (text.startsWith("-Infinity", at)) {
      visitor.special?.(at, at + 9);
      return at + 9;
    }
    return scanNumber(text, at, what, visitor);
  }
  for (const word of literals) {
    if (!text.startsWith(word, at)) continue;
    const end = at + word.length;
    if (word === "NaN" || word === "Infinity") visitor.special?.(at, end);
    else visitor.literal?.(at, end);
    return end;
  }
  throw unexpected(text, at, what, "a value");
}

function scanNumber(text: string, start: number, what: string, visitor: Visitor): number {
  let at = text.charCodeAt(start) === minus ? start + 1 : start;
  const first = text.charCodeAt(at);
  if (!isDigit(first)) throw unexpected(text, at, what, "a digit");
  at = first === 0x30 ? at + 1 : digitsEnd(text, at);
  let isInteger = true;
  if (text.charCodeAt(at) === 0x2e) {
    isInteger = false;
    if (!isDigit(text.charCodeAt(at + 1))) throw unexpected(text, at + 1, what, "a digit");
    at = digitsEnd(text, at + 1);
  }
  const exponent = text.charCodeAt(at);
  if (exponent === 0x65 || exponent === 0x45) {
    isInteger = false;
    const sign = text.charCodeAt(at + 1);
    at += sign === minus || sign === 0x2b ? 2 : 1;
    if (!isDigit(text.charCodeAt(at))) throw unexpected(text, at, what, "a digit");
    at = digitsEnd(text, at);
  }
  visitor.number?.(start, at, isInteger);
  return at;
}

function digitsEnd(text: string, start: number): number {
  let at = start;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The position after the `"` that ends the string which begins at `start`. */
function stringEnd(text: string, start: number, what: string): number {
  let at = start + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code === backslash) {
      const escaped = text[at + 1];
      if (escaped === "u") {
        if (!/^[0-9a-fA-F]{4}$/.test(text.slice(at + 2, at + 6)))
          throw unexpected(text, at, what, "an escape of four hexadecimal digits");
        at += 6;
      } else if (escaped !== undefined && '"\\/bfnrt'.includes(escaped)) at += 2;
      else throw unexpected(text, at, what, "an escape of JSON's");
    } else if (code >= 0x20) at++;
    else throw unexpected(text, at, what, 'a character of a string, or its `"`');
  }
}

function unexpected(text: string, at: number, what: string, expected: string): Error {
  const found = at >= text.length ? "the end of the text" : JSON.stringify(text.slice(at, at + 20));
  return malformed(what, `JSON, and ${expected} at its character ${at}`, found);
}
