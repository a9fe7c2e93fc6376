/** Primitives, and objects around them. @module */
import { data, define, refused, same, type Group } from "./kind.ts";

export const primitives: Group = {
  group: "Primitives",
  kinds: [
    same("`null`", () => null),
    same("`undefined`", () => undefined),
    same("`true`", () => true),
    same("`false`", () => false),
    same("`0`", () => 0),
    same("`-0`", () => -0),
    same("`NaN`", () => NaN),
    same("`Infinity`", () => Infinity),
    same("`-Infinity`", () => -Infinity),
    same("the largest number", () => Number.MAX_VALUE),
    same("the smallest number", () => Number.MIN_VALUE),
    same("the smallest normal number", () => 2.2250738585072014e-308),
    same("integers over 2^53", () => 2 ** 53 + 2),
    same("numbers with an exponent", () => [1e21, 1e-7, 123456789.12345678, 5e-324, 0.1 + 0.2]),
    same("`0n`", () => 0n),
    same("bigints", () => [-1n, 2n ** 64n, -(2n ** 127n)]),
    same("a bigint of 10,000 digits", () => 10n ** 9_999n),
    same("the empty text", () => ""),
    same("text", () => 'a "quoted" \\ / \n\t\b\f\r text'),
    same("text with control characters", () => "\u0000\u0001\u001f\u007f\u0080\u009f"),
    same("text of any script", () => "é ß 日本語 \u{1f980} \u{1d306} e\u0301"),
    same("U+2028, U+2029, U+FEFF, U+FFFE and U+FFFF", () => "\u2028\u2029\ufeff\ufffe\uffff"),
    same("lone surrogates", () => ["\ud800", "\udc00", "a\udfffb", "\udc00\ud800"]),
    same("a megabyte of text", () => "0123456789abcdef".repeat(65_536), { large: true }),
    same("text that looks like JSON", () => [
      "null",
      "[1]",
      '{"__type__":"set","__value__":[]}',
      "</script>",
    ]),
    same("text that looks like a date or a pointer", () => ["2026-11-22T00:00:00.000+00:00", "/0", ""]),
  ],
};

export const symbols: Group = {
  group: "Symbols",
  kinds: [
    same("`Symbol.for(key)`", () => Symbol.for("petiole.test")),
    same('`Symbol.for("")`', () => Symbol.for("")),
    same("`Symbol.for` with a lone surrogate", () => Symbol.for("\ud800")),
    same("`Symbol.for` named like a well-known one", () => Symbol.for("Symbol.iterator")),
    refused("unique symbols", () => Symbol("unique"), /symbol/i),
    refused("unique symbols without a description", () => Symbol(), /symbol/i),
    refused("well-known symbols", () => Symbol.iterator, /symbol/i),
    refused("other well-known symbols", () => Symbol.asyncIterator, /symbol/i),
  ],
};

export const boxed: Group = {
  group: "Boxed primitives",
  kinds: [
    same("`new Number(1)`", () => new Number(1)),
    same("`new Number(-0)`", () => new Number(-0)),
    same("`new Number(NaN)`", () => new Number(NaN)),
    same('`new String("")`', () => new String("")),
    same("`new String(text)`", () => new String("a\ud800")),
    same("`new Boolean(false)`", () => new Boolean(false)),
    same("`Object(1n)`", () => Object(1n)),
    same('`Object(Symbol.for("x"))`', () => Object(Symbol.for("x"))),
    data(
      "with a hidden `valueOf` of their own: not called",
      () => define(new Number(1), { valueOf: { value: () => 2, enumerable: false } }),
      () => new Number(1),
    ),
    refused("`Object(Symbol())`", () => Object(Symbol("unique")), /symbol|boxed/i),
    refused("boxed numbers with properties", () => Object.assign(new Number(1), { a: 1 }), /./),
    refused("boxed texts with properties", () => Object.assign(new String("ab"), { a: 1 }), /./),
    refused("subclasses of Number", () => new (class Celsius extends Number {})(1), /Celsius/),
    refused("subclasses of String", () => new (class Email extends String {})("a@b"), /Email/),
  ],
};
