/** What every task carries, some 300 bytes of JSON, and what its handler returns. @module */

/** In ours: a Date and a bigint among plain data. */
export interface Note {
  /** Counts the tasks of a store, from 0. */
  readonly n: number;
  readonly to: string;
  readonly subject: string;
  readonly body: string;
  readonly tags: readonly string[];
  readonly at: Date;
  readonly amount: bigint;
}

/** In the raw engines: what a person makes of it, so that it is JSON. */
export type PlainNote = Omit<Note, "at" | "amount"> & { readonly at: string; readonly amount: string };

/** What the handlers return; kept by those that keep results. */
export interface Outcome {
  readonly n: number;
  readonly words: number;
}

const body =
  "A petiole is the stalk that carries what the leaf makes to the rest of the plant; a stick of celery is one, and so is rhubarb.";
const words = body.split(" ").length;

export function noteOf(n: number): Note {
  return {
    n,
    to: "ada.lovelace@example.com",
    subject: "What the stalk carries, and where to",
    body,
    tags: ["botany", "kitchen"],
    at: new Date(1_795_000_000_000 + n),
    amount: 9_007_199_254_740_993n + BigInt(n),
  };
}

export function plainNoteOf(n: number): PlainNote {
  const { at, amount, ...rest } = noteOf(n);
  return { ...rest, at: at.toISOString(), amount: `${amount}` };
}

/** The work of every handler: none, so that what is timed is the engine. */
export function outcomeOf(note: Note | PlainNote): Outcome {
  return { n: note.n, words };
}
