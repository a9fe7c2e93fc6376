/**
 * What a reference says beside model and key, in its tag: `"ifMissing": "skip"`, `"with": ["author"]`, `"version": "3"`.
 * Python and people may write it by hand, so all of it is checked.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import type { ReferenceDetails } from "../reference.ts";
import { isPlainArray } from "../plain.ts";
import { Malformed, Unportable, isPlainRecord } from "../tag.ts";

/** So many relations, each of so many characters, bound what a text can make a database do. */
const mostRelations = 20;
const longestName = 200;

type Check = (value: unknown) => boolean;

const isName: Check = (value) => typeof value === "string" && value !== "" && value.length <= longestName;
const isOneOf =
  (...names: readonly string[]): Check =>
  (value) =>
    names.includes(value as string);
const areNames: Check = (value) => Array.isArray(value) && isPlainArray(value) && value.every(isName);

/** What each of the details may be, and how errors say it. */
const checks: Readonly<Record<keyof ReferenceDetails, readonly [Check, string]>> = {
  connection: [isName, `a name of up to ${longestName} characters`],
  with: [
    (value) => areNames(value) && (value as unknown[]).length <= mostRelations,
    `up to ${mostRelations} names of relations`,
  ],
  scope: [isOneOf("all"), '"all"'],
  from: [isOneOf("primary", "replica"), '"primary" or "replica"'],
  ifMissing: [isOneOf("fail", "skip", "wait", "null"), '"fail", "skip", "wait" or "null"'],
  ifChanged: [isOneOf("run", "skip", "fail"), '"run", "skip" or "fail"'],
  version: [(value) => typeof value === "string", "a text"],
  digest: [isDigest, "a sha256 of fields"],
};

function isDigest(value: unknown): boolean {
  if (!isPlainRecord(value)) return false;
  const { fields, sha256, ...rest } = value;
  return areNames(fields) && isName(sha256) && Object.keys(rest).length === 0;
}

/** The details for a text. @throws Unportable */
export function checkDetails(details: ReferenceDetails): object {
  for (const [name, value] of Object.entries(details)) {
    if (!Object.hasOwn(checks, name)) {
      const names = Object.keys(checks).join(", ");
      throw new Unportable(`it says ${describe(name)}, which no reference does: there are ${names}`);
    }
    const problem = problemOf(name, value);
    if (problem !== undefined)
      throw new Unportable(`its ${name} must be ${problem}, and is ${describe(value)}`);
  }
  if (lacksVersion(details)) {
    throw new Unportable(
      "its ifChanged needs the row's version: make it from the row, ref(table, row, { ifChanged })",
    );
  }
  return details;
}

/** The details from a text; undefined where there are none. @throws Malformed */
export function readDetails(found: Readonly<Record<string, unknown>>): ReferenceDetails | undefined {
  const names = Object.keys(found);
  if (names.length === 0) return undefined;
  for (const name of names) {
    if (!Object.hasOwn(checks, name))
      throw new Malformed("a model, a pk and what a reference may say", `also ${describe(name)}`);
    const problem = problemOf(name, found[name]);
    if (problem !== undefined) throw new Malformed(`${problem} as its ${name}`, describe(found[name]));
  }
  const details = found as ReferenceDetails;
  if (lacksVersion(details)) throw new Malformed("a version or a digest beside ifChanged", "neither");
  return details;
}

/** What it must be; undefined when it is. */
function problemOf(name: string, value: unknown): string | undefined {
  const [fits, expected] = checks[name as keyof ReferenceDetails];
  return fits(value) ? undefined : expected;
}

function lacksVersion({ ifChanged, version, digest }: ReferenceDetails): boolean {
  return ifChanged !== undefined && ifChanged !== "run" && version === undefined && digest === undefined;
}
