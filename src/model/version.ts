/**
 * Whether a row has changed since a reference to it was made: by its version, or, where the model has none, by a digest
 * of its fields.
 *
 * @module
 */
import { PetioleError } from "../errors.ts";
import type { Digest, Reference, ReferenceDetails } from "../wire/reference.ts";
import type { ModelDescription, OrmAdapter } from "./adapter.ts";
import { canonical } from "./canonical.ts";

/** What is read of rows here. */
type Reader = Pick<OrmAdapter, "fieldsOf">;

/** The version of PostgreSQL's own, which no row has as a field. */
export const xmin = "xmin";

/**
 * What a reference is to say of the row as it is in memory; undefined where the row does not have it whole, and the
 * database must be asked.
 */
export function versionOf(
  { name, key, version }: ModelDescription,
  adapter: Reader,
  row: object,
): Pick<ReferenceDetails, "version" | "digest"> | undefined {
  const fields = adapter.fieldsOf(name, row);
  if (version !== undefined) {
    const value = fields[version];
    return value === undefined || value === null ? undefined : { version: versionText(value) };
  }
  const names = Object.keys(fields);
  // A key alone never changes.
  return names.every((field) => key.includes(field)) ? undefined : { digest: digestOf(fields, names) };
}

/**
 * Whether a loaded row is another than the reference says. What cannot be compared (the version's column is gone, a
 * field of the digest is) has changed.
 *
 * @param known - the row's version, where it is none of its fields
 */
export function hasChanged(
  { details = {} }: Reference,
  { name, version }: ModelDescription,
  adapter: Reader,
  row: object,
  known?: string,
): boolean {
  if (details.version === undefined && details.digest === undefined) return false;
  if (details.version !== undefined && known !== undefined) return known !== details.version;
  const fields = adapter.fieldsOf(name, row);
  if (details.version !== undefined) {
    const now = version === undefined ? undefined : fields[version];
    return now === undefined || now === null || versionText(now) !== details.version;
  }
  const { fields: names, sha256 } = details.digest!;
  if (names.some((field) => !Object.hasOwn(fields, field))) return true;
  try {
    return digestOf(fields, names).sha256 !== sha256;
  } catch (error) {
    if (error instanceof PetioleError) return true;
    throw error;
  }
}

function versionText(value: unknown): string {
  return value instanceof Date ? String(value.getTime()) : String(value);
}

function digestOf(fields: Readonly<Record<string, unknown>>, names: readonly string[]): Digest {
  const sorted = [...names].sort();
  const text = canonical(sorted.map((name) => [name, fields[name]]));
  // Not imported: bundlers that follow imports before they leave out what is unused could give a page no `storedRows`.
  const { createHash } = process.getBuiltinModule("node:crypto");
  return { fields: sorted, sha256: createHash("sha256").update(text).digest("base64url") };
}
