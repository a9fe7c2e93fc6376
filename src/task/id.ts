/** Task ids. @module */

/** Random bytes are asked for many at once: asking costs more than what it gives. */
const pool = new Uint8Array(4096);
let used = pool.length;

const digits = Buffer.from("0123456789abcdef");

/** Where the random bytes are written, each in two digits. */
const places = [14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/**
 * The latest id. The next is written over it, and read as a text: one that is put together of pieces stays in pieces,
 * which takes memory, and `JSON.stringify` takes twice as long for whatever holds such a text.
 */
const text = Buffer.from("00000000-0000-7000-8000-000000000000");

/** The millisecond of the latest id: to write a time costs more than all else. */
let latest = Number.NaN;

/**
 * A new id: a UUID of version 7 (RFC 9562), which begins with the time, so that ids sort by when they were
 * made and an index over them grows at its end.
 */
export function newId(now: number = Date.now()): string {
  if (now !== latest) {
    const time = Math.floor(now).toString(16).padStart(12, "0").slice(-12);
    text.write(`${time.slice(0, 8)}-${time.slice(8)}`, "latin1");
    latest = now;
  }
  if (used + places.length > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  pool[used] = (pool[used]! & 0x0f) | 0x70;
  pool[used + 2] = (pool[used + 2]! & 0x3f) | 0x80;
  for (const place of places) {
    const byte = pool[used]!;
    text[place] = digits[byte >> 4]!;
    text[place + 1] = digits[byte & 0x0f]!;
    // What was given out is not kept.
    pool[used++] = 0;
  }
  return text.toString("latin1");
}
