import { type Collection, type EntityManager, RequestContext, defineEntity, p } from "@mikro-orm/sqlite";
import { describe, expect, test } from "vitest";
import { Author, Comment, Membership, Post, Told, openSqlite, targets } from "../../../test/orm/mikro-orm.ts";
import type { OrmAdapter } from "../../model/adapter.ts";
import { mikroOrm } from "../mikro-orm.ts";

describe("saves that the adapter tells of", () => {
  test("insert, update and delete of one flush, in its transaction", async () => {
    await withOrm(async ({ em, told }) => {
      const [first, second] = [1, 2].map((id) => em.create(Comment, { id, body: `comment ${id}` }));
      await em.flush();
      told.log.length = 0;
      Object.assign(first ?? {}, { body: "edited" });
      em.remove(second ?? {});
      em.create(Membership, { userId: 1, groupName: "a", body: "new" });
      await em.flush();
      expect(told.log).toEqual([
        "begun 2",
        'insert qa.Membership {"userId":1,"groupName":"a"} in 2',
        "update qa.Comment 1 in 2",
        "delete qa.Comment 2 in 2",
        "committed 2",
      ]);
      expect(told.saves.at(-2)?.row).toBe(first);
    });
  });

  test("a key that the database gives is known", async () => {
    await withOrm(async ({ em, told }) => {
      const comment = em.create(Comment, { body: "first" } as Comment);
      await em.flush();
      expect(told.saves[0]).toMatchObject({ operation: "insert", key: comment.id, row: comment });
      expect(comment.id).toBe(1);
    });
  });

  test("the row of an update is told when it is whole", async () => {
    await withOrm(async ({ em, told, adapter }) => {
      await adapter.save("qa.Post", { id: 1, title: "first", author: null, revision: 1, deletedAt: null });
      const reference = em.getReference(Post, 1);
      reference.title = "without loading it";
      await em.flush();
      expect(told.saves.at(-1)).toMatchObject({ operation: "update", key: 1, row: undefined });
      const whole = await em.fork().findOneOrFail(Post, 1);
      expect(whole).toMatchObject({ title: "without loading it" });
    });
  });

  test("what a listener throws undoes the flush, and reaches the one who flushes", async () => {
    await withOrm(async ({ em, told, adapter }) => {
      const failure = new Error("refused");
      told.onSave = async () => Promise.reject(failure);
      em.create(Comment, { id: 1, body: "first" });
      await expect(em.flush()).rejects.toBe(failure);
      expect(told.log.at(-1)).toBe("rolled back 1");
      expect(await adapter.load("qa.Comment", [1])).toEqual([]);
    });
  });

  test("an upsert is told as an update, whichever it was; in no transaction where there is none", async () => {
    await withOrm(async ({ em, told }) => {
      await em.upsert(Comment, { id: 1, body: "first" });
      await em.fork().upsertMany(Comment, [
        { id: 1, body: "second" },
        { id: 2, body: "first" },
      ]);
      expect(told.log).toEqual([
        "update qa.Comment 1 in 0",
        "update qa.Comment 1 in 0",
        "update qa.Comment 2 in 0",
      ]);
    });
  });

  test("what the adapter saves itself is told, as what it was", async () => {
    await withOrm(async ({ told, adapter, em }) => {
      await adapter.save("qa.Comment", { id: 1, body: "first" });
      await em.transactional((transaction) =>
        adapter.save("qa.Comment", { id: 1, body: "second" }, { transaction }),
      );
      expect(told.log).toEqual([
        "insert qa.Comment 1 in 0",
        "begun 1",
        "update qa.Comment 1 in 1",
        "committed 1",
      ]);
    });
  });

  test("trap: bulk writes fire nothing", async () => {
    await withOrm(async ({ em, told }) => {
      await em.insert(Comment, { id: 1, body: "first" });
      await em.insertMany(Comment, [{ id: 2, body: "second" }]);
      await em.nativeUpdate(Comment, { id: 1 }, { body: "edited" });
      await em.nativeDelete(Comment, { id: 2 });
      await em.createQueryBuilder(Comment).update({ body: "again" }).where({ id: 1 });
      await em.execute("delete from comments");
      expect(told.log).toEqual([]);
    });
  });

  test("entity managers of every making are seen, and models that have no name are not", async () => {
    await withOrm(
      async ({ em, told }) => {
        const others = [
          em.fork({ freshEventManager: true }),
          em.fork({ cloneEventManager: true }),
          em.fork(),
        ];
        for (const [index, other] of others.entries()) {
          other.create(Comment, { id: index, body: "seen" });
          await other.flush();
        }
        await RequestContext.create(em, async () => {
          const inContext = RequestContext.getEntityManager();
          inContext?.create(Comment, { id: 7, body: "seen" });
          await inContext?.flush();
        });
        em.create(Author, { id: 1, name: "no name" });
        await em.flush();
        expect(told.saves.map(({ key }) => key)).toEqual([0, 1, 2, 7]);
      },
      { models: { "qa.Comment": Comment } },
    );
  });

  test("after the end, nothing is told", async () => {
    await withOrm(async ({ em, told, stop }) => {
      stop();
      em.create(Comment, { id: 1, body: "first" });
      await em.flush();
      expect(told.log).toEqual([]);
    });
  });
});

class Animal {
  id!: number;
  name!: string;
}
class Dog extends Animal {
  breed!: string;
}
class Puppy extends Dog {
  age!: number;
}
class Person {
  id!: number;
  name!: string;
  friend!: Person | null;
  friends!: Collection<Person>;
}

describe("one write is told once", () => {
  const AnimalSchema = defineEntity({
    class: Animal,
    tableName: "animals",
    inheritance: "tpt",
    properties: { id: p.integer().primary(), name: p.text() },
  });
  const DogSchema = defineEntity({
    class: Dog,
    extends: Animal,
    tableName: "dogs",
    properties: { breed: p.text() },
  });
  const PuppySchema = defineEntity({
    class: Puppy,
    extends: Dog,
    tableName: "puppies",
    properties: { age: p.integer() },
  });
  const tables = `create table animals (id integer primary key, name text);
    create table dogs (id integer primary key references animals (id) on delete cascade, breed text);
    create table puppies (id integer primary key references dogs (id) on delete cascade, age integer);`;

  test.each([
    ["Animal", { "x.Animal": Animal }, "x.Animal"] as const,
    ["Puppy", { "x.Puppy": Puppy }, "x.Puppy"] as const,
  ])("of classes with a table each, where %s is named", async (_, models, name) => {
    await withOrm(
      async ({ em, told, adapter }) => {
        const puppy = em.create(Puppy, { id: 1, name: "Rex", breed: "beagle", age: 1 });
        expect(adapter.modelOf(puppy)).toBe(name);
        await em.flush();
        puppy.name = "Max";
        await em.flush();
        Object.assign(puppy, { name: "Bo", age: 2 });
        await em.flush();
        em.remove(puppy);
        await em.flush();
        expect(told.saves.map(({ operation, key }) => [operation, key])).toEqual([
          ["insert", 1],
          ["update", 1],
          ["update", 1],
          ["delete", 1],
        ]);
      },
      { models, entities: [AnimalSchema, DogSchema, PuppySchema], tables },
    );
  });

  test("rows that refer to each other are inserted, with an update that is not told", async () => {
    const PersonSchema = defineEntity({
      class: Person,
      tableName: "people",
      properties: {
        id: p.integer().primary(),
        name: p.text(),
        friend: () => p.manyToOne(Person).nullable(),
        friends: () => p.oneToMany(Person).mappedBy("friend"),
      },
    });
    await withOrm(
      async ({ em, told }) => {
        const ada = em.create(Person, { id: 1, name: "Ada", friend: null });
        const bob = em.create(Person, { id: 2, name: "Bob", friend: ada });
        ada.friend = bob;
        await em.flush();
        ada.name = "Ada L.";
        await em.flush();
        expect(told.log.filter((entry) => !/begun|committed/.test(entry))).toEqual([
          "insert x.Person 2 in 1",
          "insert x.Person 1 in 1",
          "update x.Person 1 in 2",
        ]);
      },
      {
        models: { "x.Person": Person },
        entities: [PersonSchema],
        tables:
          "create table people (id integer primary key, name text, friend_id integer references people (id));",
      },
    );
  });
});

interface Watched {
  readonly em: EntityManager & ReturnType<Awaited<ReturnType<typeof openSqlite>>["orm"]["em"]["fork"]>;
  readonly told: Told;
  readonly adapter: OrmAdapter;
  stop(): void;
}

interface Setting {
  readonly models?: Readonly<Record<string, abstract new () => object>>;
  readonly entities?: NonNullable<Parameters<typeof openSqlite>[0]>["entities"];
  readonly tables?: string;
}

async function withOrm(
  run: (watched: Watched) => Promise<void>,
  { models = targets, entities, tables }: Setting = {},
): Promise<void> {
  const { orm, close } = await openSqlite(entities === undefined ? {} : { entities }, tables);
  try {
    const adapter = mikroOrm(orm, models);
    const told = new Told();
    const stop = adapter.observe(told);
    await run({ em: orm.em.fork(), told, adapter, stop });
  } finally {
    await close();
  }
}
