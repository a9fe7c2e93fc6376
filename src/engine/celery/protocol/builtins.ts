/**
 * Celery's builtin tasks: `celery.map`, `celery.starmap` and `celery.chunks` call another task for each of many items, and
 * `celery.accumulate` gathers results. An engine does them itself, as Python's workers do, without a handler.
 *
 * @module
 */
import { describe } from "../../../errors.ts";
import { ownHeaders } from "../../../message.ts";
import { apply, type Applied } from "./applying.ts";
import { pieceOf } from "./arguments.ts";
import type { Embed } from "./body.ts";
import { partsOf, type BuiltinCall } from "./builtin-items.ts";
import { accumulate } from "./builtin-names.ts";
import { defaultMaxBytes } from "./compression.ts";
import { chordText, elementText } from "./elements.ts";
import { originOf } from "./following.ts";
import { knownHeaders } from "./headers.ts";
import { isObject, malformed, unsupportedMessage } from "./malformed.ts";
import { membersOf } from "./pieces.ts";
import type { Received } from "./receiving.ts";
import type { ProtocolSettings } from "./settings.ts";
import { objectOf, valueOf } from "./signature.ts";

/** What one comes to: its result as wire text, or tasks whose results will be its own. */
export type BuiltinOutcome = { readonly result: string } | Applied;

/**
 * What the message of a builtin task comes to. What it makes follow has ids that come of its own: done twice, it is the same.
 *
 * @param now epoch milliseconds
 * @throws DecodeError for what is malformed
 * @throws PetioleError `ERR_ENGINE_UNSUPPORTED` for items where results are not kept in Redis
 */
export function outcomeOfBuiltin(
  received: Received,
  call: BuiltinCall,
  settings: ProtocolSettings,
  now: number,
): BuiltinOutcome {
  const { task } = received.message;
  if (task === accumulate) return { result: accumulated(call) };
  if (settings.chords !== true)
    throw unsupportedMessage(
      `it is a ${task}, whose results are gathered as those of a chord`,
      "That needs results that are kept in Redis: say results: redis; or send a group() with a task for each item, or " +
        "this to a queue that only Python's workers take from.",
    );
  const parts = partsOf(task, call);
  // Celery's own, so that whoever takes it, in either language, ends this task with it.
  const body = elementText(accumulate, { kwargs: '{"index":0}', options: objectOf(endOptions(received)) });
  refuseSize(parts, body, received.embed, settings);
  if (parts.length === 0) return { result: "[]" };
  const { chain, chord } = received.embed;
  const { groupId, groupIndex } = received;
  const applied: Applied = { messages: [], chords: [] };
  apply(
    chordText(parts, body),
    {
      origin: originOf(received, settings, now),
      role: "items",
      args: [],
      chain,
      chord,
      groupId,
      groupIndex,
      shared: sharedOptions(received),
    },
    applied,
  );
  return applied;
}

/** As Celery has it: `args[index]`, or all of them. */
function accumulated({ args, kwargs }: BuiltinCall): string {
  const text = membersOf(kwargs, "body[1]").findLast(({ name }) => name === "index")?.value ?? "null";
  if (text === "null") return pieceOf(`[${args.join(",")}]`, "/0", "");
  const index = valueOf(text);
  const found = Number.isSafeInteger(index) ? args.at(index as number) : undefined;
  if (found === undefined)
    throw malformed(
      "body[1].index",
      `null, or the place of one of its ${args.length} arguments`,
      describe(index),
    );
  const place = (index as number) < 0 ? (index as number) + args.length : (index as number);
  return pieceOf(found, `/0/${place}`, "");
}

/** What follows travels with each part: a small message must not become more than a process can hold. */
function refuseSize(parts: readonly string[], body: string, embed: Embed, settings: ProtocolSettings): void {
  const { maxBytes = defaultMaxBytes } = settings;
  const lengthOf = (texts: readonly string[]): number => texts.reduce((sum, text) => sum + text.length, 0);
  const each = body.length + lengthOf(embed.chain) + (embed.chord?.length ?? 0);
  const all = parts.length * each + lengthOf(parts);
  if (all > maxBytes)
    throw malformed(
      "body",
      `what comes to at most ${maxBytes} bytes of messages`,
      `${all}: send it in parts`,
    );
}

/** The options of what ends as the message's task: that is followed by what was to follow it. */
function endOptions({ message, embed, ignoreResult, celery }: Received): ReadonlyMap<string, string> {
  const { callbacks, errbacks } = embed;
  return new Map([
    ["task_id", JSON.stringify(message.id)],
    ...(ignoreResult ? [["ignore_result", "true"] as const] : []),
    ...(celery.replyTo === undefined ? [] : [["reply_to", JSON.stringify(celery.replyTo)] as const]),
    ...(callbacks.length === 0 ? [] : [["link", `[${callbacks.join(",")}]`] as const]),
    ...(errbacks.length === 0 ? [] : [["link_error", `[${errbacks.join(",")}]`] as const]),
  ]);
}

/** Stamps are options of a signature, and would be taken for these. */
const optionNames: ReadonlySet<string> = new Set(
  (
    "task_id group_id group_index root_id parent_id reply_to chain chord link link_error eta countdown expires " +
    "ignore_result shadow replaced_task_nesting stamped_headers headers queue exchange exchange_type routing_key retries priority time_limit " +
    "soft_time_limit compression"
  ).split(" "),
);

/** What the message says of itself that is so for all of its tasks. They wait where it did: whoever took it runs them. */
function sharedOptions({ message, celery }: Received): ReadonlyMap<string, string> {
  const { stamps, timelimit } = celery.headers;
  const stamped = isObject(stamps) ? stamps : {};
  const [hard, soft] = Array.isArray(timelimit) ? (timelimit as readonly unknown[]) : [];
  const users = Object.entries(message.headers).filter(
    ([name]) => Object.hasOwn(celery.headers, name) && !knownHeaders.has(name) && !ownHeaders.has(name),
  );
  const names = Object.keys(stamped);
  const other = names.find((name) => optionNames.has(name));
  if (other !== undefined)
    throw malformed("headers.stamps", "names that Celery has no option for", describe(other));
  const options: Readonly<Record<string, unknown>> = {
    ...stamped,
    ...(names.length > 0 && { stamped_headers: names }),
    ...(users.length > 0 && { headers: Object.fromEntries(users) }),
    queue: celery.queue,
    priority: celery.priority,
    time_limit: hard ?? undefined,
    soft_time_limit: soft ?? undefined,
    compression: celery.headers["compression"] ?? undefined,
  };
  return new Map(
    Object.entries(options).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, JSON.stringify(value)] as const],
    ),
  );
}
