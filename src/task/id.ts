/** Task ids. @module */

/** Random bytes are asked for many at once: asking costs more than what it gives. */
const pool = new Uint8Array(4096);
let used = pool.length;

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Of many ids that are made in one millisecond, the time is put into words once. */
let latest = { milliseconds: NaN, text: "" };

function timeOf(milliseconds: number): string {
  if (milliseconds !== latest.milliseconds) {
    const digits = milliseconds.toString(16).padStart(12, "0").slice(-12);
    latest = { milliseconds, text: `${digits.slice(0, 8)}-${digits.slice(8)}` };
  }
  return latest.text;
}

/**
 * A new id: a UUID of version 7 (RFC 9562), which begins with the time, so that ids sort by when they were
 * made and an index over them grows at its end.
 */
export function newId(now: number = Date.now()): string {
  if (used + 10 > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const time = timeOf(Math.floor(now));
  const random = (index: number): number => pool[used + index]!;
  const text =
    `${time}-${hex[(random(0) & 0x0f) | 0x70]}${hex[random(1)]}-` +
    `${hex[(random(2) & 0x3f) | 0x80]}${hex[random(3)]}-${hex[random(4)]}${hex[random(5)]}${hex[random(6)]}` +
    `${hex[random(7)]}${hex[random(8)]}${hex[random(9)]}`;
  // What was given out is not kept.
  pool.fill(0, used, (used += 10));
  return text;
}
