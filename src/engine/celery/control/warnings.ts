/**
 * Warnings about what others send: told, and not repeated for each message of somebody who sends many.
 *
 * @module
 */

/** After a warning of a kind, so long none of that kind, in milliseconds. */
const rest = 60_000;

const last = new Map<string, { readonly at: number; silent: number }>();

/** Warns, at most once a minute for each kind; the next says how many there were. */
export function warn(kind: "control" | "pattern" | "reply" | "event" | "emit", text: string): void {
  const now = performance.now();
  const before = last.get(kind);
  if (before !== undefined && now - before.at < rest) {
    before.silent += 1;
    return;
  }
  last.set(kind, { at: now, silent: 0 });
  const more = before === undefined || before.silent === 0 ? "" : ` (and ${before.silent} others before it)`;
  process.emitWarning(`Celery engine: ${text}${more}`, "PetioleWarning");
}
