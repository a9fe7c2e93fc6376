/**
 * `where` for many keys.
 *
 * @module
 */
import { chunked, partOf } from "../../model/key-chunks.ts";
import { impossible, integerIn, isPostgresText, isUuid, numberIn } from "../../model/key-part.ts";
import type { Key, KeyPart } from "../../model/ref.ts";
import type { KeyField, PrismaModelInfo } from "./model.ts";

/** Conditions that together select the rows with these keys; each fits into one statement. */
export function conditionsFor(
  model: PrismaModelInfo,
  provider: string,
  keys: readonly Key[],
): readonly object[] {
  const [first, ...others] = model.keyFields;
  if (first === undefined) return [];
  const rows = keys
    .map((key) => whereOf(model, provider, key))
    .filter((where): where is Record<string, KeyPart> => where !== undefined);
  const variables = maxVariables[provider] ?? 1_000;
  if (others.length === 0) {
    return chunked(rows, variables).map((chunk) => ({
      [first.name]: { in: chunk.map((row) => row[first.name]) },
    }));
  }
  const size = Math.min(maxCompositeKeys, Math.floor(variables / model.key.length));
  return chunked(rows, size).map((chunk) => ({ OR: chunk }));
}

/** The parts of a key as Prisma takes them; undefined when no row can have it. */
export function whereOf(
  model: PrismaModelInfo,
  provider: string,
  key: Key,
): Record<string, KeyPart> | undefined {
  const parts = model.keyFields.map((field) => {
    const part = partOf(key, field.name);
    return [field.name, part === undefined ? undefined : bindable(field, provider, part)] as const;
  });
  const possible = parts.filter((part): part is [string, KeyPart] => part[1] !== undefined);
  return possible.length < parts.length ? undefined : Object.fromEntries(possible);
}

/** With more in one list, Prisma makes several statements of it by itself, one after another. */
const maxVariables: Readonly<Record<string, number>> = {
  postgresql: 10_000,
  cockroachdb: 10_000,
  mysql: 10_000,
  sqlite: 900,
};
const maxCompositeKeys = 500;

/** The width of the columns where a value out of range is an error instead of a row that is not there. */
const integerBits: Readonly<Record<string, number>> = {
  SmallInt: 16,
  TinyInt: 8,
  MediumInt: 24,
  Int2: 16,
  Int4: 32,
};

/** What a text must be for the columns that refuse others. */
const textForms: Readonly<Record<string, (text: string) => boolean>> = {
  Uuid: isUuid,
  ObjectId: (text) => /^[0-9a-f]{24}$/i.test(text),
};

/** A part of a key in the type that the field has; undefined when it cannot have it. */
function bindable(field: KeyField, provider: string, part: KeyPart): KeyPart | undefined {
  const text = String(part);
  if (field.values !== undefined) return field.values.includes(text) ? text : undefined;
  if (field.type === "Int" || field.type === "BigInt") {
    const bits = integerBits[field.nativeType ?? ""] ?? (field.type === "Int" ? 32 : 64);
    const integer = field.type === "Int" ? numberIn(bits, part) : integerIn(bits, part);
    return integer === impossible ? undefined : integer;
  }
  if (textForms[field.nativeType ?? ""]?.(text) === false) return undefined;
  // Prisma would ask for U+FFFD in the place of half a surrogate pair.
  if (!text.isWellFormed()) return undefined;
  return ["postgresql", "cockroachdb"].includes(provider) && !isPostgresText(text) ? undefined : text;
}
