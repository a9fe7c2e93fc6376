/**
 * The parts of chords in Redis, as Celery's result backend counts them.
 *
 * @module
 */
import type { ChordParts } from "../broker.ts";
import type { ChordStart } from "../protocol/applying.ts";
import type { EndedHeader } from "../protocol/chord.ts";
import type { ChordPart } from "../protocol/ends.ts";
import type { ResultTree } from "../protocol/freezing.ts";
import type { TaskEnd } from "../protocol/result.ts";
import type { Connection } from "./connection.ts";
import { scripts } from "./scripts.ts";

/** How they are kept. */
export interface RedisChordsSettings {
  readonly prefix: string;
  /** For how many milliseconds what is known of a chord is kept. */
  readonly resultExpires: number;
  /** What a task returned or raised, as Python's JSON. */
  readonly resultOf: (end: TaskEnd) => string;
}

/** Counts the parts of chords. */
export class RedisChords implements ChordParts {
  readonly #connection: Connection;
  readonly #settings: RedisChordsSettings;

  constructor(connection: Connection, settings: RedisChordsSettings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  async begin(chords: readonly ChordStart[]): Promise<void> {
    if (chords.length === 0) return;
    await this.#connection.run("beginning chords", scripts.beginChords, [
      ...this.#common(),
      ...chords.flatMap(({ group, size, results }) => [
        group,
        String(size),
        results === undefined ? "" : JSON.stringify({ result: formOf(results) }),
      ]),
    ]);
  }

  async add(
    parts: readonly ChordPart[],
  ): Promise<readonly (EndedHeader | { readonly problem: string } | undefined)[]> {
    if (parts.length === 0) return [];
    const replies = (await this.#connection.run("counting the parts of chords", scripts.countParts, [
      ...this.#common(),
      ...parts.flatMap(({ group, index, end }) => {
        const id = JSON.stringify(end.id.toWellFormed());
        const place = index === undefined ? "+inf" : String(index);
        // To the letter as Python writes it: what both have counted is one.
        return [group, place, id, `[1, ${id}, "${end.status}", ${this.#settings.resultOf(end)}]`];
      }),
    ])) as readonly (Buffer | readonly Buffer[])[];
    return replies.map((reply) => {
      if (!Array.isArray(reply)) return { problem: String(reply) };
      const [form, ...entries] = (reply as readonly Buffer[]).map(String);
      return form === undefined ? undefined : { entries, form: form === "" ? undefined : form };
    });
  }

  async remove(groups: readonly string[]): Promise<void> {
    if (groups.length === 0) return;
    const keys = groups.flatMap((group) =>
      [".j", ".t", ".s"].map((end) => `${this.#settings.prefix}celery-taskset-meta-${group}${end}`),
    );
    await this.#connection.call("forgetting the parts of chords", ["DEL", ...keys]);
  }

  #common(): readonly [prefix: string, milliseconds: string] {
    const { prefix, resultExpires } = this.#settings;
    return [prefix, String(Math.min(Math.max(1, Math.ceil(resultExpires)), longest))];
  }
}

/** Redis has no longer time. */
const longest = 2 ** 52;

/** As Celery keeps the form of a result: `[[id, parent], parts or null]`. */
function formOf(tree: ResultTree): unknown {
  return typeof tree === "string" ? [[tree, null], null] : [[tree.id, null], tree.parts.map(formOf)];
}
