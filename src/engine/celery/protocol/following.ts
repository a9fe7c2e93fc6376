/**
 * What follows a task: callbacks and the next step of its chain after a success, errbacks after a failure.
 *
 * @module
 */
import { apply } from "./applying.ts";
import type { Applied, ChordStart } from "./applying.ts";
import { endChain, noEnds } from "./ends.ts";
import type { ChordPart, EndToStore } from "./ends.ts";
import type { CeleryMessage } from "./message.ts";
import type { Received } from "./receiving.ts";
import type { TaskEnd } from "./result.ts";
import type { ProtocolSettings } from "./settings.ts";
import { derivedId } from "./signature.ts";
import type { Origin } from "./step.ts";
import { wireJson } from "./wire-json.ts";

export type { ChordPart, EndToStore } from "./ends.ts";

/** What is to be published, and which chords begin with it: those before. */
export interface Following {
  readonly messages: readonly CeleryMessage[];
  readonly chords: readonly ChordStart[];
}

/** The same after a failure, and what ends with it. */
export interface FollowingFailure extends Following {
  readonly ends: readonly EndToStore[];
  readonly parts: readonly ChordPart[];
}

/**
 * What is to be published after a success: callbacks, then the next step of the chain with what is left of it. Each gets
 * the result before its own arguments, unless it is immutable.
 *
 * @param result wire text
 * @param now epoch milliseconds, for steps with a countdown
 */
export function afterSuccess(
  received: Received,
  result: string,
  settings: ProtocolSettings,
  now: number,
): Following {
  const { callbacks, chain } = received.embed;
  const applied: Applied = { messages: [], chords: [] };
  if (callbacks.length === 0 && chain.length === 0) return applied;
  // What is no JSON travels as a JSON string.
  const args = [wireJson(result, "/0/0") ?? JSON.stringify(result)];
  const origin = originOf(received, settings, now);
  for (const [index, text] of callbacks.entries())
    apply(text, { origin, args, role: `callbacks[${index}]` }, applied);
  const last = chain.length - 1;
  if (last >= 0)
    apply(chain[last]!, { origin, args, chain: chain.slice(0, -1), role: `chain[${last}]` }, applied);
  return applied;
}

/**
 * What is to be published after a failure, errbacks with the task's id before their own arguments, and the ends of the
 * rest of its chain, which fails alike. Of a task that was called off or has expired, the rest of the chain ends alike,
 * and no errback is sent, as Celery has it.
 */
export function afterFailure(
  received: Received,
  end: TaskEnd,
  settings: ProtocolSettings,
  now: number,
): FollowingFailure {
  const { errbacks, chain } = received.embed;
  const applied: Applied = { messages: [], chords: [] };
  if (end.status === "FAILURE") {
    const origin = originOf(received, settings, now);
    const args = [JSON.stringify(received.message.id)];
    for (const [index, text] of errbacks.entries())
      apply(text, { origin, args, role: `errbacks[${index}]` }, applied);
  }
  const into = noEnds();
  endChain(chain, end, "body[2].chain", rootOf(received), into);
  return { ...applied, ends: into.ends, parts: into.parts };
}

/** A part of a chord that has ended so; undefined for what is no part of one. */
export function chordPart(received: Received, end: TaskEnd): ChordPart | undefined {
  const { embed, groupId, groupIndex } = received;
  if (embed.chord === undefined || groupId === undefined) return undefined;
  return { group: groupId, index: groupIndex, end, body: embed.chord, root: rootOf(received) };
}

function rootOf({ message }: Received): string {
  const { root } = message.headers;
  return typeof root === "string" ? root : message.id;
}

/** Who sends what follows a task. */
export function originOf(received: Received, settings: ProtocolSettings, now: number): Origin {
  const parent = received.message.id;
  return {
    settings,
    now,
    parent,
    root: rootOf(received),
    newId: (role) => derivedId(parent, role),
  };
}
