import { MikroORM, defineEntity, p } from "@mikro-orm/sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { Comment, Membership, Post, Tag, openSqlite, targets } from "../../../test/orm/mikro-orm.ts";
import { Reference, ref } from "../../model/ref.ts";
import { type MikroOrmEntityLike, mikroOrm } from "../mikro-orm.ts";

class Price {
  product!: string;
  currency!: string;
  amount!: number;
  at!: Date;
}
class Keyless {
  name!: string;
}
class Address {
  street!: string;
}
class Line {
  price!: Price;
  note!: string;
}
class Other {
  id!: number;
}
/** Another class of the same name. */
const namesake = {
  Price: class Price {
    product!: string;
  },
}.Price;

const PlainSchema = defineEntity({
  name: "Plain",
  tableName: "plain",
  properties: { id: p.integer().primary(), body: p.text() },
});
const KeylessSchema = defineEntity({
  class: Keyless,
  expression: "select 1",
  properties: { name: p.text() },
});
const LineSchema = defineEntity({
  class: Line,
  tableName: "lines",
  properties: { price: () => p.manyToOne(Price).primary(), note: p.text() },
});
const PriceSchema = defineEntity({
  class: Price,
  tableName: "prices",
  schema: "shop",
  properties: {
    product: p.text().primary().fieldName("product_id"),
    currency: p.text().primary(),
    amount: p.integer(),
    at: p.datetime(),
  },
});
const AddressSchema = defineEntity({ class: Address, embeddable: true, properties: { street: p.text() } });
const orm = new MikroORM({
  entities: [PlainSchema, KeylessSchema, PriceSchema, LineSchema, AddressSchema],
  dbName: ":memory:",
});
afterAll(() => orm.close(true));

describe("what a model is", () => {
  test("its key, columns and version are the entity's", async () => {
    const { orm: contract, close } = await openSqlite();
    try {
      const [comment, , membership, , post] = mikroOrm(contract, targets).models;
      expect(comment).toEqual({
        name: "qa.Comment",
        target: Comment,
        key: ["id"],
        fields: ["id", "body"],
        table: { name: "comments", columns: { id: "comment_id", body: "comment_body" } },
      });
      expect(membership).toMatchObject({ target: Membership, key: ["userId", "groupName"] });
      expect(post).toMatchObject({
        target: Post,
        fields: ["id", "title", "author", "revision", "deletedAt"],
        version: "revision",
        table: { columns: { author: "author_id" } },
      });
    } finally {
      await close();
    }
  });

  test("its key and version can be stated", () => {
    const [model] = mikroOrm(orm, {
      "shop.Price": { entity: Price, key: ["currency", "product"], version: "at" },
    }).models;
    expect(model).toMatchObject({
      key: ["currency", "product"],
      version: "at",
      table: { schema: "shop", columns: { product: "product_id" } },
    });
  });

  test("an entity manager stands for its ORM, and a schema for its class", () => {
    const adapter = mikroOrm(orm.em, { "shop.Price": PriceSchema }, { connection: "eu" });
    const key = { product: "celery", currency: "EUR" };
    expect(adapter.connection).toBe("eu");
    expect(adapter.owns(orm)).toBe(true);
    expect(adapter.models[0]?.target).toBe(PriceSchema);
    const connection = "eu";
    for (const target of [Price, PriceSchema])
      expect(ref(target, key, { connection })).toEqual(new Reference("shop.Price", key, { connection }));
    expect(adapter.modelOf(Object.assign(new Price(), key))).toBe("shop.Price");
  });

  test("a schema without a class has rows that know it", () => {
    const adapter = mikroOrm(orm, { "x.Plain": PlainSchema });
    const row = orm.em.fork().create(PlainSchema, { id: 1, body: "first" });
    expect(adapter.modelOf(row)).toBe("x.Plain");
    expect(adapter.fieldsOf("x.Plain", row)).toEqual({ id: 1, body: "first" });
    expect(adapter.modelOf({ id: 1, body: "first" })).toBeUndefined();
  });

  test("what throws when it is looked at has none", () => {
    const { proxy, revoke } = Proxy.revocable(new Price(), {});
    revoke();
    expect(mikroOrm(orm, { "shop.Price": Price }).modelOf(proxy)).toBeUndefined();
  });

  test("under two names a row has none by itself", () => {
    const adapter = mikroOrm(orm, { "x.One": Price, "x.Two": Price });
    expect(adapter.modelOf(new Price())).toBeUndefined();
  });

  test("rows of another ORM with the same classes are not this one's", async () => {
    const [one, two] = [await openSqlite(), await openSqlite()];
    try {
      const [first, second] = [one, two].map(({ orm }) => mikroOrm(orm, { "qa.Tag": Tag }));
      const row = one.orm.em.fork().merge(Tag, { name: "a", body: "b" });
      expect(first?.modelOf(row)).toBe("qa.Tag");
      expect(second?.modelOf(row)).toBeUndefined();
    } finally {
      await one.close();
      await two.close();
    }
  });
});

describe("what is no model is refused", () => {
  const at = (model: unknown) => () => mikroOrm(orm, { "x.Y": model as MikroOrmEntityLike });

  test.each<[string, unknown, RegExp]>([
    [
      "a class that is no entity",
      Other,
      /"x\.Y": expected one of the ORM's entities.*received class Other.*`entities`/,
    ],
    ["a class named as an entity", namesake, /received class Price/],
    [
      "a schema of another ORM",
      defineEntity({ name: "Alien", properties: { id: p.integer().primary() } }),
      /`entities`/,
    ],
    ["a name", "Price", /received string "Price"/],
    ["nothing", undefined, /received undefined/],
    ["a plain object", { key: ["id"] }, /received object/],
    ["an embeddable", Address, /Address is an embeddable/],
    ["a virtual entity", Keyless, /Keyless is a virtual entity/],
    [
      "a key that is not there",
      { entity: Price, key: ["nope"] },
      /its key names "nope", which Price does not have/,
    ],
    ["a key that is no list", { entity: Price, key: "product" }, /`key` must be a list.*string "product"/],
    ["a version that is no name", { entity: Price, version: 7 }, /its version is 7/],
    ["a key of no attributes", { entity: Price, key: [] }, /has no primary key.*key: \["a", "b"\]/],
    ["a key that is a date", { entity: Price, key: ["at"] }, /"at" is a Date.*strings, integers and bigints/],
    ["a key that is a relation to two attributes", Line, /"price" is a m:1 to a key of several attributes/],
    [
      "a version that is not there",
      { entity: Price, version: "nope" },
      /its version is "nope", and Price has no such/,
    ],
    ["xmin on SQLite", { entity: Price, version: "xmin" }, /only PostgreSQL has xmin/],
  ])("%s", (_, model, message) => {
    expect(at(model)).toThrow(expect.objectContaining({ code: "ERR_MODEL_DEFINITION" }));
    expect(at(model)).toThrow(message);
  });

  test("a connection that is none", () => {
    for (const connection of [{}, null, "orm", { em: {} }])
      expect(() => mikroOrm(connection as never, {})).toThrow(/MikroORM\.init\(\)/);
  });

  test("an option that there is not", () => {
    expect(() => mikroOrm(orm, {}, { conection: "a" } as never)).toThrow(
      /options are connection; .*"conection"/,
    );
  });

  test("a name of the connection that is none", () => {
    for (const connection of ["", 7, null])
      expect(() => mikroOrm(orm, {}, { connection: connection as never })).toThrow(
        expect.objectContaining({
          code: "ERR_MODEL_DEFINITION",
          message: expect.stringMatching(/`connection` must be a name/),
        }),
      );
  });

  test("names that are none", async () => {
    const adapter = mikroOrm(orm, { "shop.Price": Price });
    const unknown = { code: "ERR_MODEL_UNKNOWN", message: expect.stringContaining('"x.Nope"') };
    await expect(adapter.load("x.Nope", [1])).rejects.toMatchObject(unknown);
    await expect(adapter.save("x.Nope", {})).rejects.toMatchObject(unknown);
    expect(() => adapter.keyOf("x.Nope", {})).toThrow(expect.objectContaining(unknown));
    expect(() => adapter.fieldsOf("x.Nope", {})).toThrow(expect.objectContaining(unknown));
    expect(() => adapter.entityOf("x.Nope", {})).toThrow(expect.objectContaining(unknown));
  });

  test("transactions where they are switched off", async () => {
    const without = new MikroORM({ entities: [PlainSchema], dbName: ":memory:", disableTransactions: true });
    const adapter = mikroOrm(without, { "x.Plain": PlainSchema as MikroOrmEntityLike });
    expect(adapter.capabilities.lacks).toMatchObject({
      transaction: expect.stringMatching(/disableTransactions/),
      ownTransaction: expect.stringMatching(/disableTransactions/),
    });
    await expect(adapter.transaction(without, async () => expect.unreachable())).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
      message: expect.stringMatching(/disableTransactions/),
    });
    await without.close(true);
  });

  test("a pool of one connection takes one transaction at a time", async () => {
    const lone = new MikroORM({ entities: [PlainSchema], dbName: ":memory:", pool: { max: 1 } });
    expect(mikroOrm(lone, {}).capabilities.serialTransactions).toBe(true);
    await lone.close(true);
  });
});
