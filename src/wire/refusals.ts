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
    const general = kind === undefined || advice === undefined ? adviceFor(value) : { kind, advice };
    const path = above.path(this.#root, key);
    this.list.push({ path, kind: kind ?? general.kind, advice: advice ?? general.advice });
    return null;
  }

  /** For what a tag, or a class behind it, threw when it was to write a value. */
  written(error: unknown, tag: Tag, value: object, above: Place, key: string | number): null {
    if (error instanceof LimitError) throw error;
    if (error instanceof EncodeError) {
      // Of what was written apart, with paths of its own from the root on.
      const was = `${above.path(this.#root, key)}.was`;
      this.count += error.count;
      for (const { path, kind, advice } of error.refusals) {
        if (this.list.length >= mostRefusals) break;
        this.list.push({ path: shortened(was + path.slice(this.#root.length)), kind, advice });
      }
      return null;
    }
    if (error instanceof Unportable) return this.add(value, above, key, tag.name, error.message);
    if (!(error instanceof ValueError)) {
      return this.add(value, above, key, tag.name, `it cannot be read as one: ${messageOf(error)}`);
    }
    const root = this.count < mostRefusals ? above.path(this.#root, key) : "";
    for (const { path, message } of error.issues) {
      if (++this.count > mostRefusals) continue;
      const place = root + path.map(segmentOf).join("");
      this.list.push({ path: place, kind: `field of ${tag.name}`, advice: message });
    }
    return null;
  }
}
