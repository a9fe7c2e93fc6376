/** Objects of the platforms: the browser's, Node's. @module */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, createSecretKey } from "node:crypto";
import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { PassThrough, Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { Script, createContext } from "node:vm";
import { make, needs, platform, refused, type Group, type Kind } from "./kind.ts";

/** Instances of the platform's own classes, by the way to the class and what its constructor takes. */
function made(name: string, ...given: unknown[]): Kind {
  const last = name.split(".").at(-1)!;
  return refused(`${name}`, () => make(name, ...given), new RegExp(last), needs(name));
}

const key: unknown = await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]);
const keys: unknown = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);

function port(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
}

function channel(): BroadcastChannel {
  const opened = new BroadcastChannel("petiole.test");
  opened.close();
  return opened;
}

function timer(): object {
  const timeout = setTimeout(() => {}, 0);
  clearTimeout(timeout);
  return timeout;
}

export const files: Group = {
  group: "Files and streams",
  kinds: [
    made("Blob", ["x"]),
    made("File", ["x"], "name"),
    made("FormData"),
    made("ReadableStream"),
    made("WritableStream"),
    made("TransformStream"),
    refused("readers of streams", () => new ReadableStream().getReader(), /ReadableStreamDefaultReader/),
    made("CompressionStream", "gzip"),
    made("DecompressionStream", "gzip"),
    made("TextEncoderStream"),
    made("TextDecoderStream"),
    made("ByteLengthQueuingStrategy", { highWaterMark: 1 }),
    made("Request", "http://a/"),
    made("Response", "x"),
    refused("Node's Readable", () => Readable.from([1]), /Readable/),
    refused("Node's Duplex", () => new PassThrough(), /PassThrough/),
    refused("sockets", () => new Socket(), /Socket/),
  ],
};

export const web: Group = {
  group: "Other objects of the platform",
  kinds: [
    ...[
      "Collator",
      "DateTimeFormat",
      "DurationFormat",
      "ListFormat",
      "NumberFormat",
      "PluralRules",
      "RelativeTimeFormat",
      "Segmenter",
    ].map((name) => made(`Intl.${name}`)),
    made("Intl.Locale", "en"),
    made("Intl.DisplayNames", "en", { type: "region" }),
    made("WebAssembly.Module", empty),
    refused(
      "WebAssembly.Instance",
      () => make("WebAssembly.Instance", make("WebAssembly.Module", empty)),
      /Instance/,
    ),
    made("WebAssembly.Memory", { initial: 1 }),
    made("WebAssembly.Table", { element: "anyfunc", initial: 1 }),
    made("WebAssembly.Global", { value: "i32" }, 1),
    made("WebAssembly.Tag", { parameters: [] }),
    made("TextEncoder"),
    made("TextDecoder"),
    made("URLPattern", "https://example.org/:id"),
    made("AbortController"),
    refused("AbortSignal", () => new AbortController().signal, /AbortSignal/),
    refused("aborted AbortSignals", () => AbortSignal.abort(1), /AbortSignal/),
    made("Event", "x"),
    made("EventTarget"),
    made("CustomEvent", "x", { detail: 1 }),
    made("MessageEvent", "x"),
    made("CloseEvent", "x"),
    made("ErrorEvent", "x"),
    made("WebSocketStream"),
    refused("MessageChannel", () => new MessageChannel(), /MessageChannel/),
    refused("MessagePort", () => port(), /MessagePort/),
    refused("BroadcastChannel", () => channel(), /BroadcastChannel/),
    refused("CryptoKey", () => key, /CryptoKey/),
    refused("pairs of CryptoKeys", () => keys, /CryptoKey/, { path: "…" }),
    refused("`crypto`", () => crypto, /Crypto/),
    refused("`crypto.subtle`", () => crypto.subtle, /SubtleCrypto/),
    refused("`performance`", () => performance, /Performance/),
    refused("PerformanceMark", () => performance.mark("petiole.test"), /PerformanceMark/),
    refused("`navigator`", () => platform("navigator"), /Navigator/, needs("navigator")),
    refused("timers", () => timer(), /Timeout/),
    refused("`process`", () => process, /process/),
    refused("`process.env`", () => process.env, /./, { path: "…" }),
    refused(
      "`process.memoryUsage()`, which is data, with a function",
      () => ({ ...process.memoryUsage(), again: process.memoryUsage }),
      /function/,
      { path: ".again" },
    ),
    refused("EventEmitter", () => new EventEmitter(), /EventEmitter/),
    refused("AsyncLocalStorage", () => new AsyncLocalStorage(), /AsyncLocalStorage/),
    refused("hashes", () => createHash("sha256"), /Hash/),
    refused("KeyObject", () => createSecretKey(Buffer.from("x")), /KeyObject/),
    refused("StringDecoder", () => new StringDecoder(), /StringDecoder/),
    refused("contexts of `node:vm`", () => createContext({ run: () => 1 }), /./, { path: "…" }),
    refused("scripts of `node:vm`", () => new Script("1"), /Script/),
  ],
};
