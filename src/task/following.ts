/**
 * What follows a step of a chain, as it travels: in the header `chain` of the step's message, so that whichever worker
 * runs the step can send the next one.
 *
 * Everything that the sender knows is decided there: ids, queues, priorities, payloads. The worker adds what is known when
 * the step before has ended: its result, and the time.
 *
 * @module
 */
import { DecodeError, attempt, describe } from "../errors.ts";
import type { Json, MessageHeaders } from "../message.ts";
import { isRecord } from "../wire/tag.ts";
import { optionError, priorityOf, queueName, taskName } from "./options.ts";

/** One step that follows. Times in milliseconds. */
export type FollowingStep = {
  /** Chosen when the chain was enqueued: a step that is sent twice is one task, where the engine knows ids. */
  readonly id: string;
  readonly task: string;
  readonly queue: string;
  readonly priority?: number;
  /** Whether it waits in the lane of its task. */
  readonly lane?: true;
  /** How long after its send it may first run. */
  readonly delay?: number;
  /** When it may first run, since the epoch. */
  readonly runAt?: number;
  /** Until when it may be run, since the epoch. */
  readonly expires?: number;
  /** For how long it may be run once it first may. */
  readonly expiresIn?: number;
  /** The version of its payload, where that is not 1. */
  readonly version?: number;
  /**
   * The names that the task had. A worker of an older release knows it by one of these, and which version of the payload
   * the step before returns there.
   */
  readonly aliases?: readonly string[];
  /** What travels beside its payload. */
  readonly headers?: { readonly [name: string]: Json };
  /** Its own payload. Without one, it is the result of the step before it. */
  readonly payload?: { readonly text: string; readonly types?: readonly string[] };
};

/** A chain has this many steps at most. */
export const mostSteps = 100;

/** What follows the first step has this many bytes at most, as JSON: headers travel whole, and brokers bound them. */
export const mostBytes = 65_536;

/**
 * What follows, as a header.
 *
 * @throws PetioleError `ERR_OPTION_INVALID` when it is too large
 */
export function chainHeader(following: readonly FollowingStep[]): { readonly chain?: Json } {
  if (following.length === 0) return {};
  const bytes = Buffer.byteLength(JSON.stringify(following));
  if (bytes <= mostBytes) return { chain: following };
  throw optionError(
    "What follows the first step of a chain",
    `have at most ${mostBytes} bytes with its payloads and headers (send what is large by reference, or let a handler ` +
      "enqueue it)",
    bytes,
  );
}

/**
 * What follows the step of a message; nothing, unless it is in a chain.
 *
 * @throws DecodeError when the header is not as it should be: anyone may write to a queue
 */
export function followingOf({ chain }: MessageHeaders): readonly FollowingStep[] {
  if (chain === undefined) return [];
  if (!Array.isArray(chain) || chain.length === 0 || chain.length >= mostSteps) throw wrong("chain", chain);
  for (const [index, step] of (chain as unknown[]).entries()) checkStep(step, `chain[${index}]`);
  return chain as unknown as readonly FollowingStep[];
}

const isChecked =
  (check: (value: unknown) => unknown) =>
  (value: unknown): boolean =>
    attempt(() => check(value)) !== undefined;
const isText = (value: unknown): boolean => typeof value === "string";
const isName = (value: unknown): boolean => typeof value === "string" && value !== "";
const isTime = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
const isSpan = (value: unknown): boolean => isTime(value) && (value as number) >= 0;

const required: Readonly<Record<string, (value: unknown) => boolean>> = {
  id: isName,
  task: isChecked(taskName),
  queue: isChecked(queueName),
};

const optional: Readonly<Record<string, (value: unknown) => boolean>> = {
  priority: isChecked((value) => priorityOf(value, "priority")),
  lane: (value) => value === true,
  delay: isSpan,
  runAt: isTime,
  expires: isTime,
  expiresIn: isSpan,
  version: (value) => Number.isSafeInteger(value) && (value as number) > 1,
  aliases: (value) => Array.isArray(value) && value.every(isChecked(taskName)),
  headers: isRecord,
  payload: (value) =>
    isRecord(value) &&
    isText(value["text"]) &&
    (value["types"] === undefined || (Array.isArray(value["types"]) && value["types"].every(isText))),
};

function checkStep(step: unknown, path: string): void {
  if (!isRecord(step)) throw wrong(path, step);
  for (const [name, isRight] of Object.entries(required)) {
    if (!isRight(step[name])) throw wrong(`${path}.${name}`, step[name]);
  }
  for (const [name, value] of Object.entries(step)) {
    if (Object.hasOwn(required, name)) continue;
    // A newer sender's, perhaps: what it means is not known here, and to leave it out would be to change the step.
    if (!Object.hasOwn(optional, name) || !optional[name]!(value)) throw wrong(`${path}.${name}`, value);
  }
}

function wrong(path: string, found: unknown): DecodeError {
  return new DecodeError({
    path: `headers.${path}`,
    expected: `what follows in a chain of at most ${mostSteps} steps`,
    found: describe(found),
  });
}
