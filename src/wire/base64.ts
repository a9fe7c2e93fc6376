/** Base64 of RFC 4648, with `+`, `/` and padding. @module */
import { describe } from "../errors.ts";
import { Malformed } from "./tag.ts";

// Not in groups of four: a group in a loop takes the stack of the expression's engine, and megabytes overflow it.
const form = /^[A-Za-z0-9+/]*={0,2}$/;

// Newer runtimes have both directions natively; `btoa` and `atob` are everywhere.
interface Base64Native {
  toBase64?(): string;
}
interface Base64NativeStatic {
  fromBase64?(text: string): Uint8Array<ArrayBuffer>;
}

export function toBase64(bytes: Uint8Array): string {
  const native = bytes as Base64Native;
  if (native.toBase64) return native.toBase64();
  let binary = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    binary += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(binary);
}

/** @throws Malformed for what is no base64 */
export function fromBase64(text: unknown): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string" || text.length % 4 !== 0 || !form.test(text))
    throw new Malformed("base64", describe(text));
  const native = Uint8Array as Base64NativeStatic;
  if (native.fromBase64) return native.fromBase64(text);
  return Uint8Array.from(atob(text), (unit) => unit.charCodeAt(0));
}
