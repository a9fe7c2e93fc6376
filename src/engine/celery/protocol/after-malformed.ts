/**
 * What follows a message that cannot be read as a whole, as far as its third part can: nobody waits in vain.
 *
 * @module
 */
import { apply } from "./applying.ts";
import type { Applied } from "./applying.ts";
import { embedOf, partsOfBody } from "./body.ts";
import type { Embed } from "./body.ts";
import { refuseCanvas } from "./canvas.ts";
import { endChain, noEnds } from "./ends.ts";
import type { ChordPart } from "./ends.ts";
import type { FollowingFailure } from "./following.ts";
import type { CeleryMessage } from "./message.ts";
import { isCount } from "./petiole-header.ts";
import { inProtocol2 } from "./receiving.ts";
import type { TaskEnd } from "./result.ts";
import type { ProtocolSettings } from "./settings.ts";
import { derivedId } from "./signature.ts";

/** A malformed message's third part, and what it is part of. */
interface Rest {
  readonly embed: Embed;
  readonly group: unknown;
  readonly index: unknown;
  readonly root: string;
  readonly end: TaskEnd;
}

/**
 * What is to be published, its errbacks, and what ends with it: the rest of its chain, and the part of a chord that it is.
 * None of what would be refused in a message that can be read.
 *
 * @param end of the message's task
 * @param now epoch milliseconds
 */
export function afterMalformed(
  message: CeleryMessage,
  end: TaskEnd,
  settings: ProtocolSettings,
  now: number,
): FollowingFailure {
  const rest = restOf(message, end, settings);
  if (rest === undefined) return { messages: [], chords: [], ends: [], parts: [] };
  const { ends, parts } = endsOf(rest, settings);
  const part = partOf(rest, settings);
  return {
    ...errbacksOf(rest, settings, now),
    ends,
    parts: part === undefined ? parts : [part, ...parts],
  };
}

function restOf(message: CeleryMessage, end: TaskEnd, settings: ProtocolSettings): Rest | undefined {
  try {
    const { celery, text } = inProtocol2(message, settings);
    const { group, group_index: index, root_id: root } = celery.headers;
    const embed = embedOf(partsOfBody(text).embed);
    return { embed, group, index, root: typeof root === "string" && root !== "" ? root : end.id, end };
  } catch {
    return undefined;
  }
}

function errbacksOf({ embed, group, root, end }: Rest, settings: ProtocolSettings, now: number): Applied {
  const { errbacks } = embed;
  const applied: Applied = { messages: [], chords: [] };
  if (errbacks.length === 0) return applied;
  const newId = (role: string): string => derivedId(end.id, role);
  const origin = { settings, now, parent: end.id, root, newId };
  const args = [JSON.stringify(end.id)];
  try {
    refuseCanvas({ callbacks: [], errbacks, chain: [] }, group, settings);
    for (const [index, text] of errbacks.entries())
      apply(text, { origin, args, role: `errbacks[${index}]` }, applied);
    return applied;
  } catch {
    return { messages: [], chords: [] };
  }
}

function endsOf({ embed, group, root, end }: Rest, settings: ProtocolSettings): ReturnType<typeof noEnds> {
  const { chain } = embed;
  const into = noEnds();
  try {
    // Where results are makes no difference to what waits for them.
    refuseCanvas({ callbacks: [], errbacks: [], chain }, group, { ...settings, chords: true });
    endChain(chain, end, "body[2].chain", root, into);
    return into;
  } catch {
    return noEnds();
  }
}

function partOf({ embed, group, index, root, end }: Rest, settings: ProtocolSettings): ChordPart | undefined {
  const { chord } = embed;
  if (settings.chords !== true || chord === undefined || typeof group !== "string" || group === "")
    return undefined;
  return { group, index: isCount(index) ? index : undefined, end, body: chord, root };
}
