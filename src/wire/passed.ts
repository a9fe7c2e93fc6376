/**
 * What was checked already, while one text is read in which an object may be met in many places: a list that many
 * instances share is gone through once for each kind of check, and not once for each of them.
 *
 * @module
 */

/** The checks that each list has passed; undefined while none are noted. */
export const passed: { lists: WeakMap<object, Set<unknown>> | undefined } = { lists: undefined };

/** Notes passed checks while something runs. */
export function notingPassed<Result>(run: () => Result): Result {
  const before = passed.lists;
  passed.lists = new WeakMap();
  try {
    return run();
  } finally {
    passed.lists = before;
  }
}
