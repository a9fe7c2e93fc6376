/**
 * How tasks end: what is stored of it, and where.
 *
 * @module
 */
import type { Reason } from "../../engine.ts";
import type { Json } from "../../message.ts";
import type { Audience } from "./audience.ts";
import type { Kept, KeptTask, Results } from "./broker.ts";
import type { ChordStart } from "./protocol/applying.ts";
import type { Chords } from "./chords.ts";
import { afterFailure, chordPart, type ChordPart, type EndToStore } from "./protocol/following.ts";
import { keptMessage } from "./protocol/kept.ts";
import type { CeleryMessage } from "./protocol/message.ts";
import type { Received } from "./protocol/receiving.ts";
import { statusOf } from "./protocol/result.ts";
import type { TaskEnd } from "./protocol/result.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";

/** After how many milliseconds is looked for what waits for a person without need. */
const staleFor = 1000;

/** The end of one task, and what is to be stored of it. */
export interface Outcome {
  /** Ends to tell: its own, unless nobody wants it, and those of what would have followed. */
  readonly ends: readonly EndToStore[];
  /** Where it is to wait for a person. */
  readonly kept?: KeptTask;
  /** It may lie there from a run whose worker was lost while it ended. */
  readonly notKept?: string;
  /** Whose ends these are. */
  readonly ids: readonly string[];
  /** Chords that hear of it. */
  readonly parts?: readonly ChordPart[];
  /** Chords that begin with what is published. */
  readonly chords?: readonly ChordStart[];
}

/** What an end says beside its message. */
export interface EndOfRun {
  readonly state: TaskEnd["state"];
  readonly reason?: Reason | undefined;
  readonly result?: string;
  readonly attempts: number;
  readonly crashes: number;
  readonly worker?: string;
  readonly children?: readonly string[];
  readonly keep?: number | undefined;
}

/** The end of a message's task. */
export function endOf(received: Received, run: EndOfRun): TaskEnd {
  const { message, deferrals, sentAt, groupId } = received;
  const { parent } = message.headers;
  return {
    ...definedOf(run),
    id: message.id,
    status: statusOf(run.state),
    endedAt: Date.now(),
    task: message.task,
    queue: message.queue,
    payload: message.payload,
    headers: message.headers as Readonly<Record<string, Json>>,
    deferrals,
    ...(sentAt !== undefined && { sentAt }),
    ...(typeof parent === "string" && { parentId: parent }),
    ...(groupId !== undefined && { groupId }),
  };
}

function definedOf(run: EndOfRun): Omit<EndOfRun, "reason" | "keep"> & { reason?: Reason; keep?: number } {
  const { reason, keep, ...rest } = run;
  return { ...rest, ...(reason && { reason }), ...(keep !== undefined && { keep }) };
}

/** What waits for a person, of a message that was read. */
export function keptOf(received: Received, end: TaskEnd): KeptTask {
  const { id, task, queue } = received.message;
  return {
    id,
    task,
    queue,
    ...keptEnd(end),
    sentAt: received.sentAt ?? end.endedAt,
    deferrals: received.deferrals,
    message: keptMessage(received.celery),
  };
}

/** What waits for a person, of a message that cannot be read. */
export function keptOfMalformed(message: CeleryMessage, end: TaskEnd): KeptTask {
  const { id, task = "", queue = message.queue } = end;
  return {
    id,
    task,
    queue,
    ...keptEnd(end),
    sentAt: end.endedAt,
    deferrals: 0,
    message: keptMessage(message),
  };
}

function keptEnd({ state, endedAt, attempts = 0, crashes = 0, reason, worker }: TaskEnd) {
  return {
    state: state === "parked" ? ("parked" as const) : ("failed" as const),
    endedAt,
    attempts,
    crashes,
    reason: reason ?? { code: "ERR_TASK_FAILED", message: state },
    ...(worker !== undefined && { worker }),
  };
}

/** What follows an end that is no success. A task that failed has failed, also where that cannot be made. */
function following(
  received: Received,
  end: TaskEnd,
  protocol: ProtocolSettings,
): ReturnType<typeof afterFailure> {
  try {
    return afterFailure(received, end, protocol, Date.now());
  } catch {
    return { messages: [], chords: [], ends: [], parts: [] };
  }
}

/** Stores ends. */
export class Ending {
  readonly #results: Results | undefined;
  readonly #kept: Kept;
  readonly #audience: Audience;
  readonly #chords: Chords;
  readonly #protocol: ProtocolSettings;
  /** Tasks that have succeeded, and may lie there all the same. */
  readonly #stale = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #forgetting: Promise<void> = Promise.resolve();

  constructor(
    {
      results,
      kept,
      protocol,
    }: { readonly results: Results | undefined; readonly kept: Kept; readonly protocol: ProtocolSettings },
    audience: Audience,
    chords: Chords,
  ) {
    this.#chords = chords;
    this.#protocol = protocol;
    this.#results = results;
    this.#kept = kept;
    this.#audience = audience;
  }

  /**
   * What is to be stored of an end after which nothing is published: a success, or the end of what was called off, with
   * which the rest of its chain ends.
   */
  outcomeOf(received: Received, end: TaskEnd): Outcome {
    if (end.status !== "REVOKED") return this.#own(received, end);
    const { publish: _publish, ...outcome } = this.unsuccessful(received, end, this.#protocol);
    return outcome;
  }

  /** What is to be stored of an end that is no success, and what to publish. */
  unsuccessful(
    received: Received,
    end: TaskEnd,
    protocol: ProtocolSettings,
  ): Outcome & { readonly publish: readonly CeleryMessage[] } {
    const own = this.#own(received, end);
    const { messages, chords, ends, parts } = following(received, end, protocol);
    const isKept = end.state === "failed" || end.state === "parked";
    return {
      ids: [...own.ids, ...ends.map((each) => each.end.id)],
      ends: [...own.ends, ...ends],
      publish: messages,
      chords,
      parts: [...(own.parts ?? []), ...parts],
      ...(isKept && { kept: keptOf(received, end) }),
    };
  }

  #own(received: Received, end: TaskEnd): Outcome {
    const { message, ignoreResult, replyTo } = received;
    const part = chordPart(received, end);
    return {
      ends: ignoreResult ? [] : [{ end, replyTo }],
      ids: [message.id],
      ...(part !== undefined && { parts: [part] }),
    };
  }

  /** First what waits for a person, so that whoever is told of the end finds it. */
  async store(outcomes: readonly Outcome[]): Promise<void> {
    const kept = outcomes.flatMap((outcome) => outcome.kept ?? []);
    const ends = outcomes.flatMap((outcome) => outcome.ends);
    if (kept.length > 0) await this.#kept.put(kept);
    if (ends.length > 0) await this.#results?.store(ends);
    await this.#chords.begin(outcomes.flatMap((outcome) => outcome.chords ?? []));
    const others = await this.#chords.ended(outcomes.flatMap((outcome) => outcome.parts ?? []));
    for (const id of others) this.#audience.changed(id);
    for (const { ids, notKept } of outcomes) {
      for (const id of ids) this.#audience.changed(id);
      if (notKept !== undefined) this.#forgetKept(notKept);
    }
  }

  /** Lets go of what nobody waits for. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#forgetting;
  }

  /** Some at a time: there is rarely anything, and to look may cost much. */
  #forgetKept(id: string): void {
    this.#stale.add(id);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const stale = [...this.#stale];
      this.#stale.clear();
      // A person finds it, if this fails.
      this.#forgetting = this.#kept
        .remove(stale, async () => undefined)
        .then(
          () => undefined,
          () => undefined,
        );
    }, staleFor).unref();
  }
}
