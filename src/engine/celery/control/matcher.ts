/**
 * Patterns of workers' names, as Kombu reads them.
 *
 * @module
 */
import { createContext, runInContext, type Context } from "node:vm";
import { warn } from "./warnings.ts";

/** Longer ones are nobody's. */
const longest = 1000;

/** How long a pattern may be looked for, in milliseconds: who wrote it may have meant harm. */
const patience = 50;

/** So long, in milliseconds, all patterns of a minute may be looked for together: nothing else runs here meanwhile. */
const patienceOfAll = 250;

/** For how long no expressions are read once that is used up, or one took too long, in milliseconds. */
const rest = 60_000;

/** So many answers are remembered: who asks often, asks the same. */
const remembered = 100;

/** Whether a name is like a pattern. Never throws: what cannot be read is like none. */
export function matches(name: string, pattern: string, matcher: string): boolean {
  if (pattern.length > longest) return wrong(pattern, `it has more than ${longest} characters`);
  if (matcher === "glob") return matchesGlob(name, pattern);
  if (matcher === "pcre") return matchesExpression(name, pattern);
  return wrong(pattern, `its matcher ${JSON.stringify(matcher.slice(0, 50))} is neither glob nor pcre`);
}

/** As Python's `fnmatch` on Unix: `*`, `?`, `[abc]`, `[!a-z]`, of the whole name. In time that does not explode. */
export function matchesGlob(name: string, pattern: string): boolean {
  const parts = partsOf(pattern);
  const letters = [...name];
  let at = 0;
  let part = 0;
  // Where to go on when what follows the latest star does not fit: one letter more is the star's.
  let star = -1;
  let after = 0;
  while (at < letters.length) {
    const each = parts[part];
    if (each === "*") {
      star = part;
      part += 1;
      after = at;
    } else if (each !== undefined && each(letters[at]!)) {
      part += 1;
      at += 1;
    } else if (star >= 0) {
      part = star + 1;
      after += 1;
      at = after;
    } else return false;
  }
  while (parts[part] === "*") part += 1;
  return part === parts.length;
}

type Part = "*" | ((letter: string) => boolean);

function partsOf(pattern: string): readonly Part[] {
  const letters = [...pattern];
  const parts: Part[] = [];
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at]!;
    if (letter === "*") parts.push("*");
    else if (letter === "?") parts.push(() => true);
    else if (letter === "[") {
      const isNot = letters[at + 1] === "!";
      const from = at + (isNot ? 2 : 1);
      // A bracket that comes first is one of the set.
      const end = letters.indexOf("]", from + 1);
      if (end < 0) parts.push((other) => other === "[");
      else {
        const set = letters.slice(from, end);
        parts.push((other) => isIn(other, set) !== isNot);
        at = end;
      }
    } else parts.push((other) => other === letter);
  }
  return parts;
}

function isIn(letter: string, set: readonly string[]): boolean {
  for (let at = 0; at < set.length; at++) {
    const isRange = set[at + 1] === "-" && at + 2 < set.length;
    if (isRange ? set[at]! <= letter && letter <= set[at + 2]! : set[at] === letter) return true;
    if (isRange) at += 2;
  }
  return false;
}

let context: Context | undefined;
const answers = new Map<string, boolean>();
let spent = 0;
let since = Number.NEGATIVE_INFINITY;
let restsUntil = Number.NEGATIVE_INFINITY;

/** As Python's `re.match`: from the name's beginning on, and not to its end unless the pattern says so. */
function matchesExpression(name: string, pattern: string): boolean {
  const key = JSON.stringify([name, pattern]);
  const known = answers.get(key);
  if (known !== undefined) return known;
  context ??= createContext(Object.create(null) as object);
  const now = performance.now();
  if (now < restsUntil)
    return wrong(pattern, "patterns of that kind have taken too long, and for a minute none is read");
  if (now >= since + rest) {
    since = now;
    spent = 0;
  }
  const answer = look(context, name, pattern);
  const ended = performance.now();
  spent += ended - now;
  if (spent >= patienceOfAll) restsUntil = Math.max(restsUntil, ended + rest);
  answers.set(key, answer);
  if (answers.size > remembered) answers.delete(answers.keys().next().value!);
  return answer;
}

function look(context: Context, name: string, pattern: string): boolean {
  Object.assign(context, { name, pattern });
  try {
    // Looked for apart, so that it can be stopped: an expression may take for ever.
    return runInContext("new RegExp(`^(?:${pattern})`).test(name)", context, { timeout: patience }) === true;
  } catch (error) {
    const { name: kind, message } = error as Error;
    // What is no expression is a SyntaxError; all else that can be is that it took too long.
    if (kind !== "SyntaxError") restsUntil = performance.now() + rest;
    return wrong(pattern, message);
  }
}

function wrong(pattern: string, problem: string): false {
  warn(
    "pattern",
    `The pattern ${JSON.stringify(pattern.slice(0, 100))} of a control message is like no worker's name: ${problem}.`,
  );
  return false;
}
