/**
 * What a reference says beside model and key, in its tag: `"ifMissing": "skip"`, `"with": ["author"]`, `"version": "3"`.
 * Python and people may write it by hand, so all of it is checked.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import type { ReferenceDetails } from "../reference.ts";
import { isPlainArray } from "../plain.ts";
import { isPlainRecord } from "../tag.ts";

/** So many relations, each of so many characters, bound what a text can make a database do. */
const mostRelations = 20;
const longestName = 200;

type Check = (value: unknown) => boolean;

const isName: Check = (value) => typeof value === "string" && value !== "" && value.length <= longestName;
function oneOf(...names: readonly string[]): readonly [Check, string] {
  const expected = names.map((name) => `"${name}"`).join(", ");
  return [(value) => names.includes(value as string), expected.replace(/, ("\w+")$/, " or $1")];
}
const areNames: Check = (value) => Array.isArray(value) && isPlainArray(value) && value.every(isName);

/** What each of the details may be, and how errors say it. */
const checks: Readonly<Record<keyof ReferenceDetails, readonly [Check, string]>> = {
  connection: [isName, `a name of up to ${longestName} characters`],
  with: [
    (value) => areNames(value) && (value as unknown[]).length <= mostRelations,
    `up to ${mostRelations} names of relations`,
  ],
  scope: oneOf("all"),
  from: oneOf("primary", "replica"),
  ifMissing: oneOf("fail", "skip", "wait", "null"),
  ifChanged: oneOf("run", "skip", "fail"),
  version: [(value) => typeof value === "string", "a text"],
  digest: [isDigest, "a sha256 of fields"],
};

function isDigest(value: unknown): boolean {
  if (!isPlainRecord(value)) return false;
  const { fields, sha256, ...rest } = value;
  return areNames(fields) && isName(sha256) && Object.keys(rest).length === 0;
}

/** What is wrong with details; undefined when nothing is. */
export function problemIn(details: ReferenceDetails): readonly [expected: string, found: string] | undefined {
  for (const [name, value] of Object.entries(details)) {
    if (!Object.hasOwn(checks, name))
      return [`what a reference says (${Object.keys(checks).join(", ")})`, describe(name)];
    const [fits, expected] = checks[name as keyof ReferenceDetails];
    if (!fits(value)) return [`${expected} as its ${name}`, describe(value)];
  }
  const { ifChanged = "run", version, digest } = details;
  if (ifChanged === "run" || version !== undefined || digest !== undefined) return undefined;
  return ["a version or a digest beside ifChanged: make it from the row", "neither"];
}
