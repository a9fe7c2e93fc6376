/** Who takes part in a case: ours, the limit and the peers. @module */
import { isDeepStrictEqual } from "node:util";
import type { Codec } from "./case.ts";
import { cases, wire, type CaseName } from "./cases.ts";
import { limits } from "./limit.ts";

/** A codec for one case. */
export interface Contender {
  /** With its version. */
  readonly name: string;
  readonly codec: Codec;
  /** What comes back; the value that was sent, unless told. */
  readonly arrives?: unknown;
  /** What is to be known about it. */
  readonly note?: string;
}

export const ours: Contender = { name: "Petiole", codec: wire };

/** What all are compared with: JSON of the JSON-safe equivalent, which is there beforehand. */
export function json(name: CaseName): Contender {
  const { plain } = cases[name];
  return {
    name: `JSON (node ${process.versions.node})`,
    codec: { encode: () => JSON.stringify(plain), decode: (text: string) => JSON.parse(text) },
    arrives: plain,
  };
}

export function limit(name: CaseName): Contender {
  return { name: "limit: no identity", codec: limits[name] };
}

/** A contender with the payload at hand, shown to do what it promises. */
export interface Ready {
  readonly name: string;
  readonly note: string | undefined;
  readonly bytes: number;
  readonly encode: () => unknown;
  readonly decode: () => unknown;
}

/** @throws Error when what comes back is not what it says, for then nothing that it is timed at would mean anything */
export function ready(contender: Contender, name: CaseName): Ready {
  const value = cases[name].value as never;
  const { codec } = contender;
  const made = codec.encode(value);
  // As from a queue: its own memory, in one piece.
  const text = typeof made === "string" ? Buffer.from(made).toString() : Uint8Array.from(made);
  const arrived = codec.decode(text as never);
  if (!isDeepStrictEqual(arrived, "arrives" in contender ? contender.arrives : value)) {
    throw new Error(`${contender.name} does not give back what was sent in case ${name}.`);
  }
  return {
    name: contender.name,
    note: contender.note,
    bytes: typeof text === "string" ? Buffer.byteLength(text) : text.byteLength,
    encode: () => codec.encode(value),
    decode: () => codec.decode(text as never),
  };
}
