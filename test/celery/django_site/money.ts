/** A value class, as qa/money.py has it. */
import { Value } from "petiole";

export class Money extends Value("shop.Money", { amount: BigInt, currency: String }) {
  plus(other: Money): Money {
    if (other.currency !== this.currency) throw new RangeError("another currency");
    return this.with({ amount: this.amount + other.amount });
  }
}
