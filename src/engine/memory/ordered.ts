/**
 * A list that is always in order.
 *
 * @module
 */

/** Items in an order in which no two are equal. What the order goes by may not change while an item is in it. */
export class Ordered<T> {
  readonly #items: T[] = [];
  readonly #isBefore: (one: T, other: T) => boolean;

  constructor(isBefore: (one: T, other: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.splice(this.#position(item), 0, item);
  }

  /** Removes an item, if it is there. */
  remove(item: T): void {
    const index = this.#position(item);
    if (this.#items[index] === item) this.#items.splice(index, 1);
  }

  /** The first item for which `comesBefore` is false; it has to be true for the beginning of the order only. */
  firstAfter(comesBefore: (item: T) => boolean): T | undefined {
    return this.#items[this.#search(comesBefore)];
  }

  /** Where an item is, or would go. */
  #position(item: T): number {
    return this.#search((other) => this.#isBefore(other, item));
  }

  #search(comesBefore: (item: T) => boolean): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comesBefore(this.#items[middle] as T)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
