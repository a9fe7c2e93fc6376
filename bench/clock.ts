/** Time in which this thread had a processor, or the best that there is of that. @module */
import { openSync, readSync } from "node:fs";

/** Linux counts, for each thread, the nanoseconds in which it was ready to run and had to wait: the second number. */
const file = open("/proc/self/schedstat");
const buffer = Buffer.alloc(64);

/** Milliseconds that do not pass while other processes have the processor. Elsewhere than on Linux, they do. */
export function busyNow(): number {
  for (let before = waitedMs(); ;) {
    const now = performance.now();
    const after = waitedMs();
    // It had to wait between the two: they do not belong together.
    if (after === before) return now - after;
    before = after;
  }
}

function waitedMs(): number {
  if (file === undefined) return 0;
  const length = readSync(file, buffer, 0, buffer.length, 0);
  return Number(buffer.toString("latin1", 0, length).split(" ")[1]) / 1e6;
}

function open(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch {
    return undefined;
  }
}
