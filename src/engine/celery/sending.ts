/**
 * Sending.
 *
 * @module
 */
import type { Outgoing } from "../../engine.ts";
import { unsupported } from "../../errors.ts";
import { capabilities } from "./capabilities.ts";
import type { TaskEvents } from "./events/task-events.ts";
import type { ChordStart } from "./protocol/applying.ts";
import { canvasOf } from "./protocol/canvas-node.ts";
import { sentCanvas } from "./protocol/canvas-signature.ts";
import { messageOf, noCounters } from "./protocol/sending.ts";
import type { Parts } from "./store.ts";

/** Sends messages. */
export class Sending {
  readonly #parts: Pick<Parts, "broker" | "results" | "protocol">;

  readonly #events: TaskEvents;

  constructor(parts: Pick<Parts, "broker" | "results" | "protocol">, events: TaskEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** See {@link Engine.send}. What cannot be sent is refused before anything is. */
  async send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    const { broker, results, protocol } = this.#parts;
    const now = { sentAt: Date.now(), replyTo: results?.replyTo };
    const chords: ChordStart[] = [];
    const messages = batch.flatMap((outgoing) => {
      refuseLacking(outgoing);
      const canvas = canvasOf(outgoing.message);
      if (canvas === undefined) return messageOf(outgoing, noCounters, protocol, now);
      const applied = sentCanvas(outgoing.message, canvas, { settings: protocol, ...now });
      chords.push(...applied.chords);
      return applied.messages;
    });
    if (chords.length > 0) await results?.chords?.begin(chords);
    if (messages.length > 0) await broker.publish(messages);
    this.#events.sent(messages);
    return batch.map(({ message }) => message.id);
  }
}

function refuseLacking({ message, priority = 0, unique }: Outgoing): void {
  const { priority: whyPriority, uniqueKeys: whyUnique } = capabilities.lacks;
  if (priority !== 0) throw unsupported(`the priority of task ${message.task}`, "celery", whyPriority ?? "");
  if (unique !== undefined) throw unsupported(`the key of task ${message.task}`, "celery", whyUnique ?? "");
}
