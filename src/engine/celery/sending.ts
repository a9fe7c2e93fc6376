/**
 * Sending: what is asked for in one turn goes together.
 *
 * @module
 */
import type { Outgoing } from "../../engine.ts";
import { unsupported } from "../../errors.ts";
import { Batcher } from "./batcher.ts";
import { capabilities } from "./capabilities.ts";
import type { CeleryMessage } from "./protocol/message.ts";
import { messageOf, noCounters } from "./protocol/sending.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";
import type { Parts } from "./store.ts";

/** Sends messages. */
export class Sending {
  readonly #batcher: Batcher<CeleryMessage, null>;
  readonly #protocol: ProtocolSettings;
  readonly #replyTo: () => string | undefined;

  constructor({ broker, results, protocol }: Pick<Parts, "broker" | "results" | "protocol">) {
    this.#protocol = protocol;
    this.#replyTo = () => results?.replyTo;
    this.#batcher = new Batcher(async (messages) => {
      await broker.publish(messages);
      return messages.map(() => null);
    });
  }

  /** See {@link Engine.send}. What cannot be sent is refused before anything is. */
  async send(batch: readonly Outgoing[]): Promise<readonly string[]> {
    const now = { sentAt: Date.now(), replyTo: this.#replyTo() };
    const messages = batch.map((outgoing) => {
      refuseLacking(outgoing);
      return messageOf(outgoing, noCounters, this.#protocol, now);
    });
    if (messages.length > 0) await this.#batcher.add(messages);
    return batch.map(({ message }) => message.id);
  }
}

function refuseLacking({ message, priority = 0, unique }: Outgoing): void {
  const { priority: whyPriority, uniqueKeys: whyUnique } = capabilities.lacks;
  if (priority !== 0) throw unsupported(`the priority of task ${message.task}`, "celery", whyPriority ?? "");
  if (unique !== undefined) throw unsupported(`the key of task ${message.task}`, "celery", whyUnique ?? "");
}
