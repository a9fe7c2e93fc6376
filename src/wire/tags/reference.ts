/** A reference to a stored row: `{"model": "qa.Comment", "pk": 7}`. @module */
import { describe } from "../../errors.ts";
import { Reference, isKey } from "../reference.ts";
import { Malformed, type Tag } from "../tag.ts";

export const referenceTag: Tag<Reference> = {
  name: "ref",
  layout: "fields",
  identity: false,
  keepsProperties: true,
  write: ({ model, pk }) => ({ model, pk: typeof pk === "object" ? { ...pk } : pk }),
  read(content) {
    const { model, pk, ...rest } = content as Record<string, unknown>;
    if (typeof model !== "string") throw new Malformed("a model's name", describe(model));
    if (!isKey(pk)) throw new Malformed("a key of text, numbers and bigints", describe(pk));
    const [other] = Object.keys(rest);
    if (other !== undefined) throw new Malformed("a model and a pk alone", `also ${describe(other)}`);
    return new Reference(model, pk);
  },
};
