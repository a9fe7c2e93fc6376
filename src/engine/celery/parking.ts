/**
 * Putting aside, for a person, what cannot be read.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Reason } from "../../engine.ts";
import type { Broker, Taken, Unreadable } from "./broker.ts";
import { keptOfMalformed, type Ending } from "./ending.ts";
import { reasonOfError } from "./errors.ts";
import type { TaskEvents } from "./events/task-events.ts";
import type { CeleryMessage } from "./protocol/message.ts";
import { namesOfProtocol1 } from "./protocol/protocol-1.ts";
import { endAll, type Ends } from "./protocol/ends.ts";
import { chainOfMalformed, chordOfMalformed } from "./protocol/receiving.ts";
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
  const of = isKnown ? chordOfMalformed(message, context.protocol) : undefined;
  const part = of && { group: of.groupId, index: of.groupIndex, end, body: of.chord, root: of.root };
  const rest: Ends = { ends: [], parts: [] };
  const chain = isKnown ? chainOfMalformed(message, context.protocol) : [];
  const { root_id: root } = message.headers as { readonly root_id?: unknown };
  for (const [index, text] of [...chain.entries()].toReversed())
    endAll(text, end, `body[2].chain[${index}]`, typeof root === "string" ? root : end.id, rest);
  const parts = [...(part === undefined ? [] : [part]), ...rest.parts];
  await park(tag, message, end, { isTold: isKnown, ends: rest.ends, parts }, context);
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
  await park(
    tag,
    message,
    parked(id, reason, { task: "", queue }),
    { isTold: false, ends: [], parts: [] },
    context,
  );
}

function parked(
  id: string,
  reason: Reason,
  what: { readonly task: string; readonly queue: string },
): TaskEnd {
  const state = "parked";
  return { id, status: statusOf(state), state, reason, endedAt: Date.now(), attempts: 0, ...what };
}

async function park(
  tag: string,
  message: CeleryMessage,
  end: TaskEnd,
  { isTold, ...told }: { readonly isTold: boolean } & Ends,
  { broker, ending }: ParkingContext,
): Promise<void> {
  const ends = [...(isTold ? [{ end, replyTo: message.replyTo }] : []), ...told.ends];
  const kept = keptOfMalformed(message, end);
  const outcome = { ends, kept, ids: [end.id, ...told.ends.map((each) => each.end.id)], parts: told.parts };
  await broker.finish([{ tag, publish: [] }], ([held]) => ending.store(held === true ? [outcome] : []));
}
