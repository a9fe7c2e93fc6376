/**
 * A Date, as Kombu writes a datetime: ISO 8601 with an offset. Not with `Z`, which Python reads from 3.11 on only.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { twoDigits } from "../digits.ts";
import { Malformed, checkText, type Tag } from "../tag.ts";
import type { Foreign } from "../foreign.ts";
import { foreignTags } from "./foreign.ts";

const form = /^((?:[+-]\d{6}|\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{3})(?:000)?)?(?:\+00:00|Z)$/;

/** A Date; anything else that is a time, in finer parts or elsewhere than at offset zero, is a Foreign. */
export const dateTag: Tag<object> = {
  name: "datetime",
  layout: "scalar",
  identity: false,
  write(value) {
    // Throws for what only looks like one.
    const time = Date.prototype.getTime.call(value);
    if (Number.isNaN(time)) return null;
    return time >= firstUsual && time <= lastUsual
      ? writeUsual(time)
      : Date.prototype.toISOString.call(value).replace("Z", "+00:00");
  },
  read(given, reading) {
    if (given === null) return new Date(NaN);
    const content = checkText(given);
    const usual = readUsual(content);
    if (usual !== undefined) return new Date(usual);
    const match = form.exec(content);
    if (match) {
      const text = `${match[1]}.${match[2] ?? "000"}Z`;
      const date = new Date(text);
      // The platform takes 30 February for 2 March; a date that does not write itself the same is none.
      if (!Number.isNaN(date.getTime()) && date.toISOString() === text) return date;
    }
    if (match) throw new Malformed("a time that exists", describe(content));
    const foreign = foreignTags.get("datetime")!.read(content, reading, undefined) as Foreign;
    return reading.dates === "round" && /(Z|[+-]..:..)$/.test(content.slice(11)) ? foreign.toDate() : foreign;
  },
};

/** The years 0 to 9999. */
const firstUsual = Date.UTC(-1, 11, 31) + 86_400_000;
const lastUsual = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const dayLength = 86_400_000;

/**
 * The text of a time in the years 0 to 9999, several times faster than the platform's. The way from days to a date is
 * Howard Hinnant's `civil_from_days`.
 *
 * @see https://howardhinnant.github.io/date_algorithms.html
 */
function writeUsual(time: number): string {
  const days = Math.floor(time / dayLength);
  const era = Math.floor((days + 719_468) / 146_097);
  // As whole numbers an engine divides them several times faster.
  const rest = (time - days * dayLength) | 0;
  const day = (days + 719_468 - era * 146_097) | 0;
  const yearOfEra = ((day - ((day / 1460) | 0) + ((day / 36_524) | 0) - ((day / 146_096) | 0)) / 365) | 0;
  const dayOfYear = day - 365 * yearOfEra - ((yearOfEra / 4) | 0) + ((yearOfEra / 100) | 0);
  // Its years begin with March.
  const march = ((5 * dayOfYear + 2) / 153) | 0;
  const dayOfMonth = dayOfYear - (((153 * march + 2) / 5) | 0) + 1;
  const month = march < 10 ? march + 3 : march - 9;
  const year = (yearOfEra + era * 400 + ((march / 10) | 0)) | 0;
  const century = (year / 100) | 0;
  const seconds = (rest / 1000) | 0;
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  const hundredths = ((rest - seconds * 1000) / 10) | 0;
  // All at once: text that is put together of parts costs more, here and where it is used.
  return String.fromCharCode(
    tens(century),
    ones(century),
    tens(year - century * 100),
    ones(year),
    0x2d,
    tens(month),
    ones(month),
    0x2d,
    tens(dayOfMonth),
    ones(dayOfMonth),
    0x54,
    tens(hours),
    ones(hours),
    0x3a,
    tens(minutes - hours * 60),
    ones(minutes),
    0x3a,
    tens(seconds - minutes * 60),
    ones(seconds),
    0x2e,
    tens(hundredths),
    ones(hundredths),
    ones(rest),
    0x2b,
    0x30,
    0x30,
    0x3a,
    0x30,
    0x30,
  );
}

/** The tens of a number below 100, as the code of a digit. */
function tens(number: number): number {
  return 0x30 + ((number / 10) | 0);
}

/** The ones of a number, as the code of a digit. */
function ones(number: number): number {
  return 0x30 + (number % 10);
}

/** Of each month, by its number, the days that it may have. */
const mostDays = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * The time of a text as {@link dateTag} writes those of the years 100 to 9999; undefined for any other. Several
 * times faster than the platform's reading and writing it back. The way from a date to days is the other way round of
 * {@link writeUsual}'s.
 */
function readUsual(text: string): number | undefined {
  const isParted =
    text.length === 29 &&
    text[4] === "-" &&
    text[7] === "-" &&
    text[10] === "T" &&
    text[13] === ":" &&
    text[16] === ":" &&
    text[19] === "." &&
    text.endsWith("+00:00");
  if (!isParted) return undefined;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  // The middle one of the three is in both.
  const thousandths = ((twoDigits(text, 20) / 10) | 0) * 100 + twoDigits(text, 21);
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const exists =
    year >= 100 &&
    year <= 9999 &&
    day >= 1 &&
    day <= (mostDays[month] ?? 0) &&
    (isLeap || month !== 2 || day <= 28) &&
    hour <= 23 &&
    minute <= 59 &&
    second <= 59 &&
    thousandths <= 999;
  if (!exists) return undefined;
  // Years that begin with March, as above.
  const march = month < 3 ? year - 1 : year;
  const dayOfYear = (((153 * (month < 3 ? month + 9 : month - 3) + 2) / 5) | 0) + day - 1;
  const leaps = ((march / 4) | 0) - ((march / 100) | 0) + ((march / 400) | 0);
  const days = 365 * march + leaps + dayOfYear - 719_468;
  return days * dayLength + (hour * 3600 + minute * 60 + second) * 1000 + thousandths;
}
