import * as pg from "drizzle-orm/pg-core";
import { describe, expect, test } from "vitest";
import { openPostgres } from "../../../test/orm/drizzle.ts";
import { describePostgres } from "../../../test/services/describe-postgres.ts";
import type { KeyPart } from "../../model/ref.ts";
import { drizzle } from "../drizzle.ts";
import { columnsOf } from "./table.ts";
import { impossible } from "../../model/key-part.ts";
import { bindable } from "./key-value.ts";

const color = pg.pgEnum("color", ["red", "blue"]);
/** For each type of PostgreSQL: a key, and those that no row can have, most of which the server would refuse. */
const types = [
  ["smallint", pg.smallint(), 7, [40_000, "7.5"]],
  ["integer", pg.integer(), 7, [2 ** 31, "abc", "", " 7", "0x7", "7; --"]],
  ["bigint", pg.bigint({ mode: "bigint" }), 2n ** 62n, [2n ** 63n, "abc", "1e3"]],
  ["numeric", pg.numeric(), "12345678901234567890.5", ["abc", "", "1,5", "--1"]],
  ["uuid", pg.uuid(), "9b2f7c1e-8c5a-4a57-9a0e-0b1d2c3e4f50", ["9b2f7c1e", "", 7]],
  ["color", color("key"), "red", ["green", ""]],
  [
    "date",
    pg.date({ mode: "string" }),
    "2024-02-29",
    ["2023-02-29", "2024-02-31", "2024-13-01", "today!", "9999999-1-1"],
  ],
  ["time", pg.time(), "23:59:59", ["24:61", "noon-ish", "7"]],
  [
    "timestamp",
    pg.timestamp({ mode: "string" }),
    "2024-02-29 01:02:03.456",
    ["2024-02-30 01:02:03", "2024-02-29 25:00", "soon"],
  ],
  ["text", pg.text(), "7", ["nul \0", "half \uD800"]],
  ["varchar(3)", pg.varchar({ length: 3 }), "abc", ["nul \0"]],
] as const satisfies readonly (readonly [string, pg.PgColumnBuilderBase, KeyPart, readonly KeyPart[]])[];

describePostgres("keys of PostgreSQL's types", (createDatabase) => {
  test.each(types)("%s", async (type, column, key, impossible) => {
    const { db, close } = await openPostgres(await createDatabase());
    try {
      if (type === "color") await db.execute("create type color as enum ('red', 'blue')");
      await db.execute(`create table rows (key ${type} primary key)`);
      const rows = pg.pgTable("rows", { key: (column as ReturnType<typeof pg.text>).primaryKey() });
      await db.insert(rows).values({ key: key as never });
      const adapter = drizzle(db, { "x.Row": rows });
      expect(await adapter.load("x.Row", [key, ...impossible])).toEqual(await db.select().from(rows));
      expect(await adapter.load("x.Row", impossible)).toEqual([]);
    } finally {
      await close();
    }
  });
});

describe("a key's value", () => {
  const { id, day } =
    columnsOf(pg.pgTable("t", { id: pg.integer(), day: pg.date({ mode: "string" }) })) ?? {};

  test("is of the column's kind", () => {
    expect(bindable(id!, "7")).toBe(7);
    expect(bindable(id!, 7n)).toBe(7);
    expect(bindable(day!, "2000-02-29")).toBe("2000-02-29");
  });

  test("is none where it cannot be", () => {
    for (const part of [undefined, "", "1.5", 2n ** 31n]) expect(bindable(id!, part)).toBe(impossible);
    for (const part of ["1900-02-29", "2024-04-31"]) expect(bindable(day!, part)).toBe(impossible);
  });
});
