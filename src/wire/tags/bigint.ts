/** A bigint, as its decimal digits. @module */
import { LimitError, describe } from "../../errors.ts";
import { digits } from "../digits.ts";
import type { Limits } from "../limits.ts";
import { Malformed, type Tag } from "../tag.ts";

export const bigintTag: Tag<bigint> = {
  name: "bigint",
  layout: "scalar",
  identity: false,
  write(value, { limits }) {
    // Most are small.
    if (BigInt.asIntN(64, value) === value && limits.bigintDigits >= 19) return value.toString();
    // The digits of a huge bigint take long to compute, so its size is bounded first: four bits hold a
    // little more than one digit.
    const bits = BigInt(Math.ceil(Math.min(limits.bigintDigits, 2 ** 28) * 4));
    if ((value < 0n ? -value : value) >> bits > 0n) throw tooLong(limits, limits.bigintDigits + 1);
    const digits = value.toString();
    check(digits, limits);
    return digits;
  },
  read(content, { limits }) {
    // Most are small, and exact as a number.
    if (typeof content === "string" && content.length <= Math.min(15, limits.bigintDigits)) {
      const small = digits(content, 0, content.length);
      if (small > 0 && content[0] !== "0") return BigInt(small);
    }
    if (typeof content !== "string" || !/^(0|-?[1-9][0-9]*)$/.test(content)) {
      throw new Malformed("decimal digits", describe(content));
    }
    check(content, limits);
    return BigInt(content);
  },
};

function check(digits: string, limits: Limits): void {
  const length = digits.startsWith("-") ? digits.length - 1 : digits.length;
  if (length > limits.bigintDigits) throw tooLong(limits, length);
}

function tooLong(limits: Limits, received: number): LimitError {
  return new LimitError("A bigint", "bigintDigits", limits.bigintDigits, received);
}
