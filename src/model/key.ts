/**
 * Keys: which values can name a row for good, and which are refused where they were written.
 *
 * @module
 */
import { PetioleError, className, describe } from "../errors.ts";
import type { Key, KeyPart } from "../wire/reference.ts";
import type { ModelDescription, OrmAdapter } from "./adapter.ts";

/**
 * Checks a key against its model and gives it the one shape it travels in: the bare value for a single
 * attribute, an object with the attributes in the model's order for several. `{ id: 7 }` becomes `7`.
 *
 * @throws PetioleError `ERR_REFERENCE_KEY` when the key is of another kind, or its attributes are not exactly
 * the model's.
 */
export function checkKey(description: ModelDescription, key: unknown): Key {
  const first = description.key[0];
  if (first === undefined) {
    throw new PetioleError("ERR_MODEL_DEFINITION", `${description.name}: the model has no key attributes`);
  }
  const isComposite = description.key.length > 1;
  if (!isComposite && (typeof key !== "object" || key === null)) return checkPart(description, first, key);
  if (typeof key !== "object" || key === null || className(key) !== undefined)
    throw refused(description, key);

  const given = Object.keys(key);
  const missing = description.key.filter((attribute) => !given.includes(attribute));
  const extra = given.filter((attribute) => !description.key.includes(attribute));
  if (missing.length > 0) throw refused(description, key, ` without ${quoted(missing)}`);
  if (extra.length > 0) throw refused(description, key, ` with ${quoted(extra)} as well`);

  const parts = new Map(Object.entries(key));
  const checked = description.key.map(
    (attribute) => [attribute, checkPart(description, attribute, parts.get(attribute))] as const,
  );
  return isComposite ? Object.fromEntries(checked) : checkPart(description, first, parts.get(first));
}

/**
 * The key of a row, or of anything that has at least the key's attributes.
 *
 * @throws PetioleError `ERR_REFERENCE_KEY` when the row has no key (it was not saved yet), or a wrong one.
 */
export function keyOfRow(
  description: ModelDescription,
  adapter: Pick<OrmAdapter, "keyOf">,
  row: object,
): Key {
  const key = adapter.keyOf(description.name, row);
  const [first, ...others] = description.key;
  if (key !== undefined && first !== undefined && others.length === 0)
    return checkPart(description, first, key);
  if (key !== undefined) return checkKey(description, key);
  const attributes: Partial<Record<string, unknown>> = { ...row };
  const missing = description.key.filter((attribute) => (attributes[attribute] ?? undefined) === undefined);
  throw new PetioleError(
    "ERR_REFERENCE_KEY",
    `${description.name}: the row has no ${quoted(missing.length > 0 ? missing : description.key)}; ` +
      `received ${describe(row)}. A reference needs the primary key: save the row first, ` +
      "and refer to what the database returned",
  );
}

/** A row's key, by what it has for each attribute; undefined when it has not all of them yet. */
export function keyWith(
  attributes: readonly string[],
  valueOf: (attribute: string) => unknown,
): Key | undefined {
  // Nearly all keys have one attribute, and there may be thousands.
  if (attributes.length === 1) return (valueOf(attributes[0]!) ?? undefined) as KeyPart | undefined;
  const parts: [string, KeyPart][] = [];
  for (const attribute of attributes) {
    const part = valueOf(attribute);
    if (part === undefined || part === null) return undefined;
    // What cannot be a part of a key is refused by whoever asked for it, with the reason.
    parts.push([attribute, part as KeyPart]);
  }
  return Object.fromEntries(parts);
}

/** The key that a plain row has; undefined when it has none yet. */
export function keyIn(row: object, attributes: readonly string[]): Key | undefined {
  const own = row as Readonly<Record<string, KeyPart | null | undefined>>;
  return keyWith(attributes, (attribute) => own[attribute]);
}

function checkPart(description: ModelDescription, attribute: string, part: unknown): KeyPart {
  if (typeof part === "string" || typeof part === "bigint") return part;
  // Adding zero turns -0 into 0, which is what the wire would make of it.
  if (typeof part === "number" && Number.isSafeInteger(part)) return part + 0;
  const advice =
    typeof part === "number" && Number.isInteger(part) ? ". Use a bigint beyond Number.MAX_SAFE_INTEGER" : "";
  throw new PetioleError(
    "ERR_REFERENCE_KEY",
    `${description.name}: the key's ${JSON.stringify(attribute)} must be a string, a safe integer or a bigint; ` +
      `received ${describe(part)}${advice}`,
  );
}

function refused(description: ModelDescription, key: unknown, detail = ""): PetioleError {
  const [first] = description.key;
  const expected =
    description.key.length === 1
      ? `a string, a safe integer or a bigint, the row's ${JSON.stringify(first)}`
      : `an object of exactly ${quoted(description.key)}`;
  return new PetioleError(
    "ERR_REFERENCE_KEY",
    `${description.name}: the key must be ${expected}; received ${describe(key)}${detail}`,
  );
}

function quoted(attributes: readonly string[]): string {
  return attributes.map((attribute) => JSON.stringify(attribute)).join(", ");
}
