/**
 * A value of another language's that nothing here holds exactly: Python's Decimal, a time in microseconds.
 *
 * @module
 */
import { ValueError, describe } from "../errors.ts";

const time = /^[-+\w.:,[\]=/!]{1,200}$/;
const forms: Readonly<Record<string, RegExp>> = {
  decimal: /^[+-]?((\d+\.?\d*|\.\d+)(E[+-]?\d+)?|s?NaN\d*|Inf(inity)?)$/i,
  uuid: /^[\da-f]{32}$/,
  datetime: /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d(:\d\d(\.\d+)?)?)?$/,
  date: time,
  time,
  instant: time,
  zoned: time,
  local: time,
  month: time,
  day: time,
  duration: time,
};

/** The tags that may be one. */
export const foreignNames: readonly string[] = Object.keys(forms);

/**
 * A value that is kept as its text, and is written back as it came.
 *
 * What arrives as one: Python's `decimal` and `uuid`; a `datetime` that is no whole number of milliseconds at
 * offset zero; Temporal's kinds where the runtime has no Temporal. Made by hand, it is a way to send a Decimal to
 * Python.
 *
 * @example
 * new Foreign("decimal", "19.90");
 */
export class Foreign {
  /** `decimal`, `uuid`, `datetime`, `date`, `time`, `instant`, `zoned`, `local`, `month`, `day` or `duration`. */
  readonly tag: string;
  /** Its text: digits, hexadecimal digits, ISO 8601. */
  readonly text: string;

  /** @throws ValueError for another tag, or a text that is not of its form */
  constructor(tag: string, text: string) {
    if (!Object.hasOwn(forms, tag) || typeof text !== "string" || !forms[tag]!.test(text)) {
      throw new ValueError(tag, [{ path: [], message: `${describe(text)} is none` }]);
    }
    this.tag = tag;
    this.text = text;
    Object.freeze(this);
  }

  /**
   * The time of a `datetime` or an `instant`, in whole milliseconds: what is beyond them is cut off.
   *
   * @throws ValueError for one without an offset, which is no point in time, and for other tags
   */
  toDate(): Date {
    const date = new Date(/T.*(Z|[+-]\d\d:\d\d)$/.test(this.text) ? this.text : NaN);
    if (Number.isNaN(date.getTime())) {
      throw new ValueError(this.tag, [{ path: [], message: `${this.text} is no point in time` }]);
    }
    return date;
  }

  toString(): string {
    return this.text;
  }
}
