/** A Uint8Array, as base64 (RFC 4648, padded); Kombu's `bytes`, text for valid UTF-8, is read too. @module */
import { describe } from "../../errors.ts";
import { Malformed, Unportable, type Tag } from "../tag.ts";

const form = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export const bytesTag: Tag<Uint8Array> = {
  name: "base64",
  layout: "scalar",
  identity: false,
  keepsProperties: true,
  write(value) {
    const buffer = value.buffer as ArrayBuffer & { resizable?: boolean };
    if (Object.prototype.toString.call(buffer) !== "[object ArrayBuffer]") {
      throw new Unportable("its memory is shared between threads: send a copy, value.slice()");
    }
    if (buffer.resizable === true)
      throw new Unportable("its buffer is resizable: send a copy, value.slice()");
    return toBase64(value);
  },
  read(content) {
    if (typeof content !== "string" || !form.test(content)) throw new Malformed("base64", describe(content));
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
