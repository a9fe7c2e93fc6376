/**
 * Decodes a text in a process of its own, and tells what it cost: `node memory-probe.ts <kind> <size>`. Prints JSON.
 *
 * @module
 */
import { wrongWith } from "./guard.ts";
import { bombs } from "./bombs.ts";
import { wire } from "./places.ts";

const [name = "", size = "0"] = process.argv.slice(2);
const text = bombs[name]!(Number(size));
// What the codec needs anyway is there before it counts.
wire.decode(wire.encode([new Map([[new Uint8Array(8), 1n]]), new Error("x")]));
(globalThis as { gc?: () => void }).gc?.();
const before = process.resourceUsage().maxRSS;
let outcome = "decoded";
let value: unknown;
try {
  value = wire.decode(text);
} catch (error) {
  outcome = wrongWith(error) ?? (error as { code: string }).code;
}
const grown = (process.resourceUsage().maxRSS - before) * 1024;
console.log(JSON.stringify({ outcome, text: text.length, grown, kept: value === undefined ? 0 : 1 }));
