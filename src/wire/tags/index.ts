/** The built-in tags: a closed table. @module */
import { Lazy } from "../lazy.ts";
import { Reference } from "../reference.ts";
import { Snapshot } from "../snapshot.ts";
import type { Tag } from "../tag.ts";
import { bigintTag } from "./bigint.ts";
import { bytesTag, utf8BytesTag } from "./bytes.ts";
import { mapTag, setTag } from "./collections.ts";
import { dateTag } from "./date.ts";
import { errorPrototypes, errorTag } from "./error.ts";
import { numberTag } from "./number.ts";
import { objectTag } from "./object.ts";
import { referenceTag } from "./reference.ts";
import { snapshotTag } from "./snapshot.ts";
import { undefinedTag } from "./undefined.ts";

/** Which tag writes the objects with a prototype. Exactly that prototype: a subclass is another kind. */
export const tagsByPrototype: ReadonlyMap<object, Tag> = new Map<object, Tag>([
  [Date.prototype, dateTag],
  [Map.prototype, mapTag],
  [Set.prototype, setTag],
  [Uint8Array.prototype, bytesTag],
  [Reference.prototype, referenceTag],
  [Lazy.prototype, referenceTag],
  [Snapshot.prototype, snapshotTag],
  ...errorPrototypes.map((prototype) => [prototype, errorTag] as const),
]);

/** Which tag reads a name. */
export const tagsByName: ReadonlyMap<string, Tag> = new Map(
  (
    [
      numberTag,
      bigintTag,
      undefinedTag,
      dateTag,
      bytesTag,
      utf8BytesTag,
      mapTag,
      setTag,
      objectTag,
      errorTag,
      referenceTag,
      snapshotTag,
    ] satisfies Tag[] as Tag[]
  ).map((tag) => [tag.name, tag]),
);
