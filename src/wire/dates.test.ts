import { expect, test } from "vitest";
import { createWire, Foreign } from "./index.ts";

const tag = (text: string): string => `{"__type__":"datetime","__value__":${JSON.stringify(text)}}`;
const [exact, round] = [createWire(), createWire({ dates: "round" })];

test.each([
  ["2026-01-02T03:04:05.678901+00:00", "2026-01-02T03:04:05.678Z"],
  ["2026-01-02T03:04:05.6789+00:00", "2026-01-02T03:04:05.678Z"],
  ["2026-01-02T03:04:05.678999Z", "2026-01-02T03:04:05.678Z"],
  ["2026-01-02T00:04:05+02:00", "2026-01-01T22:04:05.000Z"],
  ["1969-12-31T23:59:59.999999+00:00", "1969-12-31T23:59:59.999Z"],
])('%s is a Date with dates: "round", and kept as it came otherwise', (text, cut) => {
  expect(round.decode(tag(text))).toStrictEqual(new Date(cut));
  expect(exact.decode(tag(text))).toStrictEqual(new Foreign("datetime", text));
  expect(exact.encode(exact.decode(tag(text)))).toBe(tag(text));
  // Wherever it stands: as a key of a Map, twice, in a table's cell of any values.
  const map = `{"__type__":"map","__value__":[[${tag(text)},[${tag(text)}]]]}`;
  expect(round.decode(map)).toStrictEqual(new Map([[new Date(cut), [new Date(cut)]]]));
});

test("a time without an offset is no point in time, and stays as it came", () => {
  const text = "2026-01-02T03:04:05.678901";
  expect(round.decode(tag(text))).toStrictEqual(new Foreign("datetime", text));
});

test("what is a Date without rounding is the same Date with it", () => {
  for (const text of [
    "2026-01-02T03:04:05.678+00:00",
    "2026-01-02T03:04:05Z",
    "-000001-01-01T00:00:00.000+00:00",
  ])
    expect(round.decode(tag(text))).toStrictEqual(exact.decode(tag(text)));
  expect(round.decode('{"__type__":"datetime","__value__":null}')).toStrictEqual(new Date(NaN));
});

test.each(["2026-02-30T00:00:00.000001+00:00", "2026-02-30T00:00:00+02:00", "2026-01-01T25:00:00+02:00"])(
  "%s, which does not exist, is refused, not moved to another day",
  (text) => {
    for (const wire of [exact, round])
      expect(() => wire.decode(tag(text))).toThrow(
        expect.objectContaining({ code: "ERR_TEXT_UNDECODABLE" }) as Error,
      );
  },
);

test.each([
  ["+300000-02-29", true],
  ["+300000-02-30", false],
  ["-300001-02-29", false],
  ["-299996-02-29", true],
  ["+012026-04-31", false],
  ["+299999-13-01", false],
  ["+299999-01-00", false],
])("the calendar has days in years that no Date has: %s: %s", (date, exists) => {
  const make = (): Foreign => new Foreign("datetime", `${date}T00:00:00+00:00`);
  if (exists) expect(make().text).toContain(date);
  else expect(make).toThrow(expect.objectContaining({ code: "ERR_VALUE_INVALID" }) as Error);
});

test("another setting is refused", () => {
  expect(() => createWire({ dates: "floor" as never })).toThrow(
    expect.objectContaining({ code: "ERR_OPTION_INVALID" }) as Error,
  );
});

test("days of a long time are read as the platform reads it, and so is what is changed in one place", () => {
  const wrong: string[] = [];
  for (let day = Date.UTC(1580, 0), at = 0; day < Date.UTC(2420, 0); day += 7 * 86_399_991, at++) {
    const text = new Date(day).toISOString().replace("Z", "+00:00");
    if ((exact.decode(tag(text)) as Date).getTime() !== day) wrong.push(text);
    const changed = text.slice(0, at % 29) + "09:-T.+x/"[at % 9]! + text.slice((at % 29) + 1);
    const date = new Date(changed.replace("+00:00", "Z"));
    const isTime = !Number.isNaN(date.getTime()) && date.toISOString() === changed.replace("+00:00", "Z");
    let read: unknown;
    try {
      read = exact.decode(tag(changed));
    } catch {
      read = undefined;
    }
    if (isTime ? (read as Date).getTime() !== date.getTime() : read instanceof Date) wrong.push(changed);
  }
  expect(wrong).toStrictEqual([]);
});
