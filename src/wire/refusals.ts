/** What cannot travel, gathered while a value is encoded, so that all of it can be told at once. @module */
import { EncodeError, LimitError, ValueError, messageOf, type Refusal } from "../errors.ts";
import { adviceFor } from "./advice.ts";
import { segmentOf, shortened } from "./path.ts";
import type { Place } from "./place.ts";
import { Unportable, type Tag } from "./tag.ts";

/** This many of the places that cannot travel are told; the others are counted. */
const mostRefusals = 100;

/** Every method returns null, which stands where the refused value would be. */
export class Refusals {
  /** The first of them. */
  readonly list: Refusal[] = [];
  count = 0;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  add(value: unknown, above: Place, key: string | number, kind?: string, advice?: string): null {
    // The rest are counted: an error is to be read, and a list of rows may hold a hundred thousand alike.
    if (++this.count > mostRefusals) return null;
    const path = above.path(this.#root, key);
    this.list.push({
      path,
      ...(kind === undefined || advice === undefined ? adviceFor(value) : { kind, advice }),
    });
    return null;
  }

  /** For what a tag, or a class behind it, threw when it was to write a value. */
  written(error: unknown, tag: Tag, value: object, above: Place, key: string | number): null {
    if (error instanceof LimitError) throw error;
    if (error instanceof EncodeError || error instanceof ValueError) {
      const root = this.count < mostRefusals ? above.path(this.#root, key) : "";
      const inside =
        error instanceof EncodeError
          ? // Of what was written apart, with paths of its own from the root on.
            error.refusals.map(({ path, kind, advice }) => ({
              path: shortened(`${root}.was${path.slice(this.#root.length)}`),
              kind,
              advice,
            }))
          : error.issues.map(({ path, message }) => ({
              path: root + path.map(segmentOf).join(""),
              kind: `field of ${tag.name}`,
              advice: message,
            }));
      this.count += error instanceof EncodeError ? error.count : inside.length;
      this.list.push(...inside.slice(0, mostRefusals - this.list.length));
      return null;
    }
    const advice =
      error instanceof Unportable ? error.message : `it cannot be read as one: ${messageOf(error)}`;
    return this.add(value, above, key, tag.name, advice);
  }
}
