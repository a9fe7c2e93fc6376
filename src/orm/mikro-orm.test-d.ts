import type {
  EntityManager as CoreManager,
  EntityMetadata,
  MikroORM as CoreOrm,
  Reference,
} from "@mikro-orm/core";
import type { EntityManager as PostgresManager, MikroORM as PostgresOrm } from "@mikro-orm/postgresql";
import {
  type EntityManager as SqliteManager,
  type Ref,
  EntitySchema,
  type MikroORM as SqliteOrm,
  defineEntity,
  p,
} from "@mikro-orm/sqlite";
import { describe, expectTypeOf, test } from "vitest";
import type { OrmAdapter } from "../model/adapter.ts";
import { type Reference as PetioleReference, ref } from "../model/ref.ts";
import {
  type MikroOrmEntityLike,
  type MikroOrmLike,
  type MikroOrmManagerLike,
  mikroOrm,
} from "./mikro-orm.ts";
import type {
  ConfigurationLike,
  ConnectionLike,
  DriverLike,
  ManagerLike,
  MetadataLike,
  PropertyLike,
} from "./mikro-orm/types.ts";

class Author {
  id!: number;
  name!: string;
}
class Comment {
  id!: number;
  body!: string;
  author!: Ref<Author>;

  words(): number {
    return this.body.split(" ").length;
  }
}
abstract class Shape {
  id!: string;
}

const AuthorSchema = defineEntity({
  class: Author,
  properties: { id: p.integer().primary(), name: p.text() },
});
const PlainSchema = defineEntity({
  name: "Plain",
  properties: { id: p.integer().primary(), body: p.text().nullable() },
});
const ClassicSchema = new EntitySchema<Author>({
  class: Author,
  properties: { id: { type: "number", primary: true }, name: { type: "string" } },
});

declare const sqlite: SqliteOrm;

describe("MikroORM's real types", () => {
  test("its ORMs and entity managers", () => {
    expectTypeOf<CoreOrm>().toExtend<MikroOrmLike>();
    expectTypeOf<SqliteOrm>().toExtend<MikroOrmLike>();
    expectTypeOf<PostgresOrm>().toExtend<MikroOrmLike>();
    expectTypeOf<CoreManager>().toExtend<MikroOrmManagerLike>();
    expectTypeOf<SqliteManager>().toExtend<MikroOrmManagerLike>();
    expectTypeOf<PostgresManager>().toExtend<MikroOrmManagerLike>();
  });

  test("its entities", () => {
    expectTypeOf<typeof Comment>().toExtend<MikroOrmEntityLike>();
    expectTypeOf<typeof Shape>().toExtend<MikroOrmEntityLike>();
    expectTypeOf(AuthorSchema).toExtend<MikroOrmEntityLike>();
    expectTypeOf(PlainSchema).toExtend<MikroOrmEntityLike>();
    expectTypeOf(ClassicSchema).toExtend<MikroOrmEntityLike>();
  });

  test("what is read of them", () => {
    type Manager = SqliteManager;
    type Metadata = EntityMetadata<Author>;
    expectTypeOf<keyof ManagerLike>().toExtend<keyof Manager>();
    expectTypeOf<keyof DriverLike>().toExtend<keyof ReturnType<Manager["getDriver"]>>();
    expectTypeOf<keyof ConnectionLike>().toExtend<keyof ReturnType<Manager["getConnection"]>>();
    expectTypeOf<Parameters<ConfigurationLike["get"]>[0]>().toExtend<
      Parameters<Manager["config"]["get"]>[0]
    >();
    expectTypeOf<keyof MetadataLike>().toExtend<keyof Metadata>();
    expectTypeOf<keyof PropertyLike>().toExtend<keyof Metadata["props"][number]>();
    expectTypeOf<
      Pick<Metadata, "primaryKeys" | "versionProperty" | "tableName" | "inheritanceType">
    >().toExtend<{
      readonly primaryKeys: MetadataLike["primaryKeys"];
      readonly versionProperty?: MetadataLike["versionProperty"];
      readonly tableName: MetadataLike["tableName"];
      readonly inheritanceType?: MetadataLike["inheritanceType"];
    }>();
    expectTypeOf<"unwrap">().toExtend<keyof Reference<Author>>();
  });
});

describe("mikroOrm", () => {
  test("infers the rows of each model", () => {
    const adapter = mikroOrm(sqlite, {
      "qa.Comment": Comment,
      "qa.Author": AuthorSchema,
      "qa.Shape": { entity: Shape, key: ["id"] },
    });
    expectTypeOf(adapter).toEqualTypeOf<
      OrmAdapter<{ "qa.Comment": Comment; "qa.Author": Author; "qa.Shape": Shape }, Comment | Author | Shape>
    >();
    expectTypeOf(adapter).toExtend<OrmAdapter>();
    expectTypeOf(mikroOrm(sqlite.em, { "qa.Plain": PlainSchema }).rows)
      .exclude<undefined>()
      .toExtend<{
        "qa.Plain": { id: number };
      }>();
  });

  test("takes models that were gathered before", () => {
    const gathered: Record<string, MikroOrmEntityLike> = {};
    expectTypeOf(mikroOrm(sqlite, gathered)).toExtend<OrmAdapter>();
  });

  test("a reference is to an instance", () => {
    expectTypeOf(ref(Comment, 7)).toEqualTypeOf<PetioleReference<Comment>>();
  });

  test("refuses settings that are not the entity's, and what is no entity", () => {
    // @ts-expect-error `nope` is no property
    mikroOrm(sqlite, { "qa.Comment": { entity: Comment, key: ["nope"] } });
    // @ts-expect-error `nope` is no property
    mikroOrm(sqlite, { "qa.Comment": { entity: Comment, version: "nope" } });
    mikroOrm(sqlite, { "qa.Comment": { entity: Comment, version: "xmin" } });
    // @ts-expect-error no entity
    mikroOrm(sqlite, { "qa.Comment": new Date() });
    // @ts-expect-error no ORM
    mikroOrm({}, { "qa.Comment": Comment });
  });
});
