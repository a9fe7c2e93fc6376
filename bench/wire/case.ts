/** What is sent, and what it is compared with. @module */

/** A way of making a text or bytes of a value, and the value of those. */
export interface Codec {
  encode(value: never): string | Uint8Array;
  decode(text: never): unknown;
}

/** The ratios to reach: speeds against JSON, at least; bytes against JSON, at most. */
export interface Bars {
  readonly encode: number;
  readonly decode: number;
  readonly bytes: number;
}

/** One of the five payloads. */
export interface Case<Value = unknown> {
  readonly title: string;
  readonly value: Value;
  /** The JSON-safe equivalent, made beforehand: `JSON.stringify` of this, and `JSON.parse` back to it, is 1. */
  readonly plain: unknown;
  readonly bars: Bars;
}
