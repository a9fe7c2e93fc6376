/** Who takes part in a case, and whether it does what it says. @module */
import { isDeepStrictEqual } from "node:util";
import { cases, wire, type CaseName } from "./cases.ts";
import { limits } from "./limit.ts";
import { named, type Part, type Peer } from "./peer.ts";

interface Contender extends Part {
  /** With its version. */
  readonly name: string;
}

/** All that are in one case, each shown to work. */
export interface Lineup {
  readonly json: Ready;
  readonly ours: Ready;
  readonly others: readonly Ready[];
  /** Peers that cannot do the case. */
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
}

export function lineup(name: CaseName, peers: readonly Peer[]): Lineup {
  const able: Contender[] = [{ name: "limit: no identity", codec: limits[name] }];
  const absent: { name: string; reason: string }[] = [];
  for (const peer of peers) {
    const part = peer.parts[name];
    if (typeof part === "string") absent.push({ name: peer.name, reason: part });
    else able.push({ name: peer.name, ...part });
  }
  return {
    json: ready(json(name), name),
    ours: ready({ name: named("petiole"), codec: wire }, name),
    others: able.map((contender) => ready(contender, name)),
    absent,
  };
}

/** What all are compared with: JSON of the JSON-safe equivalent, which is there beforehand. */
function json(name: CaseName): Contender {
  return {
    name: `JSON (node ${process.versions.node})`,
    codec: {
      encode: (plain: unknown) => JSON.stringify(plain),
      decode: (text: string): unknown => JSON.parse(text),
    },
    sends: cases[name].plain,
  };
}

/** A contender with the payload at hand. */
export interface Ready {
  readonly name: string;
  readonly note: string | undefined;
  readonly bytes: number;
  readonly encode: () => unknown;
  readonly decode: () => unknown;
}

/** @throws Error when what comes back is not what it promises: then its times would mean nothing */
function ready(contender: Contender, name: CaseName): Ready {
  const { codec, sends = cases[name].value, arrives = sends } = contender;
  const made = codec.encode(sends as never);
  // As from a queue: in one piece, in memory of its own.
  const received = typeof made === "string" ? Buffer.from(made).toString() : Uint8Array.from(made);
  if (!isDeepStrictEqual(codec.decode(received as never), arrives)) {
    throw new Error(`${contender.name} does not give back what was sent in case ${name}.`);
  }
  return {
    name: contender.name,
    note: contender.note,
    bytes: Buffer.byteLength(received),
    encode: () => codec.encode(sends as never),
    decode: () => codec.decode(received as never),
  };
}
