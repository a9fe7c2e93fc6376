/**
 * What is known of tasks that have ended: from the results, and from what waits for a person.
 *
 * @module
 */
import { isUtf8 } from "node:buffer";
import type { TaskRecord } from "../../engine.ts";
import type { Message, MessageHeaders } from "../../message.ts";
import type { Kept, KeptTask, Results } from "./broker.ts";
import { fromKept } from "./protocol/kept.ts";
import { received } from "./protocol/receiving.ts";
import type { TaskEnd } from "./protocol/result.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";
import { withoutAgain } from "./revoked.ts";

/** Finds records. */
export class Records {
  readonly #results: Results | undefined;
  readonly #kept: Kept;
  readonly #protocol: ProtocolSettings;

  constructor(results: Results | undefined, kept: Kept, protocol: ProtocolSettings) {
    this.#results = results;
    this.#kept = kept;
    this.#protocol = protocol;
  }

  /** See {@link Engine.find}. */
  async find(id: string): Promise<TaskRecord | undefined> {
    const end = await this.#results?.find(id);
    if (end === undefined || end.state === "failed" || end.state === "parked") {
      const kept = await this.#kept.find(id);
      if (kept !== undefined) return this.ofKept(kept);
    }
    return end && recordOf(end);
  }

  /** Whether a task is known to have ended. */
  async hasEnded(id: string): Promise<boolean> {
    return (await this.#results?.find(id)) !== undefined || (await this.#kept.find(id)) !== undefined;
  }

  /** The record of a task that waits for a person. */
  ofKept(kept: KeptTask): TaskRecord {
    const { state, attempts, crashes, deferrals, sentAt, endedAt, worker, reason } = kept;
    return {
      message: this.messageOf(kept),
      state,
      attempts,
      crashes,
      deferrals,
      priority: 0,
      sentAt,
      runAt: sentAt,
      endedAt,
      reason,
      ...(worker !== undefined && { worker }),
    };
  }

  /** The message that waits for a person; of one that cannot be read, what can be shown of it. */
  messageOf({ id, task, queue, message }: KeptTask): Message {
    try {
      const read = received(fromKept(message), this.#protocol).message;
      return { ...read, headers: withoutAgain(read.headers) };
    } catch {
      return { id, task, queue, payload: shown(message.body), headers: { wire: 0 } };
    }
  }
}

/** Bytes to look at, exactly: as text where they are UTF-8, else as the wire has bytes. */
function shown(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  return isUtf8(bytes) ? bytes.toString() : `{"__type__":"base64","__value__":"${base64}"}`;
}

/** The record of an end. What its sender did not tell is empty. */
function recordOf(end: TaskEnd): TaskRecord {
  const { id, state, task = "", queue = "", payload = "", endedAt, sentAt = endedAt } = end;
  const headers = (end.headers ?? { wire: 1 }) as MessageHeaders;
  return {
    message: { id, task, queue, payload, headers },
    state,
    attempts: end.attempts ?? 0,
    crashes: end.crashes ?? 0,
    deferrals: end.deferrals ?? 0,
    priority: 0,
    sentAt,
    runAt: sentAt,
    endedAt,
    ...(end.worker !== undefined && { worker: end.worker }),
    ...(end.reason !== undefined && { reason: end.reason }),
    ...(end.result !== undefined && { result: end.result }),
  };
}
