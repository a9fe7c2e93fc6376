/**
 * A reference to a stored row, `{"model": "qa.Comment", "pk": 7}`, and the lazy one, `{…, "lazy": true}`.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { Lazy } from "../lazy.ts";
import { Reference, isKey } from "../reference.ts";
import { Malformed, type Tag } from "../tag.ts";

export const referenceTag: Tag<Reference | Lazy> = {
  name: "ref",
  layout: "fields",
  identity: false,
  keepsProperties: true,
  write(value) {
    const { model, pk } = value instanceof Lazy ? value.reference : value;
    const fields = { model, pk: typeof pk === "object" ? { ...pk } : pk };
    return value instanceof Lazy ? { ...fields, lazy: true } : fields;
  },
  read(content) {
    const { model, pk, lazy, ...rest } = content as Record<string, unknown>;
    if (typeof model !== "string") throw new Malformed("a model's name", describe(model));
    if (!isKey(pk)) throw new Malformed("a key of text, numbers and bigints", describe(pk));
    if (lazy !== undefined && lazy !== true) throw new Malformed("true as its mark `lazy`", describe(lazy));
    const [other] = Object.keys(rest);
    if (other !== undefined) throw new Malformed("a model and a pk alone", `also ${describe(other)}`);
    const reference = new Reference(model, pk);
    return lazy ? new Lazy(reference) : reference;
  },
};
