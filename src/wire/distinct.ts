/** The objects that are in tables and other lists of one form: these have no places that could be pointed at. @module */
import type { Encoder } from "./encoder.ts";

/** So few are looked through faster than a Set is filled. */
const few = 12;

/**
 * Objects of which none is there twice. What has a higher mark than all before it is none of them, and is only noted when
 * a lower one follows: rows in the order of their ids never are.
 */
export class Distinct {
  /** Of one class, each with a higher mark than the one before. They are noted when it is asked for one of the class. */
  #ascending: object[] = [];
  #highest = -Infinity;
  /** All others, in a Set once they are many. */
  readonly #few: object[] = [];
  #many: Set<object> | undefined;

  /**
   * Adds an object; false when it is there already.
   *
   * @param mark - a number in the object, the same wherever it is met; NaN for one without, and for all but one class
   */
  add(object: object, mark: number): boolean {
    if (mark > this.#highest) {
      this.#highest = mark;
      this.#ascending.push(object);
      return true;
    }
    if (mark <= this.#highest) this.#noteAll();
    return this.#note(object);
  }

  has(object: object): boolean {
    const [first] = this.#ascending;
    if (first && Object.getPrototypeOf(first) === Object.getPrototypeOf(object)) this.#noteAll();
    return this.#many ? this.#many.has(object) : this.#few.includes(object);
  }

  /** What is here and there, of which neither is used any more. */
  with(other: Distinct): Distinct {
    this.#noteAll();
    for (const objects of [other.#ascending, other.#many ?? other.#few]) {
      for (const object of objects) this.#note(object);
    }
    return this;
  }

  #note(object: object): boolean {
    if (this.#many) {
      const { size } = this.#many;
      return this.#many.add(object).size > size;
    }
    if (this.#few.includes(object)) return false;
    if (this.#few.push(object) === few) this.#many = new Set(this.#few);
    return true;
  }

  /** From now on, all are noted. */
  #noteAll(): void {
    this.#highest = NaN;
    for (const object of this.#ascending) this.#note(object);
    this.#ascending = [];
  }
}

/** Whether an object has no place in the payload yet, and is in no list of one form. */
export function isNew(object: object, { places, inLists }: Encoder): boolean {
  return !(places.size > 0 && places.has(object)) && !inLists?.has(object);
}

/** Notes what is in a list that is done. */
export function endList(objects: Distinct, encoder: Encoder): void {
  encoder.inLists = encoder.inLists?.with(objects) ?? objects;
}
