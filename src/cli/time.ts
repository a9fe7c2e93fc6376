/** Times as they are shown. @module */

/** A time for a person; what other hands have put in its place, and no Date can be, as it is. */
export function shownTime(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
