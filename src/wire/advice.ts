/** What to tell a person about a value that cannot travel. @module */
import { className } from "../errors.ts";
import { advice as ownAdvice } from "./value-type.ts";

interface Advice {
  readonly kind: string;
  readonly advice: string;
}

/** By what `typeof` or, of an object, `Object.prototype.toString` calls it. */
const byKind: Readonly<Record<string, string>> = {
  function: "functions never travel; send the data it needs",
  symbol: "symbols never travel; send a string",
  Promise: "await it first",
  WeakMap: "it cannot be listed; send a Map",
  WeakSet: "it cannot be listed; send a Set",
  WeakRef: "send what it refers to",
  Generator: "send what it yields, in an array",
  AsyncGenerator: "send what it yields, in an array",
  ReadableStream: "store the bytes and send where they are, or send them as a Uint8Array",
  WritableStream: "streams never travel",
  Blob: "send its bytes: new Uint8Array(await blob.arrayBuffer())",
  File: "send its bytes: new Uint8Array(await file.arrayBuffer())",
  SharedArrayBuffer: "send a copy, as a Uint8Array",
};

/** The advice for a value with no tag. */
export function adviceFor(value: unknown): Advice {
  const builtIn =
    typeof value === "object" ? Object.prototype.toString.call(value).slice(8, -1) : typeof value;
  if (Object.hasOwn(byKind, builtIn)) return { kind: builtIn, advice: byKind[builtIn]! };
  const name = className(Object(value) as object);
  if (name === undefined)
    return { kind: builtIn === "Object" ? "object" : builtIn, advice: "send a plain object: { ...it }" };
  const kind = name === "(anonymous class)" ? "instance of an anonymous class" : `${name} (class instance)`;
  const own = (value as { readonly [ownAdvice]?: string })[ownAdvice];
  const advice =
    value instanceof Error
      ? "register it as a value class, or send a plain Error"
      : Array.isArray(value)
        ? "subclasses do not travel; send a plain array: Array.from(it)"
        : ArrayBuffer.isView(value)
          ? "send its bytes: new Uint8Array(it.buffer, it.byteOffset, it.byteLength)"
          : (own ?? "register it as a value class, or send a reference to its row: ref(table, row)");
  return { kind, advice };
}
