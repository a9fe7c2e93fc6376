/**
 * Times as Celery writes them: ISO 8601, with microseconds, with any offset or with none.
 *
 * @module
 */

const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?(Z|z|[+-]\d\d(?::?\d\d(?::?\d\d(?:\.\d+)?)?)?)?)?$/;

/**
 * The epoch milliseconds of a time, with a fraction where it has microseconds. One without an offset is in UTC: so Celery's
 * workers take it, whatever the `timezone` of their app.
 *
 * @returns undefined for a text that is no time
 */
export function parseTime(text: string): number | undefined {
  if (text.length > 60) return undefined;
  const match = iso.exec(text.trim());
  if (!match) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", offset] = match;
  const parts = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const local = utcOf(...parts);
  if (local === undefined) return undefined;
  const beyond = fraction === "" ? 0 : Number(`0.${fraction}`) * 1000;
  const ahead = offset === undefined ? 0 : offsetOf(offset);
  return ahead === undefined ? undefined : local + beyond - ahead;
}

/** Epoch milliseconds of a date and time of day in UTC; undefined for one that does not exist. */
function utcOf(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | undefined {
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  // Years below 100 are not 1900 and more here.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return date.setUTCHours(hour, minute, second, 0);
}

/** An offset in milliseconds. */
function offsetOf(offset: string): number | undefined {
  if (offset === "Z" || offset === "z") return 0;
  const sign = offset.startsWith("-") ? -1 : 1;
  const digits = offset.slice(1).replaceAll(":", "");
  const [hours, minutes, seconds] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].map(Number) as [
    number,
    number,
    number,
  ];
  if (hours > 23 || minutes > 59 || seconds >= 60) return undefined;
  return sign * (hours * 3_600_000 + minutes * 60_000 + seconds * 1000);
}

/** The first millisecond of year 1 and the last of year 9999: Python has no others. */
export const firstTime = -62_135_596_800_000;
export const lastTime = 253_402_300_799_999;

/** Whether Python has such a time. */
export function isPythonTime(at: number): boolean {
  return at >= firstTime && at <= lastTime;
}

/**
 * A time as Celery reads it in all versions of Python: `2026-11-22T08:37:00.123+00:00`, never `Z`. What is finer than a
 * millisecond is rounded up.
 */
export function toTime(at: number): string {
  return new Date(Math.ceil(at)).toISOString().replace("Z", "+00:00");
}
