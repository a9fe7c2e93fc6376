import { randomUUID } from "node:crypto";
import {
  type Collection,
  type Ref,
  type ScalarRef,
  type SqlEntityManager,
  defineEntity,
  p,
  wrap,
} from "@mikro-orm/sqlite";
import { afterAll, describe, expect, test } from "vitest";
import { ExactBigInt, type TestDatabase, openPostgres, openSqlite } from "../../../test/orm/mikro-orm.ts";
import { type Postgres, noPostgres, startPostgres } from "../../../test/services/postgres.ts";
import type { OrmAdapter } from "../../model/adapter.ts";
import { Reference, ref } from "../../model/ref.ts";
import { mikroOrm } from "../mikro-orm.ts";

class Geo {
  lat!: number;
}
class Address {
  street!: string;
  geo!: Geo | null;
}
class Owner {
  id!: number;
  name!: string;
  shops!: Collection<Shop>;
}
/** Its key is a relation's, and a text. */
class Desk {
  owner!: Owner;
  room!: string;
  label!: string;
}
class Shop {
  id!: bigint;
  name!: string;
  owner!: Ref<Owner> | null;
  desk!: Desk | null;
  secret!: string | null;
  history!: ScalarRef<string> | null;
  notes!: string | null;
  address!: Address | null;
  tags!: string[] | null;
  data!: unknown;
  bytes!: Uint8Array | null;
  at!: Date | null;
  upperName!: string;
  scratch!: string | undefined;
  revision!: number;

  greet(): string {
    return `Welcome to ${this.name}`;
  }

  toJSON(): string {
    return "never this";
  }
}
/** Has the foreign key beside the relation. */
class Visit {
  id!: string;
  ownerId!: number;
  owner!: Owner;
}

const schemas = [
  defineEntity({ class: Geo, embeddable: true, properties: { lat: p.double() } }),
  defineEntity({
    class: Address,
    embeddable: true,
    properties: { street: p.text(), geo: () => p.embedded(Geo).nullable() },
  }),
  defineEntity({
    class: Owner,
    tableName: "owners",
    properties: {
      id: p.integer().primary(),
      name: p.text(),
      shops: () => p.oneToMany(Shop).mappedBy("owner"),
    },
  }),
  defineEntity({
    class: Desk,
    tableName: "desks",
    properties: { owner: () => p.manyToOne(Owner).primary(), room: p.text().primary(), label: p.text() },
  }),
  defineEntity({
    class: Shop,
    tableName: "shops",
    properties: {
      id: p.type(ExactBigInt).primary(),
      name: p.text().onUpdate(() => "changed by onUpdate"),
      owner: () => p.manyToOne(Owner).ref().nullable(),
      desk: () => p.manyToOne(Desk).nullable(),
      secret: p.text().hidden().nullable(),
      history: p.text().lazy().ref().nullable(),
      notes: p.text().lazy().nullable(),
      address: () => p.embedded(Address).nullable(),
      tags: p.array().nullable(),
      data: p.json().nullable(),
      bytes: p.uint8array().nullable(),
      at: p.datetime(3).nullable(),
      upperName: p.text().formula((columns) => `upper(${columns.name})`),
      scratch: p.text().persist(false).nullable(),
      revision: p.integer().version(),
    },
  }),
  defineEntity({
    class: Visit,
    tableName: "visits",
    properties: {
      id: p.uuid().primary(),
      ownerId: p.integer(),
      owner: () => p.manyToOne(Owner).joinColumn("owner_id").persist(false),
    },
  }),
];
const tables = (types: { bytes: string; json: string; at: string; array: string; uuid: string }): string => `
  create table owners (id integer primary key, name text not null);
  create table desks (
    owner_id integer references owners (id), room text, label text not null, primary key (owner_id, room)
  );
  create table shops (
    id bigint primary key, name text not null, owner_id integer references owners (id), desk_owner_id integer,
    desk_room text, secret text, history text, notes text, address_street text, address_geo_lat double precision,
    tags ${types.array}, data ${types.json}, bytes ${types.bytes}, at ${types.at}, revision integer not null default 1
  );
  create table visits (id ${types.uuid} primary key, owner_id integer not null references owners (id));`;
const models = { "x.Owner": Owner, "x.Desk": Desk, "x.Shop": Shop, "x.Visit": Visit };

const shopKey = 9_007_199_254_740_993n;
const fields = {
  id: shopKey,
  name: "Celery & Co, it's ? \\ $1",
  owner: 1,
  desk: { owner: 1, room: "2b" },
  history: "long",
  notes: "also long",
  address: { street: "Stalk Lane", geo: { lat: 1.5 } },
  tags: ["a", "b"],
  data: { deep: [1, null, "?"], none: null },
  bytes: new Uint8Array([0, 255, 39]),
  at: new Date(1_700_000_000_123),
  revision: 7,
};

let postgres: Promise<Postgres> | undefined;
// It removes the files of as many databases as there were cases.
afterAll(async () => (await postgres)?.stop(), 120_000);

const sqlite = { bytes: "blob", json: "text", at: "integer", array: "text", uuid: "text" };
const pg = { bytes: "bytea", json: "jsonb", at: "timestamptz", array: "text[]", uuid: "uuid" };
const databases: readonly [string, boolean, () => Promise<TestDatabase>][] = [
  ["SQLite", false, () => openSqlite({ entities: schemas }, tables(sqlite))],
  [
    "PostgreSQL",
    noPostgres !== undefined,
    async () => {
      const url = await (await (postgres ??= startPostgres())).createDatabase();
      return openPostgres(url, { entities: schemas }, tables(pg));
    },
  ],
];

describe.for(databases)("fields and entities, on %s", ([, isSkipped, open]) => {
  const on = (title: string, run: (given: Given) => Promise<void>) =>
    test.skipIf(isSkipped)(isSkipped ? `${title} (skipped: ${noPostgres})` : title, async () => {
      const { orm, close } = await open();
      try {
        const adapter = mikroOrm(orm, models);
        await adapter.save("x.Owner", { id: 1, name: "Ada" });
        await adapter.save("x.Desk", { owner: 1, room: "2b", label: "by the window" });
        await run({ adapter, em: orm.em.fork() as SqlEntityManager });
      } finally {
        await close();
      }
    });

  on("what is saved is loaded exactly", async ({ adapter }) => {
    await adapter.save("x.Shop", fields);
    const [row] = (await adapter.load("x.Shop", [shopKey])) as [Shop];
    expect(row).toBeInstanceOf(Shop);
    expect(row.greet()).toContain("Celery");
    expect(row.upperName).toContain("CELERY");
    const { history: _, notes: _notes, ...eager } = fields;
    // Lazy columns are not loaded, and `secret` is hidden.
    expect(adapter.fieldsOf("x.Shop", row)).toEqual(eager);
    await wrap(row).populate(["history", "notes"] as never);
    expect(adapter.fieldsOf("x.Shop", row)).toEqual(fields);
    expect(adapter.keyOf("x.Shop", row)).toBe(shopKey);
  });

  on("null is a value, and absent is not", async ({ adapter }) => {
    await adapter.save("x.Shop", fields);
    await adapter.save("x.Shop", {
      id: shopKey,
      owner: null,
      desk: null,
      address: null,
      data: null,
      at: null,
    });
    const [row] = (await adapter.load("x.Shop", [shopKey])) as [Shop];
    expect(adapter.fieldsOf("x.Shop", row)).toMatchObject({
      name: fields.name,
      owner: null,
      desk: null,
      data: null,
      at: null,
      bytes: fields.bytes,
    });
  });

  on("JSON of every kind", async ({ adapter }) => {
    for (const [index, data] of ["text", 5, true, [1, "2"], { a: { b: "\\ ' ?" } }].entries()) {
      await adapter.save("x.Shop", { id: BigInt(index), name: "JSON", data });
      const [row] = await adapter.load("x.Shop", [index]);
      expect(adapter.fieldsOf("x.Shop", row ?? {})["data"]).toEqual(data);
    }
  });

  on("a detached entity has the values that were given, and nobody tracks it", async ({ adapter, em }) => {
    const entity = adapter.entityOf("x.Shop", { ...fields, gone: "no column any more" }) as Shop;
    expect(entity).toBeInstanceOf(Shop);
    expect(adapter.fieldsOf("x.Shop", entity)).toEqual(fields);
    expect(entity.address).toBeInstanceOf(Address);
    expect(entity.owner?.unwrap()).toBeInstanceOf(Owner);
    expect(entity.desk).toBeInstanceOf(Desk);
    expect(wrap(entity.desk ?? {}).isInitialized()).toBe(false);
    expect(adapter.modelOf(entity)).toBe("x.Shop");
    expect(wrap(entity, true).__em).toBeUndefined();
    expect(wrap(entity, true).__originalEntityData).toBeUndefined();
    await em.flush();
    expect(await adapter.load("x.Shop", [shopKey])).toEqual([]);
    await em.upsert(entity);
    expect(await adapter.load("x.Shop", [shopKey])).toHaveLength(1);
  });

  on("a detached entity has no more than what was given", async ({ adapter }) => {
    const entity = adapter.entityOf("x.Shop", { id: 1n, name: "small" });
    expect(adapter.fieldsOf("x.Shop", entity)).toEqual({ id: 1n, name: "small" });
  });

  on("foreign keys are there, loaded or not, and not twice", async ({ adapter, em }) => {
    const id = randomUUID();
    await adapter.save("x.Visit", { id, ownerId: 1 });
    const [visit] = (await adapter.load("x.Visit", [id])) as [Visit];
    expect(visit.owner).toBeInstanceOf(Owner);
    expect(adapter.fieldsOf("x.Visit", visit)).toEqual({ id, ownerId: 1 });
    const [loaded] = (await adapter.load("x.Visit", [id], { with: ["owner"] })) as [Visit];
    expect(loaded.owner.name).toBe("Ada");
    expect(adapter.fieldsOf("x.Visit", loaded)).toEqual({ id, ownerId: 1 });
    await adapter.save("x.Shop", { id: 1n, name: "shop", owner: 1 });
    const [shop] = await adapter.load("x.Shop", [1n], { with: ["owner", "desk.owner"] });
    expect(adapter.fieldsOf("x.Shop", shop ?? {})["owner"]).toBe(1);
    const unloaded = await em.findOneOrFail(Shop, 1n);
    expect(adapter.fieldsOf("x.Shop", unloaded)["owner"]).toBe(1);
  });

  on("a key that is a relation's", async ({ adapter, em }) => {
    const key = { owner: 1, room: "2b" };
    const [desk] = (await adapter.load("x.Desk", [key, { owner: 2, room: "2b" }])) as [Desk];
    expect(adapter.keyOf("x.Desk", desk)).toEqual(key);
    expect(ref(Desk, desk)).toEqual(new Reference("x.Desk", key));
    expect(adapter.fieldsOf("x.Desk", desk)).toEqual({ ...key, label: "by the window" });
    await adapter.save("x.Desk", { ...key, label: "moved" });
    expect((await em.findOneOrFail(Desk, { room: "2b" })).label).toBe("moved");
    expect(await adapter.load("x.Desk", [{ owner: "abc", room: "2b" }])).toEqual([]);
  });

  on("references know their model and key without being loaded", async ({ adapter, em }) => {
    const reference = em.getReference(Shop, 5n);
    expect(adapter.modelOf(reference)).toBe("x.Shop");
    expect(ref(Shop, reference)).toEqual(new Reference("x.Shop", 5n));
    const wrapped = em.getReference(Shop, 5n, { wrapped: true });
    expect(adapter.modelOf(wrapped)).toBe("x.Shop");
    expect(adapter.keyOf("x.Shop", wrapped)).toBe(5n);
    expect(adapter.fieldsOf("x.Shop", wrapped)).toEqual({ id: 5n });
  });

  on(
    "an entity that waits to be flushed is not saved yet, though it has its key",
    async ({ adapter, em }) => {
      const visitOf = (): Visit => Object.assign(new Visit(), { id: randomUUID(), ownerId: 1 });
      const created = em.create(Visit, { id: randomUUID(), ownerId: 1 } as never);
      const persisted = visitOf();
      em.persist(persisted);
      for (const visit of [created, persisted]) {
        expect(adapter.keyOf("x.Visit", visit)).toBeUndefined();
        expect(() => ref(Visit, visit)).toThrow(expect.objectContaining({ code: "ERR_REFERENCE_KEY" }));
      }
      const inHook: unknown[] = [];
      em.getEventManager().registerSubscriber({
        afterCreate: ({ entity }) => void inHook.push(adapter.keyOf("x.Visit", entity)),
      });
      await em.flush();
      expect(inHook.toSorted()).toEqual([created.id, persisted.id].toSorted());
      for (const visit of [created, persisted]) expect(adapter.keyOf("x.Visit", visit)).toBe(visit.id);
      em.clear();
      expect(adapter.keyOf("x.Visit", created)).toBe(created.id);
      // What MikroORM keeps no track of, it cannot tell about.
      const inserted = visitOf();
      await em.insert(inserted);
      expect(adapter.keyOf("x.Visit", inserted)).toBe(inserted.id);
      const found = await em.findOneOrFail(Visit, created.id);
      em.remove(found);
      await em.flush();
      expect(adapter.keyOf("x.Visit", found)).toBe(created.id);
    },
  );

  on("keys that a uuid column cannot hold are missing rows", async ({ adapter }) => {
    const id = randomUUID();
    await adapter.save("x.Visit", { id, ownerId: 1 });
    expect(await adapter.load("x.Visit", ["abc", "", 7, id])).toHaveLength(1);
    await adapter.save("x.Shop", { id: 1n, name: "shop" });
    expect(await adapter.load("x.Shop", [2n ** 64n, "x", 1])).toHaveLength(1);
  });

  on("saving counts the version up unless it is told, and runs no onUpdate", async ({ adapter }) => {
    await adapter.save("x.Shop", { id: 1n, name: "first" });
    const load = async () => (await adapter.load("x.Shop", [1n]))[0] as Shop;
    expect((await load()).revision).toBe(1);
    await adapter.save("x.Shop", { id: 1n, tags: ["t"] });
    expect(await load()).toMatchObject({ name: "first", revision: 2 });
    await adapter.save("x.Shop", { id: 1n, name: "back", revision: 1 });
    expect(await load()).toMatchObject({ name: "back", revision: 1 });
    await adapter.save("x.Shop", { id: 1n });
    expect(await load()).toMatchObject({ name: "back", tags: ["t"] });
  });

  on("saving refuses what it cannot write", async ({ adapter }) => {
    await expect(adapter.save("x.Shop", { id: 1n, nope: 1 })).rejects.toMatchObject({
      code: "ERR_MODEL_DEFINITION",
      message: expect.stringMatching(/x\.Shop.*"nope".*Shop has no such column.*name/),
    });
    await expect(adapter.save("x.Desk", { owner: 1, label: "x" })).rejects.toMatchObject({
      code: "ERR_REFERENCE_KEY",
      message: expect.stringMatching(/x\.Desk.*room is missing/),
    });
    await expect(adapter.save("x.Nope", { id: 1 })).rejects.toMatchObject({ code: "ERR_MODEL_UNKNOWN" });
  });

  on("rows arrive so that they can be changed and flushed", async ({ adapter, em }) => {
    await adapter.save("x.Shop", fields);
    const [row] = (await adapter.load("x.Shop", [shopKey])) as [Shop];
    em.merge(row);
    row.tags = ["changed"];
    await em.flush();
    const [again] = (await adapter.load("x.Shop", [shopKey])) as [Shop];
    expect(again.tags).toEqual(["changed"]);
    expect((await again.owner?.load())?.name).toBe("Ada");
  });
});

interface Given {
  readonly adapter: OrmAdapter;
  readonly em: SqlEntityManager;
}
