/**
 * Snapshots in the JSON of Django's serializers, `[{"model": "qa.comment", "pk": 7, "fields": {…}}]`: for `loaddata` and
 * `serializers.deserialize` on the other side, and for what `dumpdata` and `serializers.serialize` made there.
 *
 * Format: https://docs.djangoproject.com/en/5.2/topics/serialization/#serialization-formats-json
 *
 * @module
 */
import { DecodeError, EncodeError, PetioleError, describe, type Refusal } from "../errors.ts";
import { isKey } from "../wire/reference.ts";
import { Snapshot } from "../wire/snapshot.ts";
import { isRecord } from "../wire/tag.ts";
import { createWire } from "../wire/wire.ts";
import { djangoValue } from "./django-value.ts";
import { modelOfTarget } from "./registry.ts";
import { bindingOf } from "./snapshot.ts";

/** How a model is called on Django's side. */
export interface DjangoModel {
  /** Django's label, `qa.comment`. Unless told, the model's name in lower case. */
  readonly label?: string;
  /** Django's name of a field, by attribute, where it is another: `{ authorId: "author" }`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** The attribute of the primary key, which Django keeps beside the fields. `"id"` unless told. */
  readonly key?: string;
}

/** How Django's records become snapshots. */
export interface DjangoSource extends Omit<DjangoModel, "key"> {
  /** The table object or class, one of the app's `models`. */
  readonly target: object;
  /**
   * What the texts of fields stand for, by attribute: a `DateTimeField` is a text in Django's JSON, and nothing in it
   * says so. A field that is not here stays as it is in the JSON.
   */
  readonly types?: Readonly<Record<string, DjangoType>>;
}

/**
 * `datetime` becomes a Date (a `Foreign` where it is one that no Date holds exactly), `date` and `time` what Temporal has
 * for it (a `Foreign` where there is no Temporal), `decimal` and `uuid` a `Foreign`, `bytes` a Uint8Array, `bigint` a
 * bigint.
 */
export type DjangoType = "datetime" | "date" | "time" | "decimal" | "uuid" | "bytes" | "bigint";

/** Which tag of the wire a text is read by. */
const tags: Readonly<Record<DjangoType, string>> = {
  datetime: "datetime",
  date: "date",
  time: "time",
  decimal: "decimal",
  uuid: "uuid",
  bytes: "base64",
  bigint: "bigint",
};

/**
 * The text that Django reads.
 *
 * Dates are written with milliseconds and `Z`, bytes as base64, bigints as digits, decimals and UUIDs as their texts, as
 * Django's own encoder does.
 *
 * @param snapshots - as `snapshot(table, row)` makes them, or as they arrive
 * @param models - by model name, where Django calls something otherwise
 * @throws EncodeError for values that Django's JSON cannot hold, all of them, by path
 *
 * @example
 * toDjango([snapshot(comments, row)], { "qa.Comment": { fields: { authorId: "author" } } });
 */
export function toDjango(
  snapshots: readonly Snapshot[],
  models: Readonly<Record<string, DjangoModel>> = {},
): string {
  const refusals: Refusal[] = [];
  const records = snapshots.map(({ model, pk, fields }, index) => {
    const { label = model.toLowerCase(), fields: names = {}, key = "id" } = models[model] ?? {};
    const own = typeof pk === "object" ? pk : { [key]: pk };
    // A column `id` beside another key is a field like others.
    const isOfKey = (field: string, value: unknown): boolean =>
      Object.hasOwn(own, field) && String(value) === String(own[field]);
    const written = Object.entries(fields)
      .filter(([field, value]) => !isOfKey(field, value))
      .map(([field, value]) => {
        const path = `snapshots[${index}].fields.${field}`;
        return [names[field] ?? field, djangoValue(value, path, refusals)] as const;
      });
    const parts = typeof pk === "object" ? Object.values(pk) : pk;
    return { model: label, pk: djangoValue(parts, "pk", refusals), fields: Object.fromEntries(written) };
  });
  if (refusals.length > 0) throw new EncodeError("these snapshots to Django", refusals);
  return JSON.stringify(records);
}

/**
 * The snapshots of a text that Django made. They can be compared, made rows of, and saved.
 *
 * @param text - JSON, as `serializers.serialize("json", …)` gives it
 * @param sources - the models that may be in it. A record of another is refused
 * @throws DecodeError when the text is not that, or a field is not of the type that is said
 *
 * @example
 * for (const comment of fromDjango(text, [{ target: comments, types: { createdAt: "datetime" }, fields: { createdAt: "created_at" } }])) {
 *   await comment.save();
 * }
 */
export function fromDjango(text: string, sources: readonly DjangoSource[]): Snapshot[] {
  const records = parse(text);
  if (!Array.isArray(records)) throw wrong("records", "an array of records", records);
  const byLabel = new Map(
    sources.map((source) => {
      const model = modelOfTarget(source.target);
      return [source.label ?? model.description.name.toLowerCase(), { source, model }] as const;
    }),
  );
  const wire = createWire();
  return records.map((record: unknown, index) => {
    const path = `records[${index}]`;
    if (!isRecord(record)) throw wrong(path, "a record", record);
    const { model: label, pk, fields } = record;
    const known = typeof label === "string" ? byLabel.get(label) : undefined;
    if (!known) throw wrong(`${path}.model`, `one of ${[...byLabel.keys()].join(", ")}`, label);
    if (!isRecord(fields)) throw wrong(`${path}.fields`, "an object of fields", fields);
    const { description } = known.model;
    const key = Array.isArray(pk)
      ? Object.fromEntries(pk.map((part, at) => [description.key[at] ?? at, part]))
      : pk;
    if (!isKey(key)) throw wrong(`${path}.pk`, "a primary key", pk);
    const own = typeof key === "object" ? key : { [description.key[0]!]: key };
    const read = Object.entries(fields).map(([name, value]) => {
      const attribute = attributeOf(name, known.source);
      const type = known.source.types?.[attribute];
      return [
        attribute,
        type && value !== null ? typed(value, type, `${path}.fields.${name}`) : value,
      ] as const;
    });
    return new Snapshot(
      description.name,
      key,
      { ...own, ...Object.fromEntries(read) },
      bindingOf(known.model),
    );
  });

  function typed(value: unknown, type: DjangoType, path: string): unknown {
    try {
      return wire.decode(JSON.stringify({ __type__: tags[type], __value__: wireText(value, type) }));
    } catch (error) {
      if (!(error instanceof PetioleError)) throw error;
      throw wrong(path, `a ${type}`, value);
    }
  }
}

/** As the wire has it, where that is another text than Django's. */
function wireText(value: unknown, type: DjangoType): unknown {
  if (type === "bigint")
    return typeof value === "number" || typeof value === "bigint" ? String(value) : value;
  if (typeof value !== "string") return value;
  if (type === "uuid") return value.replaceAll("-", "");
  return type === "datetime" ? value.replace(/Z$/, "+00:00") : value;
}

function attributeOf(name: string, { fields = {} }: DjangoSource): string {
  return Object.keys(fields).find((attribute) => fields[attribute] === name) ?? name;
}

/** Integers that are wider than a number are bigints: Django writes them as digits. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text, function (_key, value: unknown, context?: { readonly source?: string }) {
      if (typeof value !== "number" || Number.isSafeInteger(value) || !/^-?\d+$/.test(context?.source ?? ""))
        return value;
      return BigInt(context!.source!);
    });
  } catch (cause) {
    throw new DecodeError(
      { path: "records", expected: "JSON", found: `${String(text).length} characters that are none` },
      { cause },
    );
  }
}

function wrong(path: string, expected: string, found: unknown): DecodeError {
  return new DecodeError({ path, expected, found: describe(found) });
}
