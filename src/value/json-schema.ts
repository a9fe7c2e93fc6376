/** schemaOf(): the JSON Schema of a value class's form on the wire. @module */
import { PetioleError, describe, messageOf } from "../errors.ts";
import { valueType, type ValueEntry, type ValueType } from "../wire/value-type.ts";
import { declaredOf, isDeclared } from "./declared.ts";
import { OptionalMark, anything, type FieldTable } from "./field.ts";
import { isSchema, type StandardSchemaLike } from "./schema.ts";

/** A JSON Schema, as data. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

const draft = "https://json-schema.org/draft/2020-12/schema";

/**
 * The JSON Schema (draft 2020-12) of the text that an instance is written as: the tag with the class's name, and
 * its fields.
 *
 * It describes the plain form of one instance. The wire has others for the same values, which no schema of the
 * class could tell: `same` for what is in two places, `graph`, and tables. What a constructor, `create` or `decode`
 * refuses beside its fields is not in it either.
 *
 * @param of - a class made with `Value()`, or what `value()` returned
 * @throws PetioleError `ERR_VALUE_DEFINITION` for what is no value class, or has a Standard Schema that cannot be
 *   said as JSON Schema (by its `~standard.jsonSchema`)
 *
 * @example
 * const schema = schemaOf(Money); // { $schema, $ref: "#/$defs/shop.Money", $defs: { "shop.Money": { … }, … } }
 */
export function schemaOf(of: ValueEntry): JsonSchema {
  const definitions = new Map<string, JsonSchema>();
  const reference = ofClass(typeIn(of), definitions);
  return { $schema: draft, ...reference, $defs: Object.fromEntries(definitions) };
}

function typeIn(entry: unknown): ValueType {
  const isThing = (typeof entry === "object" && entry !== null) || typeof entry === "function";
  const type = isThing && valueType in entry ? entry[valueType] : entry;
  if (isThing && isDeclared(type as ValueType)) return type as ValueType;
  throw new PetioleError(
    "ERR_VALUE_DEFINITION",
    `schemaOf() needs a value class, what Value(…) or value(…) returned; received ${describe(entry)}.`,
  );
}

/** A reference to a definition, which is made unless it is there. */
function defined(name: string, definitions: Map<string, JsonSchema>, make: () => JsonSchema): JsonSchema {
  if (!definitions.has(name)) {
    // Before it is made, which may come to it again.
    definitions.set(name, {});
    definitions.set(name, make());
  }
  return { $ref: `#/$defs/${name}` };
}

function tag(name: string, content: JsonSchema): JsonSchema {
  return object({ __type__: { const: name }, __value__: content }, ["__type__", "__value__"]);
}

function object(properties: JsonSchema, required: readonly string[]): JsonSchema {
  return { type: "object", properties, required, additionalProperties: false };
}

function ofClass(type: ValueType, definitions: Map<string, JsonSchema>): JsonSchema {
  const { version = 1 } = type;
  const name = version === 1 ? type.name : `${type.name}@${version}`;
  return defined(name, definitions, () => {
    const declared = declaredOf(type);
    // Of a pair of functions it is not known what they make.
    if (declared === undefined) return tag(name, {});
    if (isSchema(declared)) return tag(name, ofStandardSchema(declared, type.name));
    return tag(name, ofTable(declared as FieldTable, definitions));
  });
}

function ofTable(table: FieldTable, definitions: Map<string, JsonSchema>): JsonSchema {
  const fields = Object.entries(table as Readonly<Record<string, unknown>>);
  const properties = fields.map(([name, type]): [string, JsonSchema] => {
    return [name, ofField(type instanceof OptionalMark ? type.type : type, definitions)];
  });
  const required = fields.filter(([, type]) => !(type instanceof OptionalMark) && type !== anything);
  return object(
    Object.fromEntries(properties),
    required.map(([name]) => name),
  );
}

const digits = "^(?:0|-?[1-9][0-9]*)$";
const time =
  "^(?:[0-9]{4}|[+-][0-9]{6})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])" +
  "T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\\.[0-9]{3}(?:000)?)?\\+00:00$";
// Not in groups of four: a group in a loop takes the stack of the expression's engine, and megabytes overflow it.
const base64 = "^[A-Za-z0-9+/]*={0,2}$";

/** What is in the tags of scalars, by their names. */
const contents: Readonly<Record<string, JsonSchema>> = {
  number: { enum: ["NaN", "Infinity", "-Infinity", "-0"] },
  bigint: { type: "string", pattern: digits },
  datetime: { anyOf: [{ type: "string", pattern: time }, { type: "null" }] },
  base64: { type: "string", pattern: base64, contentEncoding: "base64" },
};

const tagNames = new Map<unknown, string>([
  [BigInt, "bigint"],
  [Date, "datetime"],
  [Uint8Array, "base64"],
]);

function ofField(type: unknown, definitions: Map<string, JsonSchema>): JsonSchema {
  const scalar = (name: string): JsonSchema => defined(name, definitions, () => tag(name, contents[name]!));
  if (type === anything) return {};
  if (type === String) return { type: "string" };
  if (type === Boolean) return { type: "boolean" };
  if (type === Number) return { anyOf: [{ type: "number" }, scalar("number")] };
  const name = tagNames.get(type);
  if (name !== undefined) return scalar(name);
  if (Array.isArray(type)) return { type: "array", items: ofField(type[0], definitions) };
  return ofClass(typeIn(type), definitions);
}

/** What a schema library says of the instance's fields, when it can. */
function ofStandardSchema(schema: StandardSchemaLike, name: string): JsonSchema {
  const { jsonSchema, vendor } = schema["~standard"] as StandardSchemaLike["~standard"] & {
    readonly jsonSchema?: { output(options: { readonly target: string }): JsonSchema };
  };
  if (typeof jsonSchema?.output !== "function") {
    throw new PetioleError(
      "ERR_VALUE_DEFINITION",
      `The schema of ${name} (${vendor}) has no ~standard.jsonSchema, so its form cannot be told: wrap it as ` +
        `${vendor}'s package for JSON Schema does, or declare a field table.`,
    );
  }
  let told: JsonSchema;
  try {
    told = jsonSchema.output({ target: "draft-2020-12" });
  } catch (cause) {
    const message = `The schema of ${name} (${vendor}) cannot be said as JSON Schema: ${messageOf(cause)}.`;
    throw new PetioleError("ERR_VALUE_DEFINITION", message, { cause });
  }
  // With an identifier it is a resource of its own: what it refers to as #/… is in itself.
  const { $schema: _, ...rest } = told;
  return { $id: `urn:petiole:${name}`, ...rest };
}
