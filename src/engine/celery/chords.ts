/**
 * Chords: what begins them, and what follows when all parts of their headers have ended.
 *
 * @module
 */
import type { Broker, Results } from "./broker.ts";
import type { ChordStart } from "./protocol/applying.ts";
import { afterHeader } from "./protocol/chord.ts";
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
    const { broker, results, protocol } = this.#context;
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
      const outcomes = [...whole.values()].map(({ part, header }) => ({
        part,
        ...afterHeader(part, header, protocol, Date.now()),
      }));
      await this.begin(outcomes.flatMap((outcome) => outcome.chords));
      const messages = outcomes.flatMap((outcome) => outcome.messages);
      if (messages.length > 0) await broker.publish(messages);
      const ends = outcomes.flatMap((outcome) => outcome.ends);
      if (ends.length > 0) await results.store(ends);
      ids.push(...ends.map(({ end }) => end.id));
      await chords.remove(outcomes.flatMap(({ part, isDone }) => (isDone ? [part.group] : [])));
      parts = outcomes.flatMap((outcome) => outcome.parts);
    }
    return ids;
  }
}
