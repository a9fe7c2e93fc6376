/** A Uint8Array, as base64 (RFC 4648, padded); Kombu's `bytes`, text for valid UTF-8, is read too. @module */
import { describe } from "../../errors.ts";
import { Malformed, Unportable, type Tag } from "../tag.ts";

// Not in groups of four: a group in a loop takes the stack of the expression's engine, and megabytes overflow it.
const form = /^[A-Za-z0-9+/]*={0,2}$/;

export const bytesTag: Tag<Uint8Array> = {
  name: "base64",
  layout: "scalar",
  identity: false,
  keepsProperties: true,
  write(value) {
    const buffer = value.buffer as ArrayBuffer & { resizable?: boolean; detached?: boolean };
    if (Object.prototype.toString.call(buffer) !== "[object ArrayBuffer]") {
      throw new Unportable("its memory is shared between threads: send a copy, value.slice()");
    }
    if (buffer.resizable === true)
      throw new Unportable("its buffer is resizable: send a copy, value.slice()");
    if (buffer.detached === true) throw new Unportable("its buffer was transferred away");
    // Listing the keys of many bytes costs more than all else about them, so large ones are trusted to have no others.
    if (value.length <= 65_536 && Object.keys(value).length > value.length) {
      throw new Unportable("it has properties of its own: send them beside it, in an object");
    }
    return toBase64(value);
  },
  read(content) {
    if (typeof content !== "string" || content.length % 4 !== 0 || !form.test(content)) {
      throw new Malformed("base64", describe(content));
    }
    return fromBase64(content);
  },
};

export const utf8BytesTag: Tag<Uint8Array> = {
  ...bytesTag,
  name: "bytes",
  read(content) {
    if (typeof content !== "string" || !content.isWellFormed()) {
      throw new Malformed("well-formed text", describe(content));
    }
    return new TextEncoder().encode(content);
  },
};

// Newer runtimes have both directions natively; `btoa` and `atob` are everywhere.
interface Base64Native {
  toBase64?(): string;
}
interface Base64NativeStatic {
  fromBase64?(text: string): Uint8Array;
}

function toBase64(bytes: Uint8Array): string {
  const native = bytes as Base64Native;
  if (native.toBase64) return native.toBase64();
  let binary = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(binary);
}

function fromBase64(text: string): Uint8Array {
  const native = Uint8Array as Base64NativeStatic;
  if (native.fromBase64) return native.fromBase64(text);
  return Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
}
