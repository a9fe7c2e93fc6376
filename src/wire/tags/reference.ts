/**
 * A reference to a stored row, `{"model": "qa.Comment", "pk": 7}`, and the lazy one, `{…, "lazy": true}`.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { Lazy } from "../lazy.ts";
import { Reference, isKey } from "../reference.ts";
import {
  Malformed,
  Unportable,
  hasTagKeys,
  isRecord,
  looksLikeTag,
  node,
  typeKey,
  valueKey,
  type Node,
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
    const { model, pk } = value instanceof Lazy ? value.reference : value;
    if (typeof pk === "object" && hasTagKeys(pk))
      throw new Unportable("its key looks like a tag: name its columns otherwise");
    const fields = {
      model,
      pk: mapKey(pk, (part) => (typeof part === "bigint" ? bigintNode(part, writing) : part)),
    };
    return value instanceof Lazy ? { ...fields, lazy: true } : fields;
  },
  read(content, reading) {
    if (!isRecord(content)) throw new Malformed("an object", describe(content));
    const { model, pk: given, lazy, ...rest } = content;
    if (typeof model !== "string") throw new Malformed("a model's name", describe(model));
    if (isRecord(given) && hasTagKeys(given) && !isBigintNode(given))
      throw new Malformed("a key", "another tag");
    const pk = mapKey(given, (part) =>
      isBigintNode(part) ? bigintTag.read(part[valueKey], reading, undefined) : part,
    );
    if (!isKey(pk)) throw new Malformed("a key of text, numbers and bigints", describe(pk));
    if (lazy !== undefined && lazy !== true) throw new Malformed("true as its mark `lazy`", describe(lazy));
    const [other] = Object.keys(rest);
    if (other !== undefined) throw new Malformed("a model and a pk alone", `also ${describe(other)}`);
    const reference = new Reference(model, pk);
    return lazy ? new Lazy(reference) : reference;
  },
};

/** Each part of a key, or the key itself where it has but one. */
export function mapKey(key: unknown, map: (part: unknown) => unknown): unknown {
  if (!isRecord(key) || isBigintNode(key)) return map(key);
  return Object.fromEntries(Object.entries(key).map(([attribute, part]) => [attribute, map(part)]));
}

function bigintNode(value: bigint, writing: Writing): Node {
  return node(bigintTag.name, bigintTag.write(value, writing));
}

function isBigintNode(value: unknown): value is Node {
  return isRecord(value) && looksLikeTag(value) && value[typeKey] === bigintTag.name;
}
