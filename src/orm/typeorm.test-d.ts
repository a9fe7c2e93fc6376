import {
  type DataSource,
  type EntityManager,
  type EntityMetadata,
  EntitySchema,
  type QueryRunner,
  type SelectQueryBuilder,
} from "typeorm";
import type { Driver } from "typeorm/driver/Driver.js";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import type { RelationMetadata } from "typeorm/metadata/RelationMetadata.js";
import { describe, expectTypeOf, test } from "vitest";
import type { OrmAdapter } from "../model/adapter.ts";
import { type Reference, ref } from "../model/ref.ts";
import type { TransactionOf } from "../task/transaction-of.ts";
import type * as like from "./typeorm/like.ts";
import {
  type TypeormClassLike,
  type TypeormDataSourceLike,
  type TypeormSchemaLike,
  plainEntity,
  typeorm,
} from "./typeorm.ts";

class Comment {
  static entity = "a static property of the same name";
  declare id: number;
  declare body: string;
}
class Author {
  declare id: string;

  constructor(id: string, _name: string) {
    this.id = id;
  }
}
interface Tag {
  name: string;
  uses: bigint;
}
const TagSchema = new EntitySchema<Tag>({
  name: "Tag",
  columns: { name: { type: "text", primary: true }, uses: { type: "bigint" } },
});

declare const dataSource: DataSource;

describe("TypeORM's real types", () => {
  test("a DataSource and its handles", () => {
    expectTypeOf<DataSource>().toExtend<TypeormDataSourceLike>();
    expectTypeOf<EntityManager>().toExtend<like.EntityManagerLike>();
    expectTypeOf<QueryRunner>().toExtend<like.QueryRunnerLike>();
    expectTypeOf<Driver>().toExtend<like.DriverLike>();
  });

  test("its entities and their metadata", () => {
    expectTypeOf<typeof Comment>().toExtend<TypeormClassLike>();
    expectTypeOf<typeof Author>().toExtend<TypeormClassLike>();
    expectTypeOf<EntitySchema<Tag>>().toExtend<TypeormSchemaLike>();
    expectTypeOf<EntityMetadata>().toExtend<like.EntityMetadataLike>();
    expectTypeOf<ColumnMetadata>().toExtend<like.ColumnMetadataLike>();
    expectTypeOf<RelationMetadata>().toExtend<like.RelationMetadataLike>();
    expectTypeOf<SelectQueryBuilder<Comment>>().toExtend<like.SelectLike>();
  });
});

describe("typeorm", () => {
  test("infers the rows of each model", () => {
    const adapter = typeorm(dataSource, {
      "qa.Comment": Comment,
      "qa.Author": { entity: Author, key: ["id"] },
      "qa.Tag": plainEntity<Tag>(TagSchema),
    });
    expectTypeOf(adapter).toEqualTypeOf<
      OrmAdapter<{ "qa.Comment": Comment; "qa.Author": Author; "qa.Tag": Tag }, Comment | Author>
    >();
    expectTypeOf(adapter).toExtend<OrmAdapter>();
  });

  test("rows of a schema that says no type are objects", () => {
    const adapter = typeorm(dataSource, { "qa.Tag": TagSchema, "qa.Other": { entity: TagSchema } });
    expectTypeOf(adapter).toEqualTypeOf<OrmAdapter<{ "qa.Tag": object; "qa.Other": object }, never>>();
  });

  test("gives the entity manager of a transaction", () => {
    expectTypeOf<TransactionOf<DataSource>>().toEqualTypeOf<EntityManager>();
    expectTypeOf<TransactionOf<EntityManager>>().toEqualTypeOf<EntityManager>();
  });

  test("references have the row's type", () => {
    expectTypeOf(ref(Comment, 7)).toEqualTypeOf<Reference<Comment>>();
    expectTypeOf(ref(plainEntity<Tag>(TagSchema), { name: "a" })).toEqualTypeOf<Reference<Tag>>();
  });

  test("refuses what is no DataSource and no entity", () => {
    // @ts-expect-error not a DataSource
    typeorm({}, { "qa.Comment": Comment });
    // @ts-expect-error not an entity
    typeorm(dataSource, { "qa.Comment": new Date() });
    // @ts-expect-error a key is a list
    typeorm(dataSource, { "qa.Comment": { entity: Comment, key: "id" } });
  });
});
