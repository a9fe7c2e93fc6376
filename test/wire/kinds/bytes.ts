/** Bytes and their memory. @module */
import { data, define, dressed, make, needs, refused, same, type Group, type Kind } from "./kind.ts";

const memory = (length = 16): ArrayBuffer => Uint8Array.from({ length }, (_, n) => n * 7 + 1).buffer;
const resizable = (length: number, most: number): ArrayBuffer =>
  new ArrayBuffer(length, { maxByteLength: most });

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

const classes = [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
].map((name): Kind =>
  same(`${name}`, () => [make(name, memory()), make(name, 0), make(name, 3)], needs(name)),
);

export const bytes: Group = {
  group: "Bytes",
  kinds: [
    ...classes,
    same("`NaN`, `-0` and the infinities in floats", () =>
      [Float32Array, Float64Array].map((of) => of.of(NaN, -0, Infinity, -Infinity)),
    ),
    same(
      "every pattern of NaN",
      () => new Float32Array(new Uint32Array([0x7fc00001, 0xffc00000, 0x7f800001]).buffer),
    ),
    same("a million bytes", () => new Uint8Array(1_000_000).fill(7), { large: true }),
    same("DataView", () => new DataView(memory())),
    same("DataView of no bytes", () => new DataView(new ArrayBuffer(0))),
    same("ArrayBuffer", () => memory()),
    same("ArrayBuffer of no bytes", () => new ArrayBuffer(0)),
    same("resizable ArrayBuffers", () => resizable(4, 64)),
    same("resizable ArrayBuffers of no bytes", () => resizable(0, 16)),
    same("resizable ArrayBuffers at their most", () => resizable(8, 8)),
    same(
      "the memory of WebAssembly, as an ArrayBuffer",
      () => (make("WebAssembly.Memory", { initial: 1 }) as { buffer: ArrayBuffer }).buffer,
      { large: true },
    ),
    same("Buffer", () => Buffer.alloc(9, "abc")),
    same("Buffers from a pool", () => Buffer.from("pooled"), { once: true }),
    same("two Buffers from one pool", () => [Buffer.from("one"), Buffer.from("two")], { once: true }),
    same("an empty Buffer", () => Buffer.alloc(0)),
    same("a part of a buffer, as its own bytes", () => new Uint8Array(memory(), 4, 3), { once: true }),
    same("a part of a buffer in a DataView", () => new DataView(memory(), 5, 7), { once: true }),
    same("a part of a Float64Array", () => new Float64Array(memory(), 8), { once: true }),
    same(
      "parts of one buffer that do not overlap",
      () => ((b) => [new Uint8Array(b, 0, 4), new Uint16Array(b, 4, 2)])(memory()),
      { once: true },
    ),
    same("a buffer and views of it", () =>
      ((b) => [b, new Uint8Array(b), new DataView(b, 3, 5), new Float32Array(b, 4)])(memory()),
    ),
    same("views of it before their buffer", () =>
      ((b) => ({ view: new Int16Array(b, 2, 3), all: b }))(memory()),
    ),
    same("two views of the whole of a buffer", () =>
      ((b) => [new Uint8Array(b), new Float64Array(b)])(memory()),
    ),
    same("a view of the whole and views of parts", () =>
      ((b) => [new Uint8Array(b, 2, 4), new Uint8Array(b), new Uint8Array(b, 3, 4)])(memory()),
    ),
    same("one buffer in two places", () => ((b) => [b, { b }])(memory())),
    same("one Uint8Array in two places", () => ((b) => [b, { b }])(new Uint8Array(memory()))),
    same("one resizable buffer in two places", () => ((b) => [b, b])(resizable(4, 8))),
    same("a Buffer and its memory", () => ((b) => [b, b.buffer])(Buffer.from(memory()))),
    data(
      "frozen views of nothing: not frozen",
      () => Object.freeze(new Uint8Array()),
      () => new Uint8Array(),
    ),
    data(
      "hidden properties of bytes: left out",
      () => define(new Uint8Array(2), { x: { value: 1, enumerable: false } }),
      () => new Uint8Array(2),
    ),
    refused(
      "parts of one buffer that overlap, without the whole",
      () => ((b) => [new Uint8Array(b, 0, 6), new Uint8Array(b, 4, 6)])(memory()),
      /./,
      { path: "…" },
    ),
    refused("Uint8Array with properties", () => Object.assign(new Uint8Array(2), { label: "x" }), /./),
    refused("Float64Array with properties", () => Object.assign(new Float64Array(2), { label: "x" }), /./),
    refused(
      "Uint8Array with symbols as keys",
      () => Object.assign(new Uint8Array(2), { [Symbol.for("k")]: 1 }),
      /./,
    ),
    refused("ArrayBuffer with properties", () => Object.assign(new ArrayBuffer(2), { label: "x" }), /./),
    refused("DataView with properties", () => Object.assign(new DataView(memory()), { label: "x" }), /./),
    refused("Buffer with properties", () => Object.assign(Buffer.alloc(2), { label: "x" }), /./),
    refused(
      "bytes that hide their length",
      () => define(new Uint8Array(4), { byteLength: { value: 2 } }),
      /./,
    ),
    refused(
      "an ArrayBuffer that hides its length",
      () => define(memory(), { byteLength: { value: 2 } }),
      /./,
    ),
    refused("views of a resizable buffer", () => new Uint8Array(resizable(4, 8)), /./),
    refused("views that follow a resizable buffer's length", () => new Float32Array(resizable(8, 16)), /./),
    refused("a DataView of a resizable buffer", () => new DataView(resizable(4, 8)), /./),
    refused("SharedArrayBuffer", () => new SharedArrayBuffer(8), /SharedArrayBuffer/),
    refused(
      "growable SharedArrayBuffers",
      () => make("SharedArrayBuffer", 8, { maxByteLength: 16 }),
      /SharedArrayBuffer/,
    ),
    refused("views of shared memory", () => new Uint8Array(new SharedArrayBuffer(8)), /./),
    refused("Int32Array for Atomics", () => new Int32Array(new SharedArrayBuffer(8)), /./),
    refused("a DataView of shared memory", () => new DataView(new SharedArrayBuffer(8)), /./),
    refused("a Buffer of shared memory", () => Buffer.from(new SharedArrayBuffer(8)), /./),
    refused("detached ArrayBuffers", () => detached(), /./),
    refused(
      "views of detached ArrayBuffers",
      () =>
        ((b) => {
          const view = new Uint8Array(b);
          structuredClone(b, { transfer: [b] });
          return view;
        })(memory()),
      /./,
    ),
    refused("subclasses of Uint8Array", () => new (class Key extends Uint8Array {})(2), /Key/),
    refused("subclasses of ArrayBuffer", () => new (class Page extends ArrayBuffer {})(2), /Page/),
    refused(
      "subclasses of DataView",
      () => Reflect.construct(DataView, [new ArrayBuffer(2)], class Reader {}),
      /Reader/,
    ),
    refused(
      "subclasses of Buffer's prototype",
      () => dressed(Buffer.alloc(2), Object.create(Buffer.prototype) as object),
      /./,
    ),
  ],
};
