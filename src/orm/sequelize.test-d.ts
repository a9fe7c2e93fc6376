import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
  type ModelStatic,
  type Sequelize,
  type Transaction,
} from "sequelize";
import { describe, expectTypeOf, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { Petiole } from "../index.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { type Reference, ref } from "../model/ref.ts";
import { type SequelizeLike, type SequelizeModelLike, type SequelizeRows, sequelize } from "./sequelize.ts";

declare const db: Sequelize;

class Comment extends Model<InferAttributes<Comment>, InferCreationAttributes<Comment>> {
  declare id: CreationOptional<number>;
  declare body: string;
  declare model: string;
  get words(): string[] {
    return this.body.split(" ");
  }
}
class Price extends Model<InferAttributes<Price>, InferCreationAttributes<Price>> {
  declare product: string;
  declare currency: string;
  declare revision: number;
}
const Tag = db.define<Model<{ name: string }, { name: string }>>("Tag", { name: DataTypes.STRING });
const Loose = db.define("Loose", {});

describe("Sequelize's real types", () => {
  test("its instance and its models", () => {
    expectTypeOf<Sequelize>().toExtend<SequelizeLike>();
    expectTypeOf<typeof Comment>().toExtend<SequelizeModelLike>();
    expectTypeOf<ModelStatic<Comment>>().toExtend<SequelizeModelLike>();
    expectTypeOf(Tag).toExtend<SequelizeModelLike>();
    expectTypeOf(Loose).toExtend<SequelizeModelLike>();
    expectTypeOf(db.models["Any"]!).toExtend<SequelizeModelLike>();
    expectTypeOf<Date>().not.toExtend<SequelizeLike>();
    expectTypeOf<typeof Date>().not.toExtend<SequelizeModelLike>();
  });

  test("its transactions are handles", () => {
    expectTypeOf<Transaction>().toExtend<object>();
  });
});

describe("sequelize", () => {
  test("infers the rows of each model: instances of its class", () => {
    const adapter = sequelize(db, { "qa.Comment": Comment, "qa.Tag": Tag, "qa.Loose": Loose });
    expectTypeOf(adapter).toExtend<OrmAdapter>();
    type Rows = NonNullable<(typeof adapter)["rows"]>;
    expectTypeOf<Rows["qa.Comment"]>().toEqualTypeOf<Comment>();
    expectTypeOf<Rows["qa.Tag"]>().toEqualTypeOf<Model<{ name: string }, { name: string }>>();
    expectTypeOf<SequelizeRows<{ "qa.Comment": typeof Comment }>>().toEqualTypeOf<{
      "qa.Comment": Comment;
    }>();
  });

  test("infers them where the key or the version is stated", () => {
    const adapter = sequelize(db, {
      "shop.Price": { model: Price, key: ["product", "currency"], version: "revision" },
      "qa.Comment": { model: Comment, version: "xmin" },
      "qa.Loose": { model: Loose, key: ["anything"] },
    });
    type Rows = NonNullable<(typeof adapter)["rows"]>;
    expectTypeOf<Rows["shop.Price"]>().toEqualTypeOf<Price>();
    expectTypeOf<Rows["qa.Comment"]>().toEqualTypeOf<Comment>();
  });

  test("a reference is to an instance of the class", () => {
    expectTypeOf(ref(Comment, 7)).toEqualTypeOf<Reference<Comment>>();
    expectTypeOf(ref(Comment, new Comment())).toEqualTypeOf<Reference<Comment>>();
    expectTypeOf(ref(Price, { product: "a", currency: "EUR" })).toEqualTypeOf<Reference<Price>>();
  });

  test("refuses what is no attribute, no model, no Sequelize", () => {
    // @ts-expect-error `nope` is no attribute
    sequelize(db, { "shop.Price": { model: Price, key: ["nope"] } });
    // @ts-expect-error `nope` is no attribute either
    sequelize(db, { "qa.Comment": { model: Comment, version: "nope" } });
    // @ts-expect-error no model
    sequelize(db, { "qa.Comment": Date });
    // @ts-expect-error an instance
    sequelize(db, { "qa.Comment": new Comment() });
    // @ts-expect-error no Sequelize
    sequelize({}, { "qa.Comment": Comment });
    // @ts-expect-error the connection's name is a text
    sequelize(db, {}, { connection: 7 });
  });
});

describe("an app with Sequelize's models", () => {
  const app = new Petiole({
    engine: memory(),
    models: [sequelize(db, { "qa.Comment": Comment, "qa.Tag": Tag })],
  });
  const index = app.task<{ post: Comment }, void>("posts.index");

  test("a task that takes a row is sent a reference", () => {
    expectTypeOf(index.enqueue).toBeCallableWith({ post: ref(Comment, 7) });
    expectTypeOf(app.ref("qa.Comment", 7)).toEqualTypeOf<Reference<Comment>>();
    // @ts-expect-error a row of another model
    void index.enqueue({ post: ref(Price, { product: "a", currency: "EUR" }) });
  });
});
