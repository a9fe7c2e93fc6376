/** A primitive in an object: `new Number(1)`, `Object(Symbol.for("x"))`. @module */
import { describe } from "../../errors.ts";
import { Malformed, Unportable, type Tag } from "../tag.ts";

export const boxedTag: Tag<object> = {
  name: "boxed",
  layout: "value",
  identity: true,
  keepsProperties: true,
  write(value) {
    // Throws for what only looks like one. The class's own, not what an instance may have in its place.
    const primitive: unknown = (Object.getPrototypeOf(value) as object).valueOf.call(value);
    const own = typeof primitive === "string" ? primitive.length : 0;
    if (Object.keys(value).length > own) throw new Unportable("it has properties of its own");
    return primitive;
  },
  read(content) {
    if (typeof (content ?? {}) === "object") {
      throw new Malformed("a primitive", describe(content));
    }
    return Object(content) as object;
  },
};
