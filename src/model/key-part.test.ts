import { expect, test } from "vitest";
import { impossible, integerIn, isIntegerOf, numberIn } from "./key-part.ts";

test.each([
  [32, 7, 7],
  [32, "7", 7],
  [32, 7n, 7],
  [32, 2 ** 31 - 1, 2 ** 31 - 1],
  [32, -(2 ** 31), -(2 ** 31)],
  [32, 2 ** 31, impossible],
  [64, "9007199254740993", 9007199254740993n],
  [64, -(2n ** 63n), -(2n ** 63n)],
  [64, 2n ** 63n, impossible],
  [64, "abc", impossible],
  [64, 1.5, impossible],
  [64, "", impossible],
])("a column of %s bits has %s as %s", (bits, part, expected) => {
  expect(numberIn(bits, part)).toBe(expected);
  expect(integerIn(bits, part)).toBe(expected === impossible ? impossible : BigInt(expected as number));
  // The quick look is right where it says yes.
  if (isIntegerOf(bits, part)) expect(expected).toBe(part);
});
