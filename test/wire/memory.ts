/** Which bytes share memory: before and after. @module */

type Bytes = ArrayBuffer | ArrayBufferView;

/** A stretch of memory, and the one that it became. */
interface Region {
  readonly start: number;
  readonly end: number;
  readonly buffer: ArrayBufferLike;
  readonly becameStart: number;
  readonly becameBuffer: ArrayBufferLike;
}

/** Compares bytes, and remembers where they lie. */
export class Memory {
  readonly #regions: Region[] = [];

  /** What differs between two pieces of bytes, each by itself. */
  add(sent: Bytes, arrived: Bytes): string | undefined {
    const [from, to] = [bytesOf(sent), bytesOf(arrived)];
    if (from.length !== to.length) return `${from.length} bytes became ${to.length}`;
    const at = from.findIndex((byte, index) => byte !== to[index]);
    if (at >= 0) return `byte ${at} differs`;
    if (sent instanceof ArrayBuffer && arrived instanceof ArrayBuffer) {
      if (sent.resizable !== arrived.resizable) return "whether it is resizable";
      if (sent.maxByteLength !== arrived.maxByteLength) return "its maxByteLength";
    } else if (((arrived as ArrayBufferView).buffer as ArrayBuffer).resizable)
      return "its buffer is resizable";
    if (from.length > 0) {
      const { buffer, byteOffset: start } = from;
      const { buffer: becameBuffer, byteOffset: becameStart } = to;
      this.#regions.push({ buffer, start, end: start + from.length, becameBuffer, becameStart });
    }
    return undefined;
  }

  /** What differs in how all of them share memory. */
  difference(): string | undefined {
    for (const [index, one] of this.#regions.entries()) {
      for (const other of this.#regions.slice(index + 1)) {
        const shared = one.buffer === other.buffer && one.start < other.end && other.start < one.end;
        const [ends, otherEnds] = [endOf(one), endOf(other)];
        const share =
          one.becameBuffer === other.becameBuffer && one.becameStart < otherEnds && other.becameStart < ends;
        if (shared !== share)
          return `bytes that ${shared ? "shared" : "did not share"} memory changed in that`;
        if (shared && one.start - other.start !== one.becameStart - other.becameStart) {
          return "bytes share memory at another distance";
        }
      }
    }
    return undefined;
  }
}

function endOf(region: Region): number {
  return region.becameStart + region.end - region.start;
}

function bytesOf(value: Bytes): Uint8Array {
  return value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
