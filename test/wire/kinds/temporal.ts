/** Temporal, where the runtime has it. @module */
import { make, needs, platform, refused, same, type Group, type Kind } from "./kind.ts";

const from = (type: string, given: unknown): object =>
  (platform(`Temporal.${type}`) as { from(given: unknown): object }).from(given);

/** One of a type for each text; the row is named after the type and what is special. */
function kind(type: string, special: string, ...texts: unknown[]): Kind {
  return same(
    `${type}${special && `: ${special}`}`,
    () => texts.map((text) => from(type, text)),
    needs("Temporal"),
  );
}

const date = ["2026-11-22", "0000-01-01", "-000001-06-15", "+012345-06-07", "-271821-04-19", "+275760-09-13"];
const wall = [
  "2026-11-22T08:37:00.123456789",
  "-271821-04-19T00:00:00.000000001",
  "+275760-09-13T23:59:59.999999999",
];

export const temporal: Group = {
  group: "Temporal",
  kinds: [
    kind("PlainDate", "", ...date),
    kind(
      "PlainDate",
      "other calendars",
      "2026-11-22[u-ca=hebrew]",
      "2026-11-22[u-ca=japanese]",
      "2026-11-22[u-ca=gregory]",
    ),
    kind("PlainTime", "", "00:00", "08:37:00.000000001", "23:59:59.999999999", "12:30:00.5"),
    kind("PlainDateTime", "", ...wall),
    kind("PlainDateTime", "other calendars", "2026-11-22T01:02[u-ca=islamic-umalqura]"),
    kind(
      "Instant",
      "",
      "2026-11-22T08:37:00.123456789Z",
      "-271821-04-20T00:00Z",
      "+275760-09-13T00:00Z",
      "1970-01-01T00:00Z",
    ),
    kind("ZonedDateTime", "", "2026-11-22T08:37:00.123456789+01:00[Europe/Berlin]", "2026-01-01T00:00Z[UTC]"),
    kind(
      "ZonedDateTime",
      "both sides of a clock put back",
      "2026-10-25T02:30+02:00[Europe/Berlin]",
      "2026-10-25T02:30+01:00[Europe/Berlin]",
    ),
    kind(
      "ZonedDateTime",
      "offsets as zones",
      "2026-11-22T00:00+05:30[+05:30]",
      "2026-11-22T00:00-00:01[-00:01]",
    ),
    kind(
      "ZonedDateTime",
      "offsets with seconds",
      "1800-01-01T00:00[Europe/Berlin]",
      "1900-01-01T00:00[Asia/Kolkata]",
    ),
    kind("ZonedDateTime", "other names of a zone", "2026-01-01T00:00+05:30[Asia/Calcutta]"),
    kind("ZonedDateTime", "other calendars", "2026-11-22T08:37+01:00[Europe/Berlin][u-ca=hebrew]"),
    kind("PlainYearMonth", "", "2026-11", "-000001-01", "+275760-09"),
    kind("PlainYearMonth", "other calendars", { year: 5787, monthCode: "M05L", calendar: "hebrew" }),
    kind("PlainMonthDay", "", "11-22", "02-29"),
    kind("PlainMonthDay", "other calendars", { monthCode: "M05L", day: 20, calendar: "hebrew" }),
    kind("Duration", "", "P1Y2M3W4DT5H6M7.008009010S", "-P1Y2DT3S", "PT0S", "P999999999D", "PT1.5S"),
    kind("Duration", "more than a unit holds", "P14M", "PT90M", "PT100H", { seconds: 3_600 }),
    kind(
      "Duration",
      "milliseconds beyond a second",
      { milliseconds: 1_500 },
      { nanoseconds: -5_000_000_000 },
    ),
    refused(
      "PlainYearMonth: a reference day of its own",
      () => make("Temporal.PlainYearMonth", 2026, 11, "iso8601", 15),
      /./,
      needs("Temporal"),
    ),
    refused(
      "PlainMonthDay: a reference year of its own",
      () => make("Temporal.PlainMonthDay", 11, 22, "iso8601", 1980),
      /./,
      needs("Temporal"),
    ),
    refused(
      "Temporal objects with properties",
      () => Object.assign(from("PlainDate", "2026-11-22"), { label: "x" }),
      /./,
      needs("Temporal"),
    ),
    refused(
      "subclasses of Temporal's",
      () => {
        const Base = platform("Temporal.Instant") as new (ns: bigint) => object;
        return new (class Moment extends Base {})(0n);
      },
      /Moment/,
      needs("Temporal"),
    ),
    refused("`Temporal.Now`", () => platform("Temporal.Now"), /./, needs("Temporal")),
  ],
};
