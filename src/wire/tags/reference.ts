/** A reference to a stored row: `{"model": "qa.Comment", "pk": 7}`. @module */
import { describe } from "../../errors.ts";
import { Reference, type Key, type KeyPart } from "../reference.ts";
import { Malformed, type Tag } from "../tag.ts";

export const referenceTag: Tag<Reference> = {
  name: "ref",
  layout: "fields",
  identity: false,
  keepsProperties: true,
  write: ({ model, key }) => ({ model, pk: typeof key === "object" ? { ...key } : key }),
  read(content) {
    const { model, pk, ...rest } = content as Record<string, unknown>;
    if (typeof model !== "string") throw new Malformed("a model's name", describe(model));
    if (!isKey(pk)) throw new Malformed("a key of text, numbers and bigints", describe(pk));
    const [other] = Object.keys(rest);
    if (other !== undefined) throw new Malformed("a model and a pk alone", `also ${describe(other)}`);
    return new Reference(model, pk);
  },
};

function isKeyPart(value: unknown): value is KeyPart {
  return typeof value === "string" || typeof value === "bigint" || Number.isFinite(value);
}

function isKey(value: unknown): value is Key {
  if (isKeyPart(value)) return true;
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return false;
  const parts = Object.values(value);
  return parts.length > 0 && parts.every(isKeyPart);
}
