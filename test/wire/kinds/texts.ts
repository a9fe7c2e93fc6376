/** What is written as text: dates, expressions, addresses. @module */
import { data, define, refused, same, type Group } from "./kind.ts";

export const dates: Group = {
  group: "Date",
  kinds: [
    same("dates", () => new Date("2026-11-22T08:37:00.123Z")),
    same("invalid dates", () => new Date(NaN)),
    same("the first date", () => new Date(-8.64e15)),
    same("the last date", () => new Date(8.64e15)),
    same("the epoch, and a millisecond around it", () => [new Date(0), new Date(-1), new Date(1)]),
    same("years 0 to 99", () => [new Date(-62_167_219_200_000), new Date("0099-12-31T23:59:59.999Z")]),
    same("years before 0 and after 9999", () => [
      new Date("-000001-01-01T00:00:00Z"),
      new Date("+010000-01-01T00:00:00Z"),
    ]),
    same("leap days", () => [new Date("2000-02-29T00:00:00Z"), new Date("2024-02-29T23:59:59.999Z")]),
    same("one date in two places, as two", () => ((date) => [date, date])(new Date(5))),
    data(
      "frozen dates: not frozen",
      () => Object.freeze(new Date(5)),
      () => new Date(5),
    ),
    refused("dates with properties", () => Object.assign(new Date(0), { label: "x" }), /./),
    refused(
      "dates with registered symbols as keys",
      () => Object.assign(new Date(0), { [Symbol.for("k")]: 1 }),
      /./,
    ),
    refused("subclasses of Date", () => new (class Deadline extends Date {})(0), /Deadline/),
    refused("what only looks like a date", () => Object.create(Date.prototype), /./),
  ],
};

const at = (expression: RegExp, lastIndex: unknown): RegExp => Object.assign(expression, { lastIndex });

export const expressions: Group = {
  group: "RegExp",
  kinds: [
    same("expressions", () => /a(b)?[c-e]\/\d+$/),
    same("empty expressions", () => new RegExp("")),
    same("all flags", () => [/x/dgimsuy, new RegExp("[\\p{L}--[a-z]]", "v"), /x/d]),
    same("slashes, newlines and quotes in the source", () => [
      new RegExp("/"),
      new RegExp("\n\u2028"),
      /"\\"/,
      new RegExp("[/]"),
    ]),
    same("lone surrogates in the source", () => new RegExp("\ud800")),
    same("named groups", () => /(?<year>\d{4})-\k<year>/u),
    same("`lastIndex`", () => at(/x/g, 5)),
    same("`lastIndex` of an expression without `g`", () => at(/x/, 3)),
    same("`lastIndex` over 2^32", () => at(/x/y, 2 ** 40)),
    refused("expressions that hide their source", () => define(/x/, { source: { value: "y" } }), /./),
    refused("a `lastIndex` below 0", () => at(/x/, -1), /./),
    refused("a `lastIndex` that is no whole number", () => at(/x/, 1.5), /./),
    refused("a `lastIndex` that is `-0`", () => at(/x/, -0), /./),
    refused("a `lastIndex` that is `NaN`", () => at(/x/, NaN), /./),
    refused("a `lastIndex` that is `Infinity`", () => at(/x/, Infinity), /./),
    refused("a `lastIndex` that is text", () => at(/x/, "1"), /./),
    refused("a `lastIndex` that is an object", () => at(/x/, { valueOf: () => 1 }), /./),
    refused("expressions with properties", () => Object.assign(/x/, { label: "x" }), /./),
    refused(
      "expressions with an `exec` of their own",
      () => define(/x/, { exec: { value: () => null } }),
      /./,
    ),
    refused("subclasses of RegExp", () => new (class Route extends RegExp {})("x"), /Route/),
  ],
};

export const addresses: Group = {
  group: "URL, URLSearchParams, Headers",
  kinds: [
    same("URL", () => new URL("https://user:pass@example.org:8080/a/../b%20c?q=1&q=2#hash")),
    same("URLs that are no addresses of the web", () => [
      new URL("data:text/plain,x y"),
      new URL("mailto:a@b"),
      new URL("file:///a"),
    ]),
    same("URLs of any script", () => new URL("https://例え.jp/パス?ü=ß")),
    same("URLSearchParams", () => new URLSearchParams("a=1&a=2&b=%20+&c")),
    same("empty URLSearchParams", () => new URLSearchParams()),
    same(
      "URLSearchParams with odd names",
      () =>
        new URLSearchParams([
          ["", ""],
          ["&=", "+"],
          ["é", "\u{1f980}"],
          ["__proto__", "1"],
        ]),
    ),
    same("the `searchParams` of a URL", () => new URL("http://a/?x=1&y=a%20b").searchParams),
    same("Headers", () => new Headers({ "Content-Type": "text/plain", "x-a": "1" })),
    same("empty Headers", () => new Headers()),
    same(
      "Headers with one name twice",
      () =>
        new Headers([
          ["x-a", "1"],
          ["x-a", "2"],
          ["set-cookie", "a=1"],
          ["set-cookie", "b=2"],
        ]),
    ),
    same("Headers whose values have commas and spaces", () => {
      const headers = new Headers({ "x-a": "a,  b", "x-b": "a,\tb, \tc,", "x-c": ", ,,  ,x" });
      for (const value of ["", "a", "", "b,  c", ",", "", ""]) headers.append("x-d", value);
      return headers;
    }),
    same("Headers with bytes over 127", () => new Headers({ "x-a": "caf\u00e9" })),
    refused(
      "URLs that their own text does not give again",
      () => Object.assign(new URL("http://a/c|/b"), { protocol: "file" }),
      /url/,
    ),
    refused("URLs with properties", () => Object.assign(new URL("http://a/"), { label: "x" }), /./),
    refused(
      "URLSearchParams with properties",
      () => Object.assign(new URLSearchParams(), { label: "x" }),
      /./,
    ),
    refused("Headers with properties", () => Object.assign(new Headers(), { label: "x" }), /./),
    refused("subclasses of URL", () => new (class Endpoint extends URL {})("http://a/"), /Endpoint/),
    refused("subclasses of Headers", () => new (class Auth extends Headers {})(), /Auth/),
    refused("what only looks like a URL", () => Object.create(URL.prototype), /./),
  ],
};
