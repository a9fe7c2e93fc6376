/**
 * A reference to a stored row, `{"model": "qa.Comment", "pk": 7}`, with what else it says beside, and the lazy one,
 * `{…, "lazy": true}`.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { Lazy } from "../lazy.ts";
import { Reference, isKey } from "../reference.ts";
import { problemIn } from "./reference-details.ts";
import {
  Malformed,
  Unportable,
  hasTagKeys,
  isPlainRecord,
  isRecord,
  looksLikeTag,
  node,
  partsOf,
  typeKey,
  valueKey,
  type Node,
  type Reading,
  type Tag,
  type Writing,
} from "../tag.ts";
import { bigintTag } from "./bigint.ts";

export const referenceTag: Tag<Reference | Lazy> = {
  name: "ref",
  // All of it, that it may be read before anything else is: a worker fetches rows first.
  layout: "scalar",
  identity: false,
  keepsProperties: true,
  write(value, writing) {
    const { model, pk, details, was } = value instanceof Lazy ? value.reference : value;
    checkRow(model, pk);
    if (typeof pk === "object" && hasTagKeys(pk))
      throw new Unportable("its key looks like a tag: name its columns otherwise");
    const problem = details && problemIn(details);
    if (problem) throw new Unportable(`it needs ${problem[0]}, and has ${problem[1]}`);
    const fields = {
      model,
      pk: mapKey(pk, (part) =>
        typeof part === "bigint" ? node(bigintTag.name, bigintTag.write(part, writing)) : part,
      ),
      ...details,
      ...(was && { was: writeFields(was, writing) }),
    };
    return value instanceof Lazy ? { ...fields, lazy: true } : fields;
  },
  read(content, reading) {
    const { model, pk: given, lazy, was, ...rest } = partsOf(content);
    if (typeof model !== "string") throw new Malformed("a model's name", describe(model));
    const pk = mapKey(given, (part) =>
      isBigintNode(part) ? bigintTag.read(part[valueKey], reading, undefined) : part,
    );
    if (!isKey(pk) || hasTagKeys(Object(pk) as object))
      throw new Malformed("a key of text, numbers and bigints", describe(pk));
    if (lazy !== undefined && lazy !== true) throw new Malformed("true as its mark `lazy`", describe(lazy));
    const problem = problemIn(rest);
    if (problem) throw new Malformed(...problem);
    const fields = was === undefined ? undefined : readFields(was, reading);
    const reference = new Reference(model, pk, rest, fields);
    return lazy ? new Lazy(reference) : reference;
  },
};

/** @throws Unportable for what was not made by its class's constructor, or from no text as the model's name */
export function checkRow(model: unknown, pk: unknown): void {
  if (typeof model !== "string" || !isKey(pk)) throw new Unportable("it has no model or no key");
}

/** Each part of a key, or the key itself where it has but one. */
export function mapKey(key: unknown, map: (part: unknown) => unknown): unknown {
  if (!isRecord(key) || isBigintNode(key)) return map(key);
  return Object.fromEntries(Object.entries(key).map(([attribute, part]) => [attribute, map(part)]));
}

/** The fields of a row are a text within the text: whole before anything around them is. */
function writeFields(fields: object, { apart }: Writing): unknown {
  if (!apart)
    throw new Unportable("in the fields of another reference, it has none of its own: send model and key");
  return apart(fields);
}

function readFields(tree: unknown, { apart }: Reading): Record<string, unknown> {
  if (!apart) throw new Malformed("a reference without fields, in the fields of another", "one with `was`");
  const fields = apart(tree);
  if (!isPlainRecord(fields)) throw new Malformed("an object of fields as its was", describe(fields));
  return fields;
}

function isBigintNode(value: unknown): value is Node {
  return isRecord(value) && looksLikeTag(value) && value[typeKey] === bigintTag.name;
}
