/** Digits, read by hand: several times faster than an expression and the platform's own reading. @module */

/** The number that some decimal digits make; NaN when they are none. */
export function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return NaN;
    number = number * 10 + digit;
  }
  return number;
}
