/** createWire: the codec, ready to use. @module */
import { checkNames, checkOption } from "../errors.ts";
import { open, openJson, type DecodeContext, type Opened } from "./decode.ts";
import { dialectOf, type DialectName } from "./dialect.ts";
import { encode, type Encoded } from "./encode.ts";
import type { EncodeContext, EncodeSubject } from "./encode-context.ts";
import { checkLists, limitsWith, type Limits } from "./limits.ts";
import { registryOf } from "./registry.ts";
import type { RowsEntry } from "./stored-rows.ts";
import type { ValueEntry } from "./value-type.ts";

/** The version of the format that this package writes, and reads. */
export const wireVersion = 1;

/** What stands in the place of the version for plain JSON that others wrote. */
export const noWire = 0;

/** Settings of a {@link Wire}. All may be left out. */
export interface WireOptions {
  /**
   * The value classes that may travel: what `Value(…)` and `value(…)` returned; and what `storedRows()` did, where references
   * to stored rows and snapshots of them may.
   */
  readonly values?: readonly (ValueEntry | RowsEntry)[];
  /** Bounds on one payload, replacing the defaults one by one. */
  readonly limits?: Partial<Limits>;
  /**
   * What the reader understands. `exact`, unless told: everything this format has. `portable`: what a plain
   * Celery worker decodes; properties that are undefined are left out, shared data is written out each time,
   * and everything else that Python could not read is refused.
   */
  readonly dialect?: DialectName;
  /**
   * What becomes of a received time that no Date holds exactly: finer than milliseconds, or at an offset. `exact`,
   * unless told: a {@link Foreign}, which keeps its text. `round`: a Date, with what is finer cut off; a time
   * without an offset is no point in time, and stays a Foreign.
   */
  readonly dates?: "exact" | "round";
  /** In the `portable` dialect, the types beside its own that the reader was taught: `["shop.Money"]`. */
  readonly understands?: readonly string[];
}

/** Turns values into text and back. */
export interface Wire {
  /**
   * The text for a value.
   *
   * @throws EncodeError when something in it cannot travel: every offending place, with what to do
   * @throws LimitError when it is over a limit
   */
  encode(value: unknown): string;

  /**
   * The value of a text. References stay references.
   *
   * @throws DecodeError when the text is not what it should be: where, what was expected, what was found
   * @throws LimitError when it is over a limit
   */
  decode(text: string): unknown;
}

/** A {@link Wire} as the task model uses it. */
export interface TaskWire extends Wire {
  /** The names of the value classes that it knows: `shop.Money`, `shop.Money@2`. */
  readonly types: ReadonlySet<string>;
  /** Those of them that are retired, and cannot be decoded. */
  readonly retired: ReadonlySet<string>;
  encodeFor(value: unknown, subject: EncodeSubject): Encoded;
  open(text: string, root: string): Opened;
  /** Like `open`, for JSON that others wrote, in which nothing has a meaning of ours. */
  openJson(text: string, root: string): Opened;
}

/**
 * Makes a wire: of use alone too, between any two processes that can exchange text.
 *
 * @throws PetioleError `ERR_TYPE_NAME` for a name that is no name or is taken, `ERR_OPTION_INVALID` for a wrong option
 *
 * @example
 * const wire = createWire({ values: [Money] });
 * const text = wire.encode({ at: new Date(), fee: new Money({ amount: 5n, currency: "EUR" }) });
 * wire.decode(text); // the same: a Date, and a Money with its methods
 */
export function createWire(options: WireOptions = {}): Wire {
  const { encode, decode } = createTaskWire(options);
  return { encode, decode };
}

/** {@link createWire}, with what the task model needs beside. */
export function createTaskWire(options: WireOptions = {}): TaskWire {
  const { values = [], limits, dialect = "exact", understands = [], dates = "exact" } = options;
  checkNames("The options of a wire", options, { values, limits, dialect, understands, dates });
  checkOption(dialect === "exact" || dialect === "portable", "dialect", '"exact" or "portable"', dialect);
  checkOption(dates === "exact" || dates === "round", "dates", '"exact" or "round"', dates);
  checkLists({ values, understands });
  const registry = registryOf(values);
  const context: EncodeContext & DecodeContext = {
    registry,
    limits: limitsWith(limits),
    dialect: dialectOf(dialect, understands),
    dates,
  };
  return {
    types: registry.types,
    retired: registry.retired,
    encode: (value) => encode(value, context, { root: "value", what: "this value" }).text,
    decode: (text) => open(text, context, "value").decode(),
    encodeFor: (value, subject) => encode(value, context, subject),
    open: (text, root) => open(text, context, root),
    openJson: (text, root) => openJson(text, context.limits, root),
  };
}
