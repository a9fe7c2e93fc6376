/** What an UpdateDateColumn tells of changes, on databases that keep seconds of it and on those that keep more. */
import { DataSource, type DataSourceOptions, EntitySchema } from "typeorm";
import { describe, expect, test } from "vitest";
import { describePostgres } from "../../../test/services/describe-postgres.ts";
import { memory } from "../../engine/memory.ts";
import { ref } from "../../model/ref.ts";
import { Petiole } from "../../task/petiole.ts";
import { testApp } from "../../testing/index.ts";
import { typeorm } from "../typeorm.ts";

/** Sends a reference, edits the row at once or not, and tells what the version is and how the task ended. */
async function outcome(
  options: DataSourceOptions,
  isEdited: boolean,
  precision?: number,
): Promise<unknown[]> {
  class Page {
    declare id: number;
    declare text: string;
    declare editedAt: Date;
  }
  const pages = new EntitySchema<Page>({
    name: "Page",
    target: Page,
    columns: {
      id: { type: "integer", primary: true },
      text: { type: "text" },
      editedAt: {
        type: options.type === "postgres" ? "timestamptz" : "datetime",
        updateDate: true,
        ...(precision !== undefined && { precision }),
      },
    },
  });
  const dataSource = await new DataSource({
    ...options,
    entities: [pages],
    synchronize: true,
  } as DataSourceOptions).initialize();
  const adapter = typeorm(dataSource, { "x.Page": Page });
  const app = new Petiole({ engine: memory(), models: [adapter] });
  const tester = testApp(app);
  try {
    const task = app.task("task", ({ page }: { page: Page }) => page.text, { ifChanged: "skip" });
    const page = await dataSource.manager.save(Object.assign(new Page(), { id: 1, text: "draft" }));
    // Within one second, as a person's second thought may be.
    await new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000)));
    await dataSource.manager.save(Object.assign(page, { text: "sent" }));
    const handle = await task.enqueue({ page: ref(Page, page) });
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (isEdited) await dataSource.manager.save(Object.assign(page, { text: "second thought" }));
    await tester.drain();
    const end = await handle.result().catch((error: Error & { code: string }) => error.code);
    return [adapter.models[0]?.version, end];
  } finally {
    await tester.close();
    await app.close();
    await dataSource.destroy();
  }
}

const [changed, same] = ["ERR_TASK_SKIPPED", "sent"];

describe("a change right after the send is one, and none is none", () => {
  test("on SQLite, which keeps seconds", async () => {
    const sqlite = { type: "better-sqlite3", database: ":memory:" } as const;
    expect(await outcome(sqlite, true)).toEqual([undefined, changed]);
    expect(await outcome(sqlite, false)).toEqual([undefined, same]);
  });
});
describePostgres("a change right after the send is one, and none is none", (createDatabase) => {
  const postgres = async () => ({ type: "postgres", url: await createDatabase() }) as const;
  test("on PostgreSQL", async () => {
    expect(await outcome(await postgres(), true)).toEqual(["editedAt", changed]);
    expect(await outcome(await postgres(), false)).toEqual(["editedAt", same]);
  });
  test("on PostgreSQL, where the column keeps seconds", async () => {
    expect(await outcome(await postgres(), true, 0)).toEqual([undefined, changed]);
    expect(await outcome(await postgres(), false, 0)).toEqual([undefined, same]);
  });
});
