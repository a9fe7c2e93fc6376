/** Task ids. @module */

const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
/** Of each id 10 bytes are random. Many are asked for at once: a call costs as much as the rest of an id. */
const random = new Uint8Array(256 * 10);
let used = random.length;

/**
 * A new id: a UUID of version 7 (RFC 9562), which begins with the time, so that ids sort by when they were
 * made and an index over them grows at its end.
 */
export function newId(now: number = Date.now()): string {
  if (used === random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  const time = Math.max(0, Math.floor(now) % 2 ** 48)
    .toString(16)
    .padStart(12, "0");
  const version = hexOf[(next() & 0x0f) | 0x70]! + hexOf[next()]!;
  const variant = hexOf[(next() & 0x3f) | 0x80]! + hexOf[next()]!;
  let rest = "";
  for (let byte = 0; byte < 6; byte++) rest += hexOf[next()]!;
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${rest}`;
}

function next(): number {
  return random[used++]!;
}
