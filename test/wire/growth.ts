/** How the work of decoding grows with the text. @module */
import { wrongWith } from "./guard.ts";
import { wire } from "./places.ts";

/** The least processor time of three runs, in milliseconds. The machine's other work does not count. */
function costOf(text: string): number {
  let least = Infinity;
  for (let run = 0; run < 3; run++) {
    const before = process.cpuUsage();
    try {
      wire.decode(text);
    } catch (error) {
      const wrong = wrongWith(error);
      if (wrong !== undefined) throw new Error(wrong, { cause: error });
    }
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
    // What takes a second on its own shows its growth in one run.
    if (least > 1000) break;
  }
  return least;
}

/** More than this is not linear. */
export const mostGrowth = 9;

/**
 * How many times more work a text four times as long takes: 4 when it is linear, 16 when it is quadratic. Little work
 * is counted as 25 ms, which noise does not reach. What seems to be too much is measured again, up to twice: a
 * collection of garbage may have come in between.
 */
export function growth(text: (size: number) => string, size: number): number {
  let least = Infinity;
  for (let run = 0; run < 3 && least >= mostGrowth; run++) {
    least = Math.min(least, Math.max(25, costOf(text(size * 4))) / Math.max(25, costOf(text(size))));
  }
  return least;
}
