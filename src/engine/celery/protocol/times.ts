/**
 * Times as Celery writes them: ISO 8601, with microseconds, with any offset or with none.
 *
 * @module
 */
import { PetioleError, describe } from "../../../errors.ts";

const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?(Z|z|[+-]\d\d(?::?\d\d(?::?\d\d(?:\.\d+)?)?)?)?)?$/;

/**
 * The epoch milliseconds of a time, with a fraction where it has microseconds.
 *
 * @param timezone of times without an offset. One that the clock passes twice is the first of the two, as in Python
 * @returns undefined for a text that is no time
 */
export function parseTime(text: string, timezone: string): number | undefined {
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
  if (offset !== undefined) {
    const minutes = offsetOf(offset);
    return minutes === undefined ? undefined : local + beyond - minutes;
  }
  return instantOf(local, timezone) + beyond;
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

const day = 86_400_000;

/** When the clocks of a time zone show this, which is given as if it were UTC. */
function instantOf(local: number, timezone: string): number {
  if (timezone === "UTC") return local;
  const format = formatOf(timezone);
  const before = zoneOffset(local - day, format);
  const after = zoneOffset(local + day, format);
  // Clocks put back: both are right, and this is the first. Clocks put forward: neither is, and Python takes this one.
  const early = local - before;
  const late = local - after;
  if (zoneOffset(early, format) === before) return early;
  return zoneOffset(late, format) === after ? late : early;
}

/** By how many milliseconds the zone's clocks are ahead of UTC then. */
function zoneOffset(at: number, format: Intl.DateTimeFormat): number {
  const parts: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(at)) parts[type] = value;
  const { era, year, month, day, hour, minute, second } = parts;
  const signed = era === "BC" || era === "B" ? 1 - Number(year) : Number(year);
  const date = new Date(0);
  date.setUTCFullYear(signed, Number(month) - 1, Number(day));
  return date.setUTCHours(Number(hour), Number(minute), Number(second), 0) - Math.floor(at / 1000) * 1000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat("en-US", {
        timeZone: timezone,
        calendar: "gregory",
        numberingSystem: "latn",
        hourCycle: "h23",
        era: "short",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
      });
    } catch (error) {
      throw new PetioleError(
        "ERR_OPTION_INVALID",
        `celery: timezone is a time zone by its name, "Europe/Berlin"; this system knows none of that name: ${describe(timezone)}.`,
        { cause: error },
      );
    }
    formats.set(timezone, format);
  }
  return format;
}

/**
 * @throws PetioleError `ERR_OPTION_INVALID` when there is no such time zone
 */
export function checkTimezone(timezone: string): void {
  if (timezone !== "UTC") formatOf(timezone);
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
