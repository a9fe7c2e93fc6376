/** Proxies. @module */
import { Money } from "../classes.ts";
import { data, refused, type Group } from "./kind.ts";

const over = (target: object, handler: ProxyHandler<object> = {}): object => new Proxy(target, handler);

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

const throwing = (trap: string): object =>
  over(
    { a: 1 },
    {
      [trap]: () => {
        throw new TypeError("not now");
      },
    },
  );

export const proxies: Group = {
  group: "Proxies",
  kinds: [
    data(
      "over plain objects: plain",
      () => over({ a: 1, b: [2n] }),
      () => ({ a: 1, b: [2n] }),
    ),
    data(
      "over arrays: plain",
      () => over([1, { a: -0 }]),
      () => [1, { a: -0 }],
    ),
    data(
      "over arrays with holes: plain",
      () => over(Object.assign(new Array<number>(3), { 1: 5 })),
      () => Object.assign(new Array<number>(3), { 1: 5 }),
    ),
    data(
      "over proxies of plain objects: plain",
      () => over(over({ a: undefined })),
      () => ({ a: undefined }),
    ),
    data(
      "that compute: what they gave",
      () => over({ a: 1 }, { get: (_, key) => (key === "a" ? 5 : undefined) }),
      () => ({ a: 5 }),
    ),
    refused(
      "over arrays, of a length that is none",
      () =>
        over([1, 2n], { get: (of, key) => (key === "length" ? 1e300 : (Reflect.get(of, key) as unknown)) }),
      /array/,
    ),
    refused("over functions", () => over(() => {}), /function/),
    refused("over classes", () => over(class {}), /function/),
    refused("over Map", () => over(new Map()), /./),
    refused("over Set", () => over(new Set()), /./),
    refused("over Date", () => over(new Date(0)), /./),
    refused("over RegExp", () => over(/x/), /./),
    refused("over Error", () => over(new Error("x")), /./),
    refused("over Promise", () => over(Promise.resolve()), /./),
    refused("over Uint8Array", () => over(new Uint8Array(2)), /./),
    refused("over ArrayBuffer", () => over(new ArrayBuffer(2)), /./),
    refused("over URL", () => over(new URL("http://a/")), /./),
    refused("over boxed primitives", () => over(new Number(1)), /./),
    refused("over instances of unregistered classes", () => over(new (class Socket {})()), /Socket/),
    refused("over functions in objects", () => over({ run: () => 1 }), /function/, { path: ".run" }),
    refused("that give a function for every key", () => over({ a: 1 }, { get: () => () => 1 }), /./, {
      path: "…",
    }),
    refused("revoked", () => revoked({}), /./),
    refused("revoked, of arrays", () => revoked([]), /./),
    refused("revoked, of functions", () => revoked(() => {}), /function/),
    refused("revoked, inside", () => ({ a: [revoked({})] }), /./, { path: ".a[0]" }),
    refused("that throw for keys", () => throwing("ownKeys"), /./),
    refused("that throw for a prototype", () => throwing("getPrototypeOf"), /./),
    refused("that throw for a value", () => throwing("get"), /./, { path: "…" }),
    refused("that pretend to be another class", () => over({}, { getPrototypeOf: () => Map.prototype }), /./),
    refused(
      "that pretend to be a value class",
      () => over({ amount: "x" }, { getPrototypeOf: () => Money.prototype }),
      /./,
      { path: "…" },
    ),
  ],
};
