/**
 * Putting aside, for a person, what cannot be read.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Reason } from "../../engine.ts";
import type { Broker, Taken, Unreadable } from "./broker.ts";
import { publishEach } from "./chords.ts";
import { keptOfMalformed, type Ending } from "./ending.ts";
import { isRefusedForGood, reasonOfError } from "./errors.ts";
import type { TaskEvents } from "./events/task-events.ts";
import type { CeleryMessage } from "./protocol/message.ts";
import { namesOfProtocol1 } from "./protocol/protocol-1.ts";
import { afterMalformed } from "./protocol/after-malformed.ts";
import type { FollowingFailure } from "./protocol/following.ts";
import { statusOf, type TaskEnd } from "./protocol/result.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";

/** What parking needs of the engine. */
export interface ParkingContext {
  readonly broker: Broker;
  readonly ending: Ending;
  readonly events: TaskEvents;
  readonly protocol: ProtocolSettings;
}

/** How the id begins of what has none, because it is no message at all. */
const unreadablePrefix = "unreadable:";

/** Whether the task of an id is no message, which cannot be run again. */
export function isUnreadable(id: string): boolean {
  return id.startsWith(unreadablePrefix);
}

/** Parks a message that is not as it should be, with its bytes, and tells whoever waits for its result. */
export async function parkMalformed(
  { tag, message }: Taken,
  error: unknown,
  context: ParkingContext,
): Promise<void> {
  const { id, task }: { readonly id?: unknown; readonly task?: unknown } = {
    // Of protocol 1 they are in the body.
    ...namesOfProtocol1(message),
    ...message.headers,
  };
  const isKnown = typeof id === "string" && id !== "";
  const end = parked(isKnown ? id : `${unreadablePrefix}${randomUUID()}`, reasonOfError(error), {
    task: typeof task === "string" ? task : "",
    queue: message.queue,
  });
  // Nobody waits for it in vain: neither who has sent it nor what follows it, or the others of its chord.
  const following = isKnown ? afterMalformed(message, end, context.protocol, Date.now()) : undefined;
  await park(tag, message, end, following, context);
  if (isKnown) context.events.rejected(id);
}

/** Parks what is no message, as text. */
export async function parkUnreadable(
  { tag, queue, text, reason }: Unreadable,
  context: ParkingContext,
): Promise<void> {
  const id = `${unreadablePrefix}${randomUUID()}`;
  const message: CeleryMessage = {
    queue,
    headers: { id, task: "" },
    contentType: "text/plain",
    contentEncoding: "utf-8",
    body: Buffer.from(text),
  };
  await park(tag, message, parked(id, reason, { task: "", queue }), undefined, context);
}

function parked(
  id: string,
  reason: Reason,
  what: { readonly task: string; readonly queue: string },
): TaskEnd {
  const state = "parked";
  return { id, status: statusOf(state), state, reason, endedAt: Date.now(), attempts: 0, ...what };
}

/** @param following what follows it; undefined where nobody knows its id */
async function park(
  tag: string,
  message: CeleryMessage,
  end: TaskEnd,
  following: FollowingFailure | undefined,
  { broker, ending }: ParkingContext,
): Promise<void> {
  const { messages = [], ends = [], parts = [], chords = [] } = following ?? {};
  const outcome = {
    ends: following === undefined ? [] : [{ end, replyTo: message.replyTo }, ...ends],
    ids: [end.id, ...ends.map((each) => each.end.id)],
    kept: keptOfMalformed(message, end),
    parts,
    chords,
  };
  const store = (held: boolean | undefined): Promise<void> => ending.store(held === true ? [outcome] : []);
  try {
    await broker.finish([{ tag, publish: messages }], ([held]) => store(held));
  } catch (error) {
    if (messages.length === 0 || !isRefusedForGood(error)) throw error;
    // An errback that the broker will never accept keeps nobody from being told.
    await broker.finish([{ tag, publish: [] }], async ([held]) => {
      await store(held);
      if (held === true) await publishEach(broker, messages);
    });
  }
}
