/** What to tell a person about a value that cannot travel. @module */
import { className } from "../errors.ts";
import { advice as ownAdvice } from "./value-type.ts";

interface Advice {
  readonly kind: string;
  readonly advice: string;
}

const byTypeof: Readonly<Record<string, Advice>> = {
  function: { kind: "function", advice: "functions never travel; send the data it needs" },
  symbol: { kind: "symbol", advice: "symbols never travel; send a string" },
};

/** Kinds by what `Object.prototype.toString` calls them. */
const byTag: Readonly<Record<string, string>> = {
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
  if (typeof value !== "object" || value === null) {
    return byTypeof[typeof value] ?? { kind: typeof value, advice: "send data" };
  }
  const name = className(value);
  const builtIn = Object.prototype.toString.call(value).slice(8, -1);
  if (Object.hasOwn(byTag, builtIn)) return { kind: builtIn, advice: byTag[builtIn]! };
  if (name === undefined)
    return { kind: builtIn === "Object" ? "object" : builtIn, advice: "send a plain object: { ...it }" };
  const kind = name === "(anonymous class)" ? "instance of an anonymous class" : `${name} (class instance)`;
  if (value instanceof Error) {
    return { kind, advice: "register it as a value class, or send a plain Error" };
  }
  const said = (value as { readonly [ownAdvice]?: string })[ownAdvice];
  if (said !== undefined) return { kind, advice: said };
  if (Array.isArray(value))
    return { kind, advice: "subclasses do not travel; send a plain array: Array.from(it)" };
  if (ArrayBuffer.isView(value))
    return { kind, advice: "send its bytes: new Uint8Array(it.buffer, it.byteOffset, it.byteLength)" };
  return { kind, advice: "register it as a value class, or send a reference to its row: ref(table, row)" };
}
