/** An entity's class may extend another's, and have a table of its own. */
import { DataSource, EntitySchema } from "typeorm";
import { afterEach, expect, test } from "vitest";
import { typeorm } from "../typeorm.ts";

class Content {
  declare id: number;
  declare title: string;
}
class Photo extends Content {}
/** No entity: what a person adds to one. */
class Draft extends Content {}

const columns = { id: { type: "integer", primary: true }, title: { type: "text" } } as const;
const contents = new EntitySchema<Content>({ name: "Content", target: Content, columns });
const photos = new EntitySchema<Photo>({ name: "Photo", target: Photo, columns });

let dataSource: DataSource;
afterEach(() => dataSource.destroy());

test("a row of a table of its own is none of the model that its class extends", async () => {
  dataSource = new DataSource({
    type: "better-sqlite3",
    database: ":memory:",
    entities: [contents, photos],
    synchronize: true,
  });
  await dataSource.initialize();
  const adapter = typeorm(dataSource, { "cms.Content": Content });
  const row = <Made extends Content>(made: Made): Made => Object.assign(made, { id: 5, title: "t" });
  expect(adapter.modelOf(row(new Photo()))).toBeUndefined();
  expect(adapter.modelOf(row(new Content()))).toBe("cms.Content");
  expect(adapter.modelOf(row(new Draft()))).toBe("cms.Content");

  const saved: unknown[] = [];
  const end = adapter.observe({
    begun() {},
    inside: (_transaction, run) => run(),
    committed: async () => {},
    rolledBack() {},
    saved: async ({ model, key }) => void saved.push([model, key]),
  });
  await dataSource.manager.save(row(new Photo()));
  expect(saved).toEqual([]);
  await dataSource.manager.save(row(new Content()));
  expect(saved).toEqual([["cms.Content", 5]]);
  end();
});

class Animal {
  declare id: number;
  declare kind: string;
}
class Bird extends Animal {
  declare span: number | null;
}
const id = { type: "integer", primary: true } as const;
const kind = { type: "text" } as const;
const wings = { span: { type: "integer", nullable: true } } as const;

test.each([
  ["a column of its own", {}],
  ["a property", { kind }],
])("a row of a table with several classes keeps its class, which %s tells", async (_, told) => {
  const animals = new EntitySchema<Animal>({
    name: "Animal",
    target: Animal,
    inheritance: { pattern: "STI", column: { name: "kind", ...kind } },
    columns: { id, ...told } as never,
  });
  const birds = new EntitySchema<Bird>({
    name: "Bird",
    target: Bird,
    type: "entity-child",
    discriminatorValue: "bird",
    columns: { id, ...told, ...wings } as never,
  });
  dataSource = new DataSource({
    type: "better-sqlite3",
    database: ":memory:",
    entities: [animals, birds],
    synchronize: true,
  });
  await dataSource.initialize();
  const adapter = typeorm(dataSource, { "x.Animal": Animal });
  const manager = dataSource.manager;
  await manager.save([Object.assign(new Bird(), { id: 1, span: 3 }), Object.assign(new Animal(), { id: 2 })]);
  const rows = async () => manager.query("select id, kind, span from animal order by id");
  const before = await rows();
  for (const [key, Class, expected] of [
    [1, Bird, { id: 1, kind: "bird", span: 3 }],
    [2, Animal, { id: 2, kind: "Animal" }],
  ] as const) {
    const [row] = await adapter.load("x.Animal", [key]);
    const fields = adapter.fieldsOf("x.Animal", row!);
    expect(fields).toEqual(expect.objectContaining(expected));
    const entity = adapter.entityOf("x.Animal", fields);
    expect(entity).toBeInstanceOf(Class);
    expect(adapter.fieldsOf("x.Animal", entity)).toEqual(fields);
    expect({ ...entity }).toEqual({ ...row });
    await manager.query("update animal set kind = 'other', span = null where id = ?", [key]);
    await adapter.save("x.Animal", fields);
    expect(await rows()).toEqual(before);
    await manager.query("delete from animal where id = ?", [key]);
    await adapter.save("x.Animal", fields);
    expect(await rows()).toEqual(before);
  }
});
