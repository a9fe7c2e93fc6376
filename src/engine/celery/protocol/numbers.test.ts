import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fromWireNumbers, toWireNumbers } from "./numbers.ts";

const bigint = (digits: string): string => `{"__type__":"bigint","__value__":"${digits}"}`;
const number = (value: string): string => `{"__type__":"number","__value__":"${value}"}`;
const digits = "9".repeat(5000);

test.each([
  ["NaN", number("NaN")],
  ["[Infinity, -Infinity]", `[${number("Infinity")}, ${number("-Infinity")}]`],
  ["9007199254740991", "9007199254740991"],
  ["-9007199254740991", "-9007199254740991"],
  ["9007199254740992", bigint("9007199254740992")],
  ["-9007199254740993", bigint("-9007199254740993")],
  ["1000000000000000000", bigint("1000000000000000000")],
  [`{"a" : [${digits}]}`, `{"a" : [${bigint(digits)}]}`],
  [`-${digits}`, bigint(`-${digits}`)],
  ["1e400", number("Infinity")],
  ["[-1E+400,1e-400]", `[${number("-Infinity")},1e-400]`],
  [`${digits}.5`, number("Infinity")],
  ["9007199254740994.0", "9007199254740994"],
  ["9007199254740993.0", "9007199254740993.0"],
  ["1e+18", "1e+18"],
  ["1.0", "1.0"],
  ["-0.0", "-0.0"],
  ["0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"],
  ['"NaN 12345678901234567890 1e400"', '"NaN 12345678901234567890 1e400"'],
  ['{"NaN":1,"12345678901234567890":2}', '{"NaN":1,"12345678901234567890":2}'],
])("Python's %s on the wire", (python, wire) => {
  expect(toWireNumbers(python, "body")).toBe(wire);
});

test.each([
  ["9007199254740991", "9007199254740991"],
  ["9007199254740992", "9007199254740992.0"],
  ["[-9223372036854776000,1]", "[-9223372036854776000.0,1]"],
  ["1e+21", "1e+21"],
  ["0.1234567890123456789", "0.1234567890123456789"],
  ['"12345678901234567890"', '"12345678901234567890"'],
])("the wire's %s in Python", (wire, python) => {
  expect(fromWireNumbers(wire, "payload")).toBe(python);
});

test("what JavaScript writes comes back byte for byte", () => {
  const large = fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }).map(Number);
  const leaf = fc.oneof(
    large,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string(),
    fc.constant(null),
  );
  const values = fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.string(), fc.array(leaf)));
  fc.assert(
    fc.property(values, (value) => {
      const text = JSON.stringify(value);
      expect(toWireNumbers(fromWireNumbers(text, "payload"), "body")).toBe(text);
    }),
    { numRuns: 2000 },
  );
});
