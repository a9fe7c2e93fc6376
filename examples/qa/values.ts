/** Business objects that have no row: they travel whole, methods included. */
import { Value } from "petiole";

/** A time of year in which words count for more. */
export class Season extends Value("qa.Season", { name: String, begins: Date, pointsPerWord: BigInt }) {
  isOn(day: Date): boolean {
    return day >= this.begins;
  }
}

/** How a post is scored, as it was decided when the post was saved. */
export class Scoring extends Value("qa.Scoring", { base: BigInt, season: Season }) {
  /** The points of a post with this many words, saved on a day. */
  points(words: number, day: Date): bigint {
    return this.base + (this.season.isOn(day) ? this.season.pointsPerWord * BigInt(words) : 0n);
  }
}

/** How posts are scored today. */
export const scoring = new Scoring({
  // More than a number can count to, so that a bigint that arrives as a number would show.
  base: 9_007_199_254_740_993n,
  season: new Season({ name: "Autumn", begins: new Date("2026-09-22T00:00:00Z"), pointsPerWord: 3n }),
});
