/**
 * Evolution: how what was written yesterday is read today. The same for value classes and for tasks' payloads.
 *
 * @module
 */
import { PetioleError, ValueError, describe, messageOf, type ErrorCode } from "../errors.ts";
import { checkName, type ValueType } from "../wire/value-type.ts";

/** The versions of something that travels, and the names it had. */
export interface Evolution<Data> {
  /**
   * The version of what is written now. A whole number, 1 unless told; raise it by one with each change that those
   * who know the last one would not understand.
   */
  readonly version?: number;
  /** For each version before, how its data becomes that of the next: `{ 1: (data) => … }`. */
  readonly upgrade?: Upgrades<Data>;
  /** The names it had before. They are read, in all versions, and never written. */
  readonly aliases?: readonly string[];
}

/**
 * For each version before the present one, a function from its data to that of the next. What it is given was
 * decoded and not checked: annotate its parameter with what that version was, and do not trust it further than the
 * check of the result reaches. It may change what it is given, and must return the result.
 */
export interface Upgrades<Data> {
  readonly [version: number]: Step<Data>["from"];
}

/** As a method, so that a step may say what the data of its version were. */
interface Step<Data> {
  from(data: Data): unknown;
}

/** Whose evolution it is, and with which code a wrong one is refused. */
interface Subject {
  readonly owner: string;
  readonly code: ErrorCode;
  /** What a step must return. */
  readonly layout: "fields" | "value";
}

/** An {@link Evolution}, checked, as a {@link ValueType} has it. */
export type Evolved = Required<Pick<ValueType, "version" | "aliases" | "upgrade">>;

/**
 * Checks how a value class has changed.
 *
 * @throws PetioleError `ERR_VALUE_DEFINITION` for versions and steps that do not fit, `ERR_TYPE_NAME` for an alias
 *   that is none
 */
export function evolutionOf(name: string, layout: ValueType["layout"], evolution: Evolution<never>): Evolved {
  const { aliases = [] } = evolution;
  for (const [index, alias] of aliases.entries()) {
    checkName(alias, `an alias of ${name}`);
    if (alias !== name && !aliases.includes(alias, index + 1)) continue;
    throw new PetioleError("ERR_TYPE_NAME", `${name} has the alias ${alias} twice, or as its name.`);
  }
  const { version = 1 } = evolution;
  const upgrade = upgrading(evolution, { owner: name, code: "ERR_VALUE_DEFINITION", layout });
  return { version, aliases, upgrade };
}

/**
 * The way from any version to the present one, a step for each version.
 *
 * @throws PetioleError with the subject's code when a step is missing or too many
 */
export function upgrading(
  { version = 1, upgrade = {} }: Evolution<never>,
  { owner, code, layout }: Subject,
): (data: unknown, from: number) => unknown {
  const refuse = (problem: string): PetioleError => new PetioleError(code, `${owner} ${problem}.`);
  if (!Number.isSafeInteger(version) || version < 1)
    throw refuse(`has version ${describe(version)}, which is no whole number above 0`);
  const given = Object.keys(upgrade);
  const wrong = given.find((key) => !(Number.isInteger(Number(key)) && key >= "1" && Number(key) < version));
  if (wrong !== undefined)
    throw refuse(`has an upgrade from ${wrong}, which is no version before its version ${version}`);
  const steps: ((data: unknown) => unknown)[] = [];
  // What is not there is found before long, however high the version.
  for (let from = 1; from < version; from++) {
    const step = (upgrade as Upgrades<unknown>)[from];
    if (typeof step !== "function") {
      throw refuse(
        `is at version ${version} and has no upgrade from version ${from}: what was written then is still under way`,
      );
    }
    steps.push(step);
  }
  return (data, from) => {
    for (let at = from; at < version; at++) data = stepped(steps[at - 1]!, data, at, owner, layout);
    return data;
  };
}

function stepped(
  step: (data: unknown) => unknown,
  data: unknown,
  from: number,
  owner: string,
  layout: Subject["layout"],
): unknown {
  const refuse = (problem: string, options?: { readonly cause: unknown }): ValueError =>
    new ValueError(
      owner,
      [{ path: [], message: `the upgrade of ${owner} from version ${from} ${problem}` }],
      options,
    );
  let next: unknown;
  try {
    next = step(data);
  } catch (error) {
    throw refuse(`threw: ${messageOf(error)}`, { cause: error });
  }
  const isFields = typeof next === "object" && next !== null && !Array.isArray(next);
  // A step without `return`, or an async one, is a slip.
  const isRight = layout === "fields" ? isFields : next !== undefined;
  if (isRight && !(next instanceof Promise)) return next;
  throw refuse(`returned ${describe(next)}, not ${layout === "fields" ? "an object of fields" : "data"}`);
}
