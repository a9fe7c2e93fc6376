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
