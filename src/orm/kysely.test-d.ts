import {
  type ColumnType,
  CompiledQuery,
  type ControlledTransaction,
  type Generated,
  type GeneratedAlways,
  type JSONColumnType,
  type Kysely,
  type Selectable,
  type Transaction,
} from "kysely";
import { describe, expectTypeOf, test } from "vitest";
import type { OrmAdapter } from "../model/adapter.ts";
import { type Reference, ref } from "../model/ref.ts";
import { snapshot } from "../model/snapshot.ts";
import { Petiole } from "../task/petiole.ts";
import type { Engine } from "../engine.ts";
import type { rawQuery } from "./kysely/database.ts";
import {
  type KyselyAdapter,
  type KyselyDatabaseLike,
  type KyselyModels,
  type KyselyTarget,
  kysely,
} from "./kysely.ts";

interface Comments {
  id: Generated<number>;
  body: string;
  data: JSONColumnType<{ tags: string[] }> | null;
  at: ColumnType<Date, string | undefined, never>;
  secret: ColumnType<never, string, string>;
}
interface Prices {
  product: string;
  currency: "EUR" | "USD";
  amount: GeneratedAlways<bigint>;
}
interface Database {
  comments: Comments;
  "shop.prices": Prices;
  /** The same columns as those of another. */
  old_prices: Prices;
}

declare const db: Kysely<Database>;
declare const engine: Engine;

const adapter = kysely(db, {
  "qa.Comment": { table: "comments", key: ["id"], columns: ["id", "body"], version: "at" },
  "shop.Price": { table: "shop.prices", key: ["product", "currency"], version: "xmin" },
});

describe("Kysely's real types", () => {
  test("its instances and their transactions", () => {
    expectTypeOf<Kysely<Database>>().toExtend<KyselyDatabaseLike>();
    expectTypeOf<Transaction<Database>>().toExtend<KyselyDatabaseLike>();
    expectTypeOf<ControlledTransaction<Database, ["a"]>>().toExtend<KyselyDatabaseLike>();
    expectTypeOf<Kysely<Record<string, Record<string, unknown>>>>().toExtend<KyselyDatabaseLike>();
  });

  test("its queries of SQL", () => {
    expectTypeOf(CompiledQuery.raw("select 1")).toExtend<ReturnType<typeof rawQuery>>();
  });
});

describe("kysely", () => {
  test("infers the rows of each model", () => {
    expectTypeOf(adapter).toEqualTypeOf<
      KyselyAdapter<{ "qa.Comment": Selectable<Comments>; "shop.Price": Selectable<Prices> }>
    >();
    expectTypeOf(adapter).toExtend<OrmAdapter>();
    expectTypeOf<Selectable<Comments>>().toEqualTypeOf<{
      id: number;
      body: string;
      data: { tags: string[] } | null;
      at: Date;
    }>();
  });

  test("gives targets that know their rows", () => {
    const Comment = adapter.target("qa.Comment");
    expectTypeOf(Comment).toEqualTypeOf<KyselyTarget<Selectable<Comments>>>();
    expectTypeOf(ref(Comment, 7)).toEqualTypeOf<Reference<Selectable<Comments>>>();
    ref(Comment, { id: 7 });
    expectTypeOf(snapshot(Comment, { id: 7 }).fields.at).toEqualTypeOf<Date>();
    // @ts-expect-error `id` is a number
    ref(Comment, { id: new Date() });
    // @ts-expect-error no such model
    adapter.target("qa.Nope");
  });

  test("gives an app its models", () => {
    const app = new Petiole({ engine, models: [adapter] });
    expectTypeOf(app.ref("qa.Comment", 7)).toEqualTypeOf<Reference<Selectable<Comments>>>();
    // @ts-expect-error no such model
    app.ref("qa.Nope", 7);
  });

  test("takes models that were gathered before, and instances without a database's type", () => {
    const gathered: Record<string, KyselyModels<Kysely<Database>>[string]> = {};
    expectTypeOf(kysely(db, gathered)).toExtend<OrmAdapter>();
    // oxlint-disable-next-line typescript/no-explicit-any -- what apps without generated types have
    const untyped = kysely({} as Kysely<any>, { "qa.Comment": { table: "comments", key: ["id"] } });
    expectTypeOf(untyped).toEqualTypeOf<KyselyAdapter<{ "qa.Comment": Record<string, unknown> }>>();
  });

  test("refuses tables and columns that the database does not have", () => {
    // @ts-expect-error no such table
    kysely(db, { "qa.Comment": { table: "nope", key: ["id"] } });
    // @ts-expect-error not a column
    kysely(db, { "qa.Comment": { table: "comments", key: ["nope"] } });
    // @ts-expect-error another table's column
    kysely(db, { "qa.Comment": { table: "comments", key: ["product"] } });
    // @ts-expect-error no select gives it
    kysely(db, { "qa.Comment": { table: "comments", key: ["secret"] } });
    // @ts-expect-error not a column
    kysely(db, { "qa.Comment": { table: "comments", key: ["id"], columns: ["nope"] } });
    // @ts-expect-error not a column
    kysely(db, { "qa.Comment": { table: "comments", key: ["id"], version: "nope" } });
    // @ts-expect-error without a key
    kysely(db, { "qa.Comment": { table: "comments" } });
    // @ts-expect-error not a Kysely instance
    kysely({}, {});
  });
});
