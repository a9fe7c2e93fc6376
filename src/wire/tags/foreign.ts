/** Values of another language's, kept as their text. @module */
import { describe } from "../../errors.ts";
import { Foreign, foreignNames, isForeign } from "../foreign.ts";
import { Malformed, isRecord, type Tag } from "../tag.ts";

/** Python's `uuid` is written as an object. */
function textOf(name: string, content: unknown): unknown {
  return name === "uuid" && isRecord(content) && Object.keys(content).length === 1 ? content["hex"] : content;
}

function foreignTagOf(name: string): Tag<Foreign> {
  return {
    name,
    layout: "scalar",
    identity: false,
    keepsProperties: true,
    write(value) {
      // Throws for what only looks like one.
      const { text } = new Foreign(name, value.text);
      return name === "uuid" ? { hex: text } : text;
    },
    read(content) {
      const text = textOf(name, content);
      if (!isForeign(name, text)) throw new Malformed("text of its form, of what exists", describe(text));
      return new Foreign(name, text);
    },
  };
}

/** By name. */
export const foreignTags: ReadonlyMap<string, Tag<Foreign>> = new Map(
  foreignNames.map((name) => [name, foreignTagOf(name)]),
);
