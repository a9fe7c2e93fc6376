/** How deep JSON is nested, seen from its text. @module */

/** Whether arrays and objects are nested deeper than `depth`. Of a text that is no JSON, either may be said. */
export function isDeeperThan(text: string, depth: number): boolean {
  // Each level takes two characters, so that a short text need not be read.
  if (text.length <= 2 * depth) return false;
  let level = 0;
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x22: // a string: on to its end
        index = endOfString(text, index);
        break;
      case 0x5b:
      case 0x7b:
        if (++level > depth) return true;
        break;
      case 0x5d:
      case 0x7d:
        level--;
    }
  }
  return false;
}

/** The position of the `"` that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}
