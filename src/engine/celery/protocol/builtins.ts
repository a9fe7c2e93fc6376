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
import type { BodyParts, Embed } from "./body.ts";
import { accumulate, parametersOf } from "./builtin-names.ts";
import { defaultMaxBytes } from "./compression.ts";
import { chordText, elementText, starmapText } from "./elements.ts";
import { originOf } from "./following.ts";
import { knownHeaders } from "./headers.ts";
import { isObject, malformed, unsupportedMessage } from "./malformed.ts";
import { itemsOf, membersOf, stringOf } from "./pieces.ts";
import { movePointers } from "./pointers.ts";
import type { Received } from "./receiving.ts";
import type { ProtocolSettings } from "./settings.ts";
import { objectOf, signatureOf, valueOf } from "./signature.ts";

/** What a message of one is called with: the arguments' texts. */
export type BuiltinCall = Pick<BodyParts, "args" | "kwargs">;

/** What one comes to: its result as wire text, or tasks whose results will be its own. */
export type BuiltinOutcome = { readonly result: string } | Applied;

/** One message calls at most so many tasks. */
export const maxItems = 10_000;

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

/** An argument, and where it stands. */
interface Argument {
  readonly text: string;
  readonly path: string;
  /** The same, as pointers have it. */
  readonly pointer: string;
}

function argumentOf(task: string, { args, kwargs }: BuiltinCall, name: string, what: string): Argument {
  const index = parametersOf(task)!.indexOf(name);
  const path = `body[1].${name}`;
  if (index < args.length) return { text: args[index]!, path: `body[0][${index}]`, pointer: `/0/${index}` };
  // Of two, the last: as Python reads it.
  const named = membersOf(kwargs, "body[1]").findLast((member) => member.name === name);
  if (named === undefined) throw malformed(path, what, "nothing");
  return { text: named.value, path, pointer: `/1/${name}` };
}

/** The tasks that it calls. */
function partsOf(task: string, call: BuiltinCall): readonly string[] {
  const called = argumentOf(task, call, "task", "the signature of a task");
  const name = calledName(called);
  const it = argumentOf(task, call, "it", "a list");
  const items = itemsOf(it.text, it.path);
  if (items.length > maxItems)
    throw malformed(it.path, `at most ${maxItems} items`, `${items.length}: send it in parts`);
  const moved = (at: number, to: string): string => {
    const from = `${it.pointer}/${at}`;
    return movePointers(items[at]!, it.path, (pointer) => {
      if (pointer !== from && !pointer.startsWith(`${from}/`))
        throw malformed(`${it.path}[${at}]`, "pointers to what is in the same item", describe(pointer));
      return to + pointer.slice(from.length);
    });
  };
  // Nobody asks for them one by one.
  const options = '{"ignore_result":true}';
  if (task !== "celery.chunks")
    return items.map((_, at) => {
      const args =
        task === "celery.map" ? [moved(at, "/0/0")] : itemsOf(moved(at, "/0"), `${it.path}[${at}]`);
      return elementText(name, { args, options, immutable: true });
    });
  const size = sizeOf(argumentOf(task, call, "n", "how many go into a chunk"));
  const chunks = Array.from({ length: Math.ceil(items.length / size) }, (_, chunk) => chunk * size);
  return chunks.map((first) => {
    const some = items.slice(first, first + size).map((_, at) => moved(first + at, `/1/it/${at}`));
    return starmapText(called.text, some, options);
  });
}

function sizeOf({ text, path }: Argument): number {
  const size = valueOf(text);
  if (!Number.isSafeInteger(size) || (size as number) < 1)
    throw malformed(path, "how many go into a chunk, from 1 on", describe(size));
  return size as number;
}

/** Of the signature Celery looks at the task alone, which may be its name. */
function calledName({ text, path }: Argument): string {
  const name = stringOf(text) ?? signatureOf(text, path).task;
  if (name === "" || /^celery\.(?:chain|group|chord|chunks)$/.test(name))
    throw malformed(path, "the signature of one task", describe(name));
  return name;
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

/** What the message says of itself that is so for all of its tasks. They wait where it did: whoever took it runs them. */
function sharedOptions({ message, celery }: Received): ReadonlyMap<string, string> {
  const { stamps, timelimit } = celery.headers;
  const stamped = isObject(stamps) ? stamps : {};
  const [hard, soft] = Array.isArray(timelimit) ? (timelimit as readonly unknown[]) : [];
  const users = Object.entries(message.headers).filter(
    ([name]) => Object.hasOwn(celery.headers, name) && !knownHeaders.has(name) && !ownHeaders.has(name),
  );
  const names = Object.keys(stamped);
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
