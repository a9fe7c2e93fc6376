/** Numbers that look random and are the same in every run. @module */

/** A function that gives a whole number from 0 up to below a bound. */
export function randomNumbers(seed = 1): (below: number) => number {
  let state = seed;
  return (below) => {
    // Of Numerical Recipes: a full period of 2 ** 32.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
