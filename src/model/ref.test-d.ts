import { pgTable, uuid } from "drizzle-orm/pg-core";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { describe, expectTypeOf, test } from "vitest";
import { type Reference, type RowOf, ref } from "./ref.ts";

const comments = sqliteTable("comments", {
  id: integer().primaryKey(),
  body: text().notNull(),
  note: text(),
});
const accounts = pgTable("accounts", { id: uuid().primaryKey() });

class User {
  declare id: number;
  declare email: string;
  greet() {
    return `Dear ${this.email}`;
  }
}
abstract class Abstract {
  declare id: number;
  protected constructor(_first: string, _second: number) {}
}

// Types alone: nothing in this file runs.
describe("RowOf", () => {
  test("a Drizzle table's row", () => {
    expectTypeOf<RowOf<typeof comments>>().toEqualTypeOf<{ id: number; body: string; note: string | null }>();
    expectTypeOf<RowOf<typeof accounts>>().toEqualTypeOf<{ id: string }>();
  });

  test("a class's instance", () => {
    expectTypeOf<RowOf<typeof User>>().toEqualTypeOf<User>();
    expectTypeOf<RowOf<abstract new (first: string, second: number) => Abstract>>().toEqualTypeOf<Abstract>();
  });

  test("anything else's", () => {
    expectTypeOf<RowOf<{ readonly name: string }>>().toEqualTypeOf<object>();
  });
});

describe("ref", () => {
  test("is a reference to the target's row", () => {
    expectTypeOf(ref(comments, 7)).toEqualTypeOf<Reference<typeof comments.$inferSelect>>();
    expectTypeOf(ref(comments, { id: 7 })).toEqualTypeOf<Reference<typeof comments.$inferSelect>>();
    expectTypeOf(ref(User, 7n)).toEqualTypeOf<Reference<User>>();
    expectTypeOf(ref(User, new User())).toEqualTypeOf<Reference<User>>();
  });

  test("takes a row, or a part of it", () => {
    const row: typeof comments.$inferSelect = { id: 7, body: "", note: null };
    ref(comments, row);
    // What a join gives has more than the row.
    const joined = { ...row, author: "Ann" };
    ref(comments, joined);
    ref(accounts, { id: "0e37df36-f698-11e6-8dd4-cb9ced3df976" });
  });

  test("refuses what is neither a row nor a key", () => {
    // @ts-expect-error an attribute of another type
    ref(comments, { id: "7" });
    // @ts-expect-error an attribute that the row does not have
    ref(comments, { slug: "x" });
    // @ts-expect-error null
    ref(comments, null);
    // @ts-expect-error undefined
    ref(comments, undefined);
    // @ts-expect-error a Date
    ref(comments, new Date());
    // @ts-expect-error a name instead of a table
    ref("qa.Comment", 7);
  });

  test("rows of different models are different references", () => {
    expectTypeOf(ref(User, 7)).not.toExtend<Reference<typeof comments.$inferSelect>>();
  });
});
