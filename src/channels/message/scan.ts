/**
 * A look at bytes that are said to be MessagePack, before they are decoded: whether they are all there, and nothing else.
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import { DecodeError, LimitError } from "../../errors.ts";

/** A map or a list that is not at its end: how many values are still to come; of a map, keys are counted, too. */
interface Open {
  readonly isMap: boolean;
  left: number;
}

/** What follows a head: so many bytes that are the value, or the length. */
const after: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

/**
 * Refuses whatever could not be decoded exactly: what is cut off or goes on after its end, lengths that are not there (which a
 * decoder would make room for), texts that are no UTF-8, keys that are no texts, and extension types.
 *
 * @throws DecodeError
 * @throws LimitError for what is nested too deeply
 */
export function scan(bytes: Uint8Array, depth: number): void {
  new Scan(bytes, depth).run();
}

class Scan {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #depth: number;
  readonly #open: Open[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, depth: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#depth = depth;
  }

  run(): void {
    do {
      this.#value();
      while (this.#open.at(-1)?.left === 0) this.#open.pop();
    } while (this.#open.length > 0);
    if (this.#at < this.#bytes.length)
      throw this.#wrong("its end", `${this.#bytes.length - this.#at} bytes more`);
  }

  #value(): void {
    const container = this.#open.at(-1);
    const isKey = container !== undefined && container.isMap && container.left % 2 === 0;
    if (container !== undefined) container.left--;
    this.#need(1);
    const head = this.#bytes[this.#at]!;
    const isText = (head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb);
    if (isKey && !isText) throw this.#wrong("a text as a key", found(head));
    this.#at++;
    if (isText) this.#text(head < 0xc0 ? head - 0xa0 : this.#length(1 << (head - 0xd9)), isKey);
    else if (head < 0x80 || head >= 0xe0 || head === 0xc0 || head === 0xc2 || head === 0xc3) return;
    else if (head < 0xa0) this.#enter(head < 0x90, head & 0x0f);
    else if (head >= 0xc4 && head <= 0xc6) this.#skip(this.#length(1 << (head - 0xc4)));
    else if (head >= 0xdc) this.#enter(head >= 0xde, this.#length(head % 2 === 0 ? 2 : 4));
    else if (after[head] !== undefined) this.#skip(after[head]);
    else {
      this.#at--;
      throw this.#wrong("a value", found(head));
    }
  }

  #enter(isMap: boolean, size: number): void {
    const left = isMap ? size * 2 : size;
    this.#need(left);
    this.#open.push({ isMap, left });
    if (this.#open.length > this.#depth)
      throw new LimitError("message", "depth", this.#depth, this.#open.length);
  }

  #text(length: number, isKey: boolean): void {
    this.#need(length);
    const text = this.#bytes.subarray(this.#at, this.#at + length);
    if (!isUtf8(text)) throw this.#wrong("UTF-8", "other bytes");
    if (isKey && length === 9 && Buffer.from(text).toString() === "__proto__")
      throw this.#wrong("a key that an object can have", '"__proto__"');
    this.#at += length;
  }

  #length(size: number): number {
    this.#need(size);
    const at = this.#at;
    this.#at += size;
    if (size === 1) return this.#view.getUint8(at);
    return size === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #skip(length: number): void {
    this.#need(length);
    this.#at += length;
  }

  #need(length: number): void {
    const rest = this.#bytes.length - this.#at;
    if (rest < length) throw this.#wrong(`${length} bytes more`, `${rest}`);
  }

  #wrong(expected: string, found: string): DecodeError {
    return new DecodeError({ path: `message (MessagePack, byte ${this.#at})`, expected, found });
  }
}

function found(head: number): string {
  const isExtension = (head >= 0xc7 && head <= 0xc9) || (head >= 0xd4 && head <= 0xd8);
  const hex = `0x${head.toString(16).padStart(2, "0")}`;
  return isExtension ? `an extension type (${hex})` : hex;
}
