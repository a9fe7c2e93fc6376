/**
 * Which memory a payload looks at more than once.
 *
 * A view alone carries its own bytes. Where an ArrayBuffer is met more than once, and one of those is all of it,
 * it is written once and the views look into it again. No byte is sent that no value in the payload shows.
 *
 * @module
 */

/** Bytes that are part of the payload, and where it has them. */
type Range = readonly [from: number, to: number, at: unknown];

function hasWhole(ranges: readonly Range[], { byteLength }: ArrayBuffer): boolean {
  return ranges.some(([from, to]) => from === 0 && to === byteLength);
}

/** The memory met while one value is encoded. */
export class Buffers {
  /** Those known, from an encoding before, to be written once for all that look at them. */
  readonly shared: ReadonlySet<unknown>;
  /** Where the encoder is; kept for what is found to overlap. */
  at: unknown;
  /** What is asked for beyond the text, in bytes, in all: see `reserve` in `limits.ts`. */
  reserved = 0;
  readonly #met = new Map<ArrayBuffer, Range[]>();

  constructor(shared: ReadonlySet<unknown>) {
    this.shared = shared;
  }

  /** Notes that the bytes of a buffer between two offsets are part of the payload. */
  meet(buffer: ArrayBuffer, from: number, to: number): void {
    const ranges = this.#met.get(buffer) ?? [];
    ranges.push([from, to, this.at]);
    this.#met.set(buffer, ranges);
  }

  /** The buffers to be written once for all that look at them. */
  once(): Set<unknown> {
    const found = new Set(this.shared);
    for (const [buffer, ranges] of this.#met)
      if (ranges.length > 1 && hasWhole(ranges, buffer)) found.add(buffer);
    return found;
  }

  /** Where there are views that look at bytes of others, with no view of the whole. */
  overlaps(): unknown[] {
    const overlaps: unknown[] = [];
    for (const [buffer, ranges] of this.#met) {
      if (hasWhole(ranges, buffer)) continue;
      ranges.sort(([one], [other]) => one - other);
      for (let index = 1, end = ranges[0]![1]; index < ranges.length; index++) {
        const [from, to, at] = ranges[index]!;
        if (from < end) overlaps.push(at);
        end = Math.max(end, to);
      }
    }
    return overlaps;
  }
}
