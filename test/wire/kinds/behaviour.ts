/** What does something, or is something elsewhere: nothing of it travels. @module */
import { refused, make, needs, platform, type Group } from "./kind.ts";

function* yielding(): Generator<number> {
  yield 1;
}

async function* yieldingLater(): AsyncGenerator<number> {
  yield 1;
}

function given(..._: unknown[]): IArguments {
  return arguments;
}

const iterator = (name: string, run: () => unknown): Group["kinds"][number] => refused(name, run, /./);

export const functions: Group = {
  group: "Functions and classes",
  kinds: [
    refused("arrow functions", () => () => 1, /function/),
    refused("functions", () => function named() {}, /function/),
    refused("async functions", () => async () => {}, /function/),
    refused("generator functions", () => yielding, /function/),
    refused("async generator functions", () => yieldingLater, /function/),
    refused("bound functions", () => given.bind(null), /function/),
    refused("methods", () => ({ run() {} }).run, /function/),
    refused("classes", () => class Socket {}, /function/),
    refused("registered classes themselves", () => Map, /function/),
    refused("functions with properties", () => Object.assign(() => 1, { a: 1 }), /function/),
    refused("functions without a prototype", () => Object.setPrototypeOf(() => 1, null), /function/),
    refused("functions of the platform", () => parseInt, /function/),
    refused("`Proxy`", () => Proxy, /function/),
    refused("functions from text", () => new Function("return 1"), /function/),
    refused("functions in data", () => ({ a: [1, () => 1] }), /function/, { path: ".a[1]" }),
  ],
};

export const later: Group = {
  group: "Promises, iterators, weak references",
  kinds: [
    refused("Promise", () => Promise.resolve(1), /Promise/),
    refused("pending Promises", () => new Promise(() => {}), /Promise/),
    refused(
      "thenables of a class",
      () =>
        new (class Query {
          then(): void {}
        })(),
      /Query/,
    ),
    refused("WeakMap", () => new WeakMap(), /WeakMap/),
    refused("WeakSet", () => new WeakSet(), /WeakSet/),
    refused("WeakRef", () => new WeakRef({}), /WeakRef/),
    refused("FinalizationRegistry", () => new FinalizationRegistry(() => {}), /FinalizationRegistry/),
    refused("generators", () => yielding(), /Generator/),
    refused("async generators", () => yieldingLater(), /Generator/),
    iterator("iterators of arrays", () => [1].values()),
    iterator("iterators of Maps", () => new Map([[1, 2]]).entries()),
    iterator("iterators of Sets", () => new Set([1]).values()),
    iterator("iterators of texts", () => "a"[Symbol.iterator]()),
    iterator("iterators of matches", () => "a".matchAll(/a/g)),
    refused(
      "iterator helpers",
      () => (yielding() as unknown as { map(by: () => void): unknown }).map(() => {}),
      /./,
      needs("Iterator"),
    ),
    refused(
      "`Iterator.from`",
      () => (platform("Iterator") as { from(of: object): unknown }).from({ next: () => ({ done: true }) }),
      /./,
      needs("Iterator"),
    ),
    refused(
      "iterables of a class",
      () =>
        new (class Range {
          *[Symbol.iterator](): Generator<number> {
            yield 1;
          }
        })(),
      /Range/,
    ),
    refused("DisposableStack", () => make("DisposableStack"), /DisposableStack/, needs("DisposableStack")),
    refused(
      "AsyncDisposableStack",
      () => make("AsyncDisposableStack"),
      /AsyncDisposableStack/,
      needs("AsyncDisposableStack"),
    ),
  ],
};

const module = (await import("./kind.ts")) as object;

export const namespaces: Group = {
  group: "Namespaces and globals",
  kinds: [
    ...["Math", "JSON", "Reflect", "Atomics", "Intl", "WebAssembly"].map((name) =>
      refused(`\`${name}\``, () => platform(name), /./),
    ),
    refused("`Temporal`", () => platform("Temporal"), /./, needs("Temporal")),
    refused("`globalThis`", () => globalThis, /./, { path: "…" }),
    refused("`console`", () => console, /./, { path: "…" }),
    refused("`import * as module`", () => module, /Module/),
    refused("`import.meta`", () => import.meta, /./, { path: "…" }),
    refused("`arguments`", () => given(1, 2), /Arguments/),
    refused("`arguments` of nothing", () => given(), /Arguments/),
    refused(
      "`JSON.rawJSON`",
      () => (JSON as unknown as { rawJSON(text: string): object }).rawJSON("1"),
      /./,
      needs("JSON.rawJSON"),
    ),
    refused(
      "plain objects with a hidden `Symbol.toStringTag`",
      () => Object.defineProperty({ a: 1 }, Symbol.toStringTag, { value: "Mine" }),
      /./,
    ),
  ],
};
