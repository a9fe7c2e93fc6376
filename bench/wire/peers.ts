/** All peers, in the order of the report. @module */
import type { Peer } from "./peer.ts";
import { byHand } from "./peers/by-hand.ts";
import { classTransformerPeer } from "./peers/class-transformer.ts";
import { devaluePeer } from "./peers/devalue.ts";
import { msgpackrPeer } from "./peers/msgpackr.ts";
import { serovalPeer } from "./peers/seroval.ts";
import { superjsonPeer } from "./peers/superjson.ts";
import { v8Peer } from "./peers/v8.ts";
import { zodPeer } from "./peers/zod.ts";

export const peers: readonly Peer[] = [
  byHand,
  superjsonPeer,
  devaluePeer,
  serovalPeer,
  msgpackrPeer,
  v8Peer,
  classTransformerPeer,
  zodPeer,
];
