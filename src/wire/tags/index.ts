/** The built-in tags: a closed table. @module */
import { Foreign } from "../foreign.ts";
import type { Tag } from "../tag.ts";
import { bigintTag } from "./bigint.ts";
import { boxedTag } from "./boxed.ts";
import { bytesTags, utf8BytesTag } from "./bytes.ts";
import { mapTag, setTag } from "./collections.ts";
import { dateTag } from "./date.ts";
import { errorClasses, errorTag } from "./error.ts";
import { foreignTags } from "./foreign.ts";
import { numberTag } from "./number.ts";
import { arrayTag, bareTag, objectTag } from "./object.ts";
import { symbolTag, textTags } from "./text.ts";
import { undefinedTag } from "./undefined.ts";

/** Which tag writes the objects with a prototype. Exactly that prototype: a subclass is another kind. */
export const tagsByPrototype: ReadonlyMap<object, Tag> = new Map<object, Tag>([
  // One for each of its tags; this one stands for them until a value is seen.
  [Foreign.prototype, foreignTags.get("datetime")!],
  [Date.prototype, dateTag],
  [Map.prototype, mapTag],
  [Set.prototype, setTag],
  ...[Number, String, Boolean, BigInt, Symbol].map(({ prototype }) => [prototype, boxedTag] as const),
  ...errorClasses.map(({ prototype }) => [prototype, errorTag] as const),
  ...textTags,
  ...bytesTags,
]);

/** Which tag reads a name. Where several do, the last. */
export const tagsByName: ReadonlyMap<string, Tag> = new Map(
  [
    ...foreignTags.values(),
    ...bytesTags.map(([, tag]) => tag.shared ?? tag),
    ...tagsByPrototype.values(),
    numberTag,
    bigintTag,
    undefinedTag,
    symbolTag,
    utf8BytesTag,
    objectTag,
    bareTag,
    arrayTag,
  ].map((tag) => [tag.name, tag as Tag]),
);

const builtIn = /^function (\w+)\(\) \{\s+\[native code\]\s+\}$/;

const byClassName = new Map(
  [Object.prototype, Array.prototype, ...tagsByPrototype.keys()].map((prototype) => [
    prototype.constructor.name,
    prototype,
  ]),
);

/**
 * This realm's prototype of a built-in class, for that of another realm: a `vm` context's, a frame's. Undefined for
 * every other.
 */
export function prototypeHere(prototype: object): object | undefined {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  if (typeof constructor !== "function" || constructor.prototype !== prototype) return undefined;
  return byClassName.get(builtIn.exec(Function.prototype.toString.call(constructor))?.[1] ?? "");
}
