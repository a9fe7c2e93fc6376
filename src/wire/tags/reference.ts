/**
 * A reference to a stored row, `{"model": "qa.Comment", "pk": 7}`, with what else it says beside, and the lazy one,
 * `{…, "lazy": true}`.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { Lazy } from "../lazy.ts";
import { Reference, isKey } from "../reference.ts";
import { checkDetails, readDetails } from "./reference-details.ts";
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
    const { model, pk, details, was } = value instanceof Lazy ? value.reference : value;
    if (typeof pk === "object" && hasTagKeys(pk))
      throw new Unportable("its key looks like a tag: name its columns otherwise");
    const fields = {
      model,
      pk: mapKey(pk, (part) => (typeof part === "bigint" ? bigintNode(part, writing) : part)),
      ...(details && checkDetails(details)),
      ...(was && { was: apart(was, writing.apart) }),
    };
    return value instanceof Lazy ? { ...fields, lazy: true } : fields;
  },
  read(content, reading) {
    if (!isRecord(content)) throw new Malformed("an object", describe(content));
    const { model, pk: given, lazy, was, ...rest } = content;
    if (typeof model !== "string") throw new Malformed("a model's name", describe(model));
    if (isRecord(given) && hasTagKeys(given) && !isBigintNode(given))
      throw new Malformed("a key", "another tag");
    const pk = mapKey(given, (part) =>
      isBigintNode(part) ? bigintTag.read(part[valueKey], reading, undefined) : part,
    );
    if (!isKey(pk)) throw new Malformed("a key of text, numbers and bigints", describe(pk));
    if (lazy !== undefined && lazy !== true) throw new Malformed("true as its mark `lazy`", describe(lazy));
    const fields = was === undefined ? undefined : apart(was, reading.apart);
    if (fields !== undefined && !isRecord(fields)) throw new Malformed("fields as its was", describe(fields));
    const reference = new Reference(model, pk, readDetails(rest), fields);
    return lazy ? new Lazy(reference) : reference;
  },
};

/** Each part of a key, or the key itself where it has but one. */
export function mapKey(key: unknown, map: (part: unknown) => unknown): unknown {
  if (!isRecord(key) || isBigintNode(key)) return map(key);
  return Object.fromEntries(Object.entries(key).map(([attribute, part]) => [attribute, map(part)]));
}

/** The fields of a row are a text within the text: whole before anything around them is. */
function apart<Given, Made>(given: Given, make: ((given: Given) => Made) | undefined): Made {
  if (!make) throw new Malformed("a reference whose fields hold no references of their own", "one");
  return make(given);
}

function bigintNode(value: bigint, writing: Writing): Node {
  return node(bigintTag.name, bigintTag.write(value, writing));
}

function isBigintNode(value: unknown): value is Node {
  return isRecord(value) && looksLikeTag(value) && value[typeKey] === bigintTag.name;
}
