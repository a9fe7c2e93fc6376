/** Dates by hand, for years of four digits: several times as fast as `toISOString` and `new Date(text)`. @module */

const dayMs = 86_400_000;

/** `2025-11-22T08:37:00.123`. The way from days to a date is Howard Hinnant's `civil_from_days`. */
export function isoOf(date: Date): string {
  const time = date.getTime();
  const days = Math.floor(time / dayMs);
  const ms = time - days * dayMs;
  const era = Math.floor((days + 719_468) / 146_097);
  const day = days + 719_468 - era * 146_097;
  const year = whole((day - whole(day / 1460) + whole(day / 36_524) - whole(day / 146_096)) / 365);
  const dayOfYear = day - 365 * year - whole(year / 4) + whole(year / 100);
  const month = whole((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - whole((153 * month + 2) / 5) + 1;
  // Its months begin with March.
  return text(month < 10 ? month + 3 : month - 9, dayOfMonth, year + era * 400 + (month < 10 ? 0 : 1), ms);
}

function text(month: number, day: number, year: number, ms: number): string {
  const hour = whole(ms / 3_600_000);
  const minute = whole(ms / 60_000) % 60;
  const second = whole(ms / 1000) % 60;
  return String.fromCharCode(
    48 + whole(year / 1000),
    48 + (whole(year / 100) % 10),
    48 + (whole(year / 10) % 10),
    48 + (year % 10),
    45,
    48 + whole(month / 10),
    48 + (month % 10),
    45,
    48 + whole(day / 10),
    48 + (day % 10),
    84,
    48 + whole(hour / 10),
    48 + (hour % 10),
    58,
    48 + whole(minute / 10),
    48 + (minute % 10),
    58,
    48 + whole(second / 10),
    48 + (second % 10),
    46,
    48 + (whole(ms / 100) % 10),
    48 + (whole(ms / 10) % 10),
    48 + (ms % 10),
  );
}

/** Of what is no less than 0. */
function whole(number: number): number {
  return number | 0;
}

/** Of what `isoOf` gives. */
export function dateOf(text: string): Date {
  const year = two(text, 0) * 100 + two(text, 2);
  const ms = (text.charCodeAt(20) - 48) * 100 + two(text, 21);
  return new Date(
    Date.UTC(year, two(text, 5) - 1, two(text, 8), two(text, 11), two(text, 14), two(text, 17), ms),
  );
}

function two(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
}
