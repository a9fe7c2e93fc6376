/** Business objects that have no row: site/qa/values.py is the same in Python. */
import { Value } from "petiole";

export class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {
  times(count: number): Money {
    return this.with({ amount: this.amount * BigInt(count) });
  }

  override toString(): string {
    const millionths = String(this.amount % 1_000_000n).padStart(6, "0");
    return `${this.amount / 1_000_000n}.${millionths} ${this.currency}`;
  }
}
