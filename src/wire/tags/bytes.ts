/**
 * Bytes: a Uint8Array is Kombu's `base64` (RFC 4648, padded); other views, and buffers, have their class's name.
 *
 * Elements of more than a byte are little-endian, as on every platform that runs JavaScript today.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { reserve } from "../limits.ts";
import { Malformed, Unportable, platformKind, type Tag } from "../tag.ts";
import { fromBase64, toBase64 } from "../base64.ts";
import { isIndex } from "./text.ts";

interface View {
  readonly prototype: object;
  readonly BYTES_PER_ELEMENT?: number;
  /** Buffer's own; that of the others takes values. */
  from?(buffer: ArrayBuffer, offset: number, length: number): ArrayBufferView<ArrayBuffer>;
  new (buffer: ArrayBuffer, offset?: number, length?: number): ArrayBufferView<ArrayBuffer>;
}

type Resizable = ArrayBuffer & {
  readonly resizable?: boolean;
  readonly detached?: boolean;
  readonly maxByteLength: number;
};

const arrayBufferTag: Tag<ArrayBuffer> = {
  name: "ArrayBuffer",
  layout: "scalar",
  identity: true,
  write(value, { buffers, limits }) {
    const { detached, resizable, maxByteLength } = value as Resizable;
    if (detached) throw new Unportable("it was transferred away");
    buffers.meet(value, 0, value.byteLength);
    const text = toBase64(new Uint8Array(value));
    if (!resizable) return text;
    reserve(buffers, maxByteLength, limits);
    return [text, maxByteLength];
  },
  read(content, reading) {
    if (!Array.isArray(content)) return fromBase64(content).buffer;
    const [text, maxByteLength] = content as [unknown, number];
    const bytes = fromBase64(text);
    if (content.length !== 2 || !Number.isSafeInteger(maxByteLength) || maxByteLength < bytes.length)
      throw new Malformed("bytes, and how many they may become", describe(maxByteLength));
    reserve(reading, maxByteLength, reading.limits);
    const buffer = new (ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer)(
      bytes.length,
      { maxByteLength },
    );
    new Uint8Array(buffer).set(bytes);
    return buffer;
  },
};

/** The memory that a view looks at, where that can travel. */
function memoryOf(view: ArrayBufferView, name: string): ArrayBuffer {
  if (platformKind(view) !== (name === "Buffer" ? "Uint8Array" : name))
    throw new Unportable("it only looks like one");
  const { length = 0 } = view as { length?: number };
  // Of its own, these would hide what its class tells. Listing the keys of many bytes costs more than all else about
  // them, so large ones are trusted to have no others.
  if (
    ["buffer", "byteOffset", "byteLength", "length"].some((key) => Object.hasOwn(view, key)) ||
    (length <= 65_536 && Object.keys(view).length > length)
  )
    throw new Unportable("it has properties of its own: send the properties beside it, in an object");
  const buffer = view.buffer as Resizable;
  if (platformKind(buffer) !== "ArrayBuffer") {
    throw new Unportable("its memory is shared between threads: send a copy, value.slice()");
  }
  if (buffer.detached) throw new Unportable("its buffer was transferred away");
  if (buffer.resizable)
    throw new Unportable("its buffer is resizable: send a copy, value.slice(), or the buffer alone");
  return buffer;
}

function viewTagOf(name: string, of: View): Tag<ArrayBufferView> {
  const size = of.BYTES_PER_ELEMENT ?? 1;
  const make = (buffer: ArrayBuffer, offset: number, bytes: number): ArrayBufferView => {
    if (bytes % size > 0) throw new Malformed(`bytes in groups of ${size}`, `${bytes} bytes`);
    // Buffer's constructor is deprecated.
    return name === "Buffer" ? of.from!(buffer, offset, bytes) : new of(buffer, offset, bytes / size);
  };
  return {
    name: name === "Uint8Array" ? "base64" : name,
    layout: "scalar",
    identity: true,
    keepsProperties: true,
    write(view, { buffers }) {
      const buffer = memoryOf(view, name);
      buffers.meet(buffer, view.byteOffset, view.byteOffset + view.byteLength);
      return toBase64(new Uint8Array(buffer, view.byteOffset, view.byteLength));
    },
    read(content) {
      const bytes = fromBase64(content);
      return name === "Uint8Array" ? bytes : make(bytes.buffer, 0, bytes.length);
    },
    shared: {
      name,
      layout: "items",
      identity: true,
      keepsProperties: true,
      write: (view) => [memoryOf(view, name), view.byteOffset, view.byteLength],
      read(content) {
        const [buffer, offset, bytes] = content as [ArrayBuffer, number, number];
        if (
          !(buffer instanceof ArrayBuffer) ||
          (content as unknown[]).length !== 3 ||
          (buffer as Resizable).resizable ||
          ![offset, bytes].every(isIndex)
        )
          throw new Malformed("a buffer, an offset and a length", describe(content));
        return make(buffer, offset, bytes);
      },
    },
  };
}

const viewNames = [
  ..."Uint8Array Uint8ClampedArray Int8Array Int16Array Uint16Array Int32Array Uint32Array".split(" "),
  ..."Float16Array Float32Array Float64Array BigInt64Array BigUint64Array DataView Buffer".split(" "),
];

/** By the prototypes that they stand for: those that the runtime has. */
export const bytesTags: readonly (readonly [prototype: object, tag: Tag])[] = [
  [ArrayBuffer.prototype, arrayBufferTag as Tag],
  ...viewNames.flatMap((name) => {
    const of = (globalThis as unknown as Record<string, View | undefined>)[name];
    return of ? [[of.prototype, viewTagOf(name, of) as Tag] as const] : [];
  }),
];

/** Kombu's text for bytes that are valid UTF-8; read only. */
export const utf8BytesTag: Tag<Uint8Array> = {
  name: "bytes",
  layout: "scalar",
  identity: true,
  write: toBase64,
  read(content) {
    if (typeof content !== "string" || !content.isWellFormed()) {
      throw new Malformed("well-formed text", describe(content));
    }
    return new TextEncoder().encode(content);
  },
};
