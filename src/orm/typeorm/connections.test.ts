/** One class on several DataSources: its instances do not know which of them they are of. */
import { DataSource, EntitySchema } from "typeorm";
import { afterEach, expect, test } from "vitest";
import { memory } from "../../engine/memory.ts";
import { ref } from "../../model/ref.ts";
import { Petiole } from "../../task/petiole.ts";
import { testApp } from "../../testing/index.ts";
import { typeorm } from "../typeorm.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A class of its own for each test: what a class is a model of is known in the whole process. */
function define() {
  class City {
    declare id: number;
    declare name: string;
  }
  const columns = { id: { type: "integer", primary: true }, name: { type: "text" } } as const;
  return { City, cities: new EntitySchema<City>({ name: "City", target: City, columns }) };
}

async function openWith({ cities, City }: ReturnType<typeof define>, name: string): Promise<DataSource> {
  const dataSource = new DataSource({
    type: "better-sqlite3",
    database: ":memory:",
    entities: [cities],
    synchronize: true,
  });
  await dataSource.initialize();
  closing.push(() => dataSource.destroy());
  await dataSource.manager.insert(City, { id: 1, name });
  return dataSource;
}

test.each([
  ["the same names", "City", "City", /ref\(City, row, \{ connection: "eu" \}\)/],
  ["other names", "eu.City", "us.City", /app\.ref\("eu\.City", key\)/],
])(
  "a row that may be of either is refused, with its path, and is taken by reference: of %s",
  async (_, one, other, advice) => {
    const defined = define();
    const { City } = defined;
    const [europe, america] = [await openWith(defined, "Naples"), await openWith(defined, "Naples, Florida")];
    const app = new Petiole({
      engine: memory(),
      models: [
        typeorm(europe, { [one]: City }, { connection: "eu" }),
        typeorm(america, { [other]: City }, { connection: "us" }),
      ],
    });
    const tester = testApp(app);
    closing.unshift(
      () => tester.close(),
      () => app.close(),
    );
    const visit = app.task("visit", ({ at }: { at: { name: string }[] }) => at.map(({ name }) => name));
    const at = await america.manager.find(City);
    const refused = await visit.enqueue({ at }).catch((error: Error) => error.message);
    expect(refused).toMatch(/payload\.at\[0\].*City of eu.*City of us/s);
    expect(refused).toMatch(advice);
    expect(await tester.run(visit, { at: [ref(City, at[0]!, { connection: "us" })] })).toEqual([
      "Naples, Florida",
    ]);
  },
);
