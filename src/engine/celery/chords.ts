/**
 * Chords: what begins them, and what follows when all parts of their headers have ended.
 *
 * @module
 */
import type { PetioleError } from "../../errors.ts";
import type { Broker, Results } from "./broker.ts";
import type { ChordStart } from "./protocol/applying.ts";
import { isRefusedForGood } from "./errors.ts";
import { afterHeader, failedBody, type ChordOutcome } from "./protocol/chord.ts";
import type { CeleryMessage } from "./protocol/message.ts";
import type { ChordPart } from "./protocol/ends.ts";
import type { ProtocolSettings } from "./protocol/settings.ts";

/** What chords need of the engine. */
export interface ChordsContext {
  readonly broker: Pick<Broker, "publish">;
  readonly results: Results | undefined;
  readonly protocol: ProtocolSettings;
}

/** Sees to the chords of what ends here. */
export class Chords {
  readonly #context: ChordsContext;

  constructor(context: ChordsContext) {
    this.#context = context;
  }

  /** Says how many parts there will be. The headers are sent after that. */
  async begin(chords: readonly ChordStart[]): Promise<void> {
    if (chords.length > 0) await this.#context.results?.chords?.begin(chords);
  }

  /**
   * Counts parts that have ended, and sends the bodies of chords that have no other parts: before their messages are
   * acknowledged, so that a body is rather sent twice than never. What a failed chord is part of fails alike.
   *
   * @returns the ids of the tasks that have ended with them
   */
  async ended(ended: readonly ChordPart[]): Promise<readonly string[]> {
    const { results, protocol } = this.#context;
    const chords = results?.chords;
    if (results === undefined || chords === undefined) return [];
    const ids: string[] = [];
    for (let parts = ended; parts.length > 0;) {
      const headers = await chords.add(parts);
      const whole = new Map(
        parts.flatMap((part, index) => {
          const header = headers[index];
          return header === undefined ? [] : [[part.group, { part, header }] as const];
        }),
      );
      const made = [...whole.values()].map(({ part, header }) => ({
        part,
        ...afterHeader(part, header, protocol, Date.now()),
      }));
      await this.begin(made.flatMap((outcome) => outcome.chords));
      const outcomes = await this.#publish(made);
      const ends = outcomes.flatMap((outcome) => outcome.ends);
      if (ends.length > 0) await results.store(ends);
      ids.push(...ends.map(({ end }) => end.id));
      await chords.remove(outcomes.flatMap(({ part, isDone }) => (isDone ? [part.group] : [])));
      parts = outcomes.flatMap((outcome) => outcome.parts);
    }
    return ids;
  }

  /** Publishes what they come to. The body of one that the broker refuses has failed. */
  async #publish(outcomes: readonly Made[]): Promise<readonly Made[]> {
    const { broker, protocol } = this.#context;
    const messages = outcomes.flatMap((outcome) => outcome.messages);
    if (messages.length === 0) return outcomes;
    try {
      await broker.publish(messages);
      return outcomes;
    } catch (error) {
      if (!isRefusedForGood(error)) throw error;
    }
    const published: Made[] = [];
    for (const outcome of outcomes) {
      const refusal = await publishEach(broker, outcome.messages);
      if (refusal === undefined || !outcome.isDone) published.push(outcome);
      else {
        const { part } = outcome;
        const failed = failedBody(part, refusal, protocol, Date.now());
        await this.begin(failed.chords);
        await publishEach(broker, failed.messages);
        published.push({ part, ...failed });
      }
    }
    return published;
  }
}

type Made = ChordOutcome & { readonly part: ChordPart };

/**
 * Publishes all that are not refused for good.
 *
 * @returns why one was; undefined where none was
 */
export async function publishEach(
  broker: Pick<Broker, "publish">,
  messages: readonly CeleryMessage[],
): Promise<PetioleError | undefined> {
  let refusal: PetioleError | undefined;
  for (const message of messages) {
    try {
      await broker.publish([message]);
    } catch (error) {
      if (!isRefusedForGood(error)) throw error;
      refusal ??= error;
    }
  }
  return refusal;
}
