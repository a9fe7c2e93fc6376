import mongooseModule, {
  type ClientSession,
  type Connection,
  type HydratedDocument,
  type InferSchemaType,
  type Model,
  Schema,
  type Types,
} from "mongoose";
import { describe, expectTypeOf, test } from "vitest";
import type { OrmAdapter } from "../model/adapter.ts";
import { type Reference, ref } from "../model/ref.ts";
import {
  type MongooseConnectionLike,
  type MongooseModelLike,
  type MongooseModuleLike,
  mongoose,
} from "./mongoose.ts";

const commentSchema = new Schema({ body: { type: String, required: true }, author: Schema.Types.ObjectId });
const priceSchema = new Schema(
  { product: String, currency: String, amount: Number },
  { methods: { doubled: () => 2 }, timestamps: true },
);

interface Person {
  name: string;
}
interface PersonMethods {
  greet(): string;
}

declare const connection: Connection;
const Comment = connection.model("Comment", commentSchema);
const Price = connection.model("Price", priceSchema);
declare const PersonModel: Model<Person, object, PersonMethods>;
const Dog = Comment.discriminator("Dog", new Schema({ barks: Boolean }));

describe("Mongoose's real types", () => {
  test("its connections, its module and its models", () => {
    expectTypeOf<Connection>().toExtend<MongooseConnectionLike>();
    expectTypeOf<typeof mongooseModule>().toExtend<MongooseModuleLike>();
    expectTypeOf(Comment).toExtend<MongooseModelLike>();
    expectTypeOf(Price).toExtend<MongooseModelLike>();
    expectTypeOf(PersonModel).toExtend<MongooseModelLike>();
    expectTypeOf(Dog).toExtend<MongooseModelLike>();
  });

  test("what is used of them at run time", () => {
    expectTypeOf<Connection["transaction"]>().toBeFunction();
    expectTypeOf<Connection["models"]>().toBeObject();
    expectTypeOf<ClientSession["withTransaction"]>().toBeFunction();
    expectTypeOf<ClientSession["inTransaction"]>().returns.toEqualTypeOf<boolean>();
    expectTypeOf(Comment.schema.paths).toBeObject();
    expectTypeOf(Comment.schema.virtualpath).toBeFunction();
    expectTypeOf(Comment.collection.updateOne).toBeFunction();
    expectTypeOf<InstanceType<typeof Comment>["save"]>().toBeFunction();
  });
});

describe("mongoose", () => {
  test("infers the documents of each model", () => {
    const adapter = mongoose(connection, { "qa.Comment": Comment, "x.Person": PersonModel });
    expectTypeOf(adapter).toExtend<OrmAdapter>();
    type Rows = NonNullable<(typeof adapter)["rows"]>;
    expectTypeOf<Rows["qa.Comment"]>().toEqualTypeOf<InstanceType<typeof Comment>>();
    expectTypeOf<Rows["qa.Comment"]["body"]>().toEqualTypeOf<string>();
    expectTypeOf<Rows["qa.Comment"]["_id"]>().toEqualTypeOf<Types.ObjectId>();
    expectTypeOf<Rows["x.Person"]>().toExtend<HydratedDocument<Person, PersonMethods>>();
    expectTypeOf<Rows["x.Person"]["greet"]>().toEqualTypeOf<() => string>();
  });

  test("infers them where the key is stated", () => {
    const adapter = mongoose(connection, {
      "shop.Price": { model: Price, key: ["product", "currency"], version: "updatedAt", fields: ["amount"] },
    });
    type Rows = NonNullable<(typeof adapter)["rows"]>;
    expectTypeOf<Rows["shop.Price"]>().toEqualTypeOf<InstanceType<typeof Price>>();
    expectTypeOf<Rows["shop.Price"]["doubled"]>().toBeFunction();
  });

  test("takes the module, and models that were gathered before", () => {
    const gathered: Record<string, MongooseModelLike> = {};
    expectTypeOf(mongoose(mongooseModule, gathered)).toEqualTypeOf<
      OrmAdapter<Record<string, object>, object>
    >();
  });

  test("refuses a stated key that is not the model's, and what is no model or connection", () => {
    // @ts-expect-error `nope` is not in the schema
    mongoose(connection, { "shop.Price": { model: Price, key: ["nope"] } });
    // @ts-expect-error `nope` is not in the schema
    mongoose(connection, { "shop.Price": { model: Price, version: "nope" } });
    // @ts-expect-error not a model
    mongoose(connection, { "shop.Price": priceSchema });
    // @ts-expect-error not a connection
    mongoose({}, { "qa.Comment": Comment });
  });
});

describe("ref", () => {
  test("takes documents, lean rows and keys", () => {
    type Document = InstanceType<typeof Comment>;
    const document = {} as Document;
    expectTypeOf(ref(Comment, document)).toEqualTypeOf<Reference<Document>>();
    expectTypeOf(ref(Comment, "65a000000000000000000001")).toEqualTypeOf<Reference<Document>>();
    const lean = {} as InferSchemaType<typeof commentSchema> & { _id: Types.ObjectId };
    expectTypeOf(ref(Comment, lean)).toEqualTypeOf<Reference<Document>>();
    const found = {} as NonNullable<Awaited<ReturnType<typeof findLean>>>;
    expectTypeOf(ref(Comment, found)).toEqualTypeOf<Reference<Document>>();
  });
});

function findLean() {
  return Comment.findOne().lean().exec();
}
