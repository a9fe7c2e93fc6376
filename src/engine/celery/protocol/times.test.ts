import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPythonTime, parseTime, toTime } from "./times.ts";

const at = (text: string): number => Date.parse(text);

describe("reads", () => {
  test.each([
    ["2026-11-22T08:37:00.123+00:00", at("2026-11-22T08:37:00.123Z")],
    ["2026-11-22T08:37:00Z", at("2026-11-22T08:37:00Z")],
    ["2026-11-22T08:37:00.5z", at("2026-11-22T08:37:00.500Z")],
    ["2026-07-02T00:00:00+02:00", at("2026-07-01T22:00:00Z")],
    ["2026-07-02 00:00-0130", at("2026-07-02T01:30:00Z")],
    ["2026-07-02T00:00:00+05:53:28", at("2026-07-01T18:06:32Z")],
    // Without an offset: in UTC.
    ["2026-07-02", at("2026-07-02T00:00:00Z")],
    ["2026-07-02T01:02:03", at("2026-07-02T01:02:03Z")],
    ["0001-01-01T00:00:00+00:00", -62_135_596_800_000],
    ["9999-12-31T23:59:59.999999+00:00", 253_402_300_800_000],
    ["2024-02-29T12:00:00+00:00", at("2024-02-29T12:00:00Z")],
  ])("%s", (text, expected) => {
    expect(parseTime(text)).toBeCloseTo(expected, 2);
  });

  test("microseconds, as a fraction", () => {
    expect(parseTime("2026-07-02T01:02:03.456789+00:00")).toBeCloseTo(
      at("2026-07-02T01:02:03.456Z") + 0.789,
      3,
    );
  });

  test.each([
    "",
    "soon",
    "2026",
    "2026-13-01T00:00:00",
    "2026-02-30T00:00:00+00:00",
    "2025-02-29",
    "2026-01-01T24:00:00",
    "2026-01-01T00:60:00",
    "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+00:60",
    "0000-01-01T00:00:00Z",
    "+12026-01-01T00:00:00Z",
    "2026-01-01T00:00:00Zx",
    "2026-01-01T",
    `2026-01-01T00:00:00.${"0".repeat(100_000)}`,
  ])("%s is none", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });
});

test("writes times that all versions of Python read, and reads them back", () => {
  expect(toTime(Date.parse("2026-11-22T08:37:00.123Z"))).toBe("2026-11-22T08:37:00.123+00:00");
  expect(toTime(0.2)).toBe("1970-01-01T00:00:00.001+00:00");
  const times = fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 });
  fc.assert(
    fc.property(times, (time) => {
      expect(isPythonTime(time)).toBe(true);
      expect(parseTime(toTime(time))).toBe(time);
    }),
  );
});

test.each([253_402_300_800_000, -62_135_596_800_001, Number.NaN, Infinity, 1e300])(
  "Python has no %d",
  (time) => {
    expect(isPythonTime(time)).toBe(false);
  },
);
