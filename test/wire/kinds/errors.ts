/** Errors. @module */
import { AssertionError } from "node:assert";
import { readFileSync } from "node:fs";
import { data, define, make, needs, refused, same, type Group, type Kind } from "./kind.ts";

function thrown(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

function without(error: Error, key: string): Error {
  Reflect.deleteProperty(error, key);
  return error;
}

const builtIn = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(
  (constructor): Kind =>
    same(`${constructor.name}`, () => new constructor("it failed", { cause: new constructor("inner") })),
);

const rejected: unknown = await Promise.any([
  Promise.reject(new Error("a")),
  Promise.reject(new TypeError("b")),
]).catch((error: unknown) => error);

export const errors: Group = {
  group: "Errors",
  kinds: [
    ...builtIn,
    same("errors without a message", () => new Error()),
    same("errors with an empty message", () => new Error("")),
    same("errors without a stack", () => without(new Error("x"), "stack")),
    same("errors with a stack of your own", () =>
      Object.defineProperty(new Error("x"), "stack", { value: "at noon", writable: true }),
    ),
    same("lone surrogates in messages", () => new Error("\ud800")),
    same("a cause that is `undefined`", () => new Error("x", { cause: undefined })),
    same("a cause that is no error", () => new Error("x", { cause: { code: 5n, at: new Date(0) } })),
    same(
      "chains of causes",
      () => new Error("a", { cause: new TypeError("b", { cause: new RangeError("c", { cause: "d" }) }) }),
    ),
    same("a cause that was assigned", () => Object.assign(new Error("x"), { cause: new Error("y") })),
    same("a message that was assigned", () => Object.assign(new Error(), { message: "later" })),
    same("own properties", () =>
      Object.assign(new Error("x"), { code: "E_X", status: 503, at: new Date(1), details: [1n] }),
    ),
    same("an own `name`", () => Object.assign(new Error("x"), { name: "PaymentError" })),
    same("own properties named like methods", () =>
      Object.assign(new Error("x"), { toString: "text", constructor: 1, then: 2 }),
    ),
    same("own `errors` of a plain Error", () => Object.assign(new Error("x"), { errors: [new Error("y")] })),
    same("own `__proto__` of an error", () =>
      Object.defineProperty(new Error("x"), "__proto__", {
        value: 1,
        enumerable: true,
        writable: true,
        configurable: true,
      }),
    ),
    same("registered symbols as keys of errors", () =>
      Object.assign(new Error("x"), { [Symbol.for("k")]: 1 }),
    ),
    same(
      "AggregateError",
      () => new AggregateError([new Error("a"), new TypeError("b"), "c", 5n], "all", { cause: 1 }),
    ),
    same("AggregateError of none", () => new AggregateError([])),
    same(
      "AggregateErrors in AggregateErrors",
      () => new AggregateError([new AggregateError([new Error("a")])]),
    ),
    same("what `Promise.any` rejects with", () => rejected),
    same("DOMException", () => new DOMException("stopped", "AbortError")),
    same("DOMException with a code", () => new DOMException("x", "DataCloneError")),
    same("DOMException without a name", () => new DOMException("x")),
    same("DOMException without anything", () => new DOMException()),
    same("DOMException named by you", () => new DOMException("x", "MineError")),
    same("DOMException with own properties", () =>
      Object.assign(new DOMException("x", "AbortError"), { status: 1 }),
    ),
    same("the reason of an AbortSignal", () => AbortSignal.abort().reason),
    same("what `JSON.parse` throws", () => thrown(() => JSON.parse("{"))),
    same("what `new URL` throws", () => thrown(() => new URL("bad"))),
    same("what the file system throws", () => thrown(() => readFileSync("/there/is/none"))),
    same("what an overflow of the stack throws", () =>
      thrown(function deeper(): unknown {
        return [deeper()];
      }),
    ),
    data(
      "frozen errors: not frozen",
      () => Object.freeze(without(new Error("x"), "stack")),
      () => without(new Error("x"), "stack"),
    ),
    data(
      "getters of errors: their value",
      () => define(without(new Error("x"), "stack"), { a: { get: () => 1 } }),
      () => Object.assign(without(new Error("x"), "stack"), { a: 1 }),
    ),
    refused(
      "unique symbols as keys of errors",
      () => Object.assign(new Error("x"), { [Symbol("k")]: 1 }),
      /./,
      { path: "…" },
    ),
    refused(
      "functions as properties of errors",
      () => Object.assign(new Error("x"), { retry: () => {} }),
      /function/,
      { path: ".retry" },
    ),
    refused("a cause that cannot travel", () => new Error("x", { cause: () => {} }), /function/, {
      path: ".cause",
    }),
    refused("an item of `errors` that cannot travel", () => new AggregateError([() => {}]), /function/, {
      path: ".errors[0]",
    }),
    refused(
      "a message that is no text",
      () => Object.defineProperty(new Error("x"), "message", { value: 5 }),
      /./,
    ),
    refused("a hidden `name`", () => Object.defineProperty(new Error("x"), "name", { value: "Custom" }), /./),
    same("`errors` that is no array", () => Object.assign(new AggregateError([]), { errors: 5 })),
    refused("classes of your own", () => new (class PaymentError extends Error {})("x"), /PaymentError/),
    refused("subclasses of TypeError", () => new (class NotANumber extends TypeError {})("x"), /NotANumber/),
    refused(
      "subclasses of AggregateError",
      () => new (class Failures extends AggregateError {})([]),
      /Failures/,
    ),
    refused("subclasses of DOMException", () => new (class Stopped extends DOMException {})("x"), /Stopped/),
    refused("AssertionError", () => new AssertionError({ message: "x" }), /AssertionError/),
    refused("errors of Node's own classes", () => thrown(() => readFileSync({} as never)), /./),
    refused(
      "SuppressedError",
      () => make("SuppressedError", new Error("a"), new Error("b"), "x"),
      /SuppressedError/,
      needs("SuppressedError"),
    ),
    refused(
      "QuotaExceededError",
      () => make("QuotaExceededError", "x"),
      /QuotaExceededError/,
      needs("QuotaExceededError"),
    ),
    refused(
      "WebAssembly's errors",
      () => thrown(() => make("WebAssembly.Module", new Uint8Array([1]))),
      /CompileError/,
    ),
    refused("what only looks like an error", () => Object.create(Error.prototype), /./),
  ],
};
