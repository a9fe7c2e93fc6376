/** `undefined`, which JSON leaves out or turns into null. @module */
import { describe } from "../../errors.ts";
import { Malformed, type Tag } from "../tag.ts";

export const undefinedTag: Tag<undefined> = {
  name: "undefined",
  layout: "scalar",
  identity: false,
  write: () => null,
  read(content) {
    if (content !== null) throw new Malformed("null", describe(content));
    return undefined;
  },
};
