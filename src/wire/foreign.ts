/**
 * A value of another language's that nothing here holds exactly: Python's Decimal, a time in microseconds.
 *
 * @module
 */
import { ValueError, describe } from "../errors.ts";

const year = String.raw`[+-]?\d{4,6}-`;
const day = String.raw`\d\d-\d\d`;
const clock = String.raw`([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?`;
const offset = String.raw`(Z|[+-]${clock})`;
const note = String.raw`(\[[\w!=/+:-]{1,60}\])`;

function whole(...parts: string[]): RegExp {
  return new RegExp(`^${parts.join("")}$`);
}

const forms: Readonly<Record<string, RegExp>> = {
  // Python's Decimal has exponents of up to 18 digits, as a number with one digit before its point has them.
  decimal: /^[+-]?(\d(\.\d*)?E[+-]?0*\d{1,18}|(\d+(\.\d*)?|\.\d+)(E[+-]?0*\d{1,17})?|s?NaN\d*|Inf(inity)?)$/i,
  uuid: /^[\da-f]{32}$/,
  datetime: whole(year, day, "T", clock, offset, "?"),
  date: whole(year, day, note, "*"),
  time: whole(clock, offset, "?"),
  instant: whole(year, day, "T", clock, offset),
  zoned: whole(year, day, "T", clock, offset, note, "+"),
  local: whole(year, day, "T", clock, note, "*"),
  month: whole(year, String.raw`(0[1-9]|1[0-2])(-\d\d)?`, note, "*"),
  day: whole("(", year, ")?", day, note, "*"),
  duration: /^[+-]?P(?=[\dT])(\d+[YMWD])*(T(\d+(\.\d{1,9})?[HMS])+)?$/,
};

/** Whether the day in a text, if there is one, is in the calendar. */
function exists(text: string): boolean {
  const [, year = "2000-", month, day] = /^([+-]?\d{4,6}-)?(\d\d)-(\d\d)/.exec(text) ?? [];
  if (day === undefined) return true;
  // A Date has not all of the years, but the calendar is the same every 400 of them.
  const time = Date.UTC(2000 + (Number.parseInt(year) % 400), Number(month) - 1, Number(day));
  return new Date(time).toISOString().includes(`-${month}-${day}T`);
}

/** Whether a text is one of a tag's form, of something that exists. */
export function isForeign(tag: string, text: unknown): text is string {
  return Object.hasOwn(forms, tag) && typeof text === "string" && forms[tag]!.test(text) && exists(text);
}

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
    if (!isForeign(tag, text)) {
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
