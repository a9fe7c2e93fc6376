/**
 * The escape: a plain object whose keys are those of a tag is written as its entries, so that data that
 * looks like a tag is never taken for one.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { Malformed, type Tag } from "../tag.ts";

export const objectTag: Tag<Record<string, unknown>> = {
  name: "object",
  layout: "entries",
  identity: true,
  keepsProperties: true,
  write: (value) => Object.entries(value),
  open: () => ({}),
  read(content, _limits, opened = {}) {
    for (const [key, value] of content as [unknown, unknown][]) {
      if (typeof key !== "string") throw new Malformed("text as a property's name", describe(key));
      if (key === "__proto__" || Object.hasOwn(opened, key)) {
        throw new Malformed("properties that differ, none of them __proto__", describe(key));
      }
      opened[key] = value;
    }
    return opened;
  },
};
