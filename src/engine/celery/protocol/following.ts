/**
 * What follows a task: callbacks and the next step of its chain after a success, errbacks after a failure.
 *
 * @module
 */
import { wireJson } from "./wire-json.ts";
import type { CeleryMessage } from "./message.ts";
import type { Received } from "./receiving.ts";
import type { TaskEnd } from "./result.ts";
import type { ProtocolSettings } from "./settings.ts";
import { groupMembers, signatureOf, textOption } from "./signature.ts";
import type { Signature } from "./signature.ts";
import { messages } from "./step.ts";

/** The end of a task, and where it is to be told besides the result backend. */
export interface EndToStore {
  readonly end: TaskEnd;
  readonly replyTo: string | undefined;
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
): readonly CeleryMessage[] {
  const { callbacks, chain } = received.embed;
  if (callbacks.length === 0 && chain.length === 0) return [];
  // What is no JSON travels as a JSON string.
  const first = wireJson(result, "/0/0") ?? JSON.stringify(result);
  const step = { received, settings, now, first, chain: [] };
  const next = chain.at(-1);
  return [
    ...callbacks.flatMap((text, index) => messages(text, { ...step, role: `callbacks[${index}]` })),
    ...(next === undefined
      ? []
      : messages(next, { ...step, chain: chain.slice(0, -1), role: `chain[${chain.length - 1}]` })),
  ];
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
): { readonly messages: readonly CeleryMessage[]; readonly ends: readonly EndToStore[] } {
  const { errbacks, chain } = received.embed;
  const step = { received, settings, now, first: JSON.stringify(received.message.id), chain: [] };
  return {
    messages:
      end.status === "FAILURE"
        ? errbacks.flatMap((text, index) => messages(text, { ...step, role: `errbacks[${index}]` }))
        : [],
    ends: [...chain.entries()]
      .toReversed()
      .flatMap(([index, text]) => endsLike(end, text, `body[2].chain[${index}]`)),
  };
}

/** The same end for a step, and for each member of a group. */
function endsLike(end: TaskEnd, text: string, path: string): readonly EndToStore[] {
  const signature = signatureOf(text, path);
  const members = groupMembers(signature, path) ?? [];
  const ends = [
    signature,
    ...members.map((member, index) => signatureOf(member, `${path}.kwargs.tasks[${index}]`)),
  ];
  return ends.flatMap((each) => {
    const id = textOption(each, "task_id");
    return id === undefined ? [] : [{ end: endLike(end, id, each), replyTo: textOption(each, "reply_to") }];
  });
}

function endLike(end: TaskEnd, id: string, signature: Signature): TaskEnd {
  const { status, state, reason, endedAt, worker, traceback } = end;
  const groupId = textOption(signature, "group_id");
  return {
    id,
    status,
    state,
    endedAt,
    task: signature.task,
    attempts: 0,
    ...(reason !== undefined && { reason }),
    ...(worker !== undefined && { worker }),
    ...(traceback !== undefined && { traceback }),
    ...(groupId !== undefined && { groupId }),
  };
}
