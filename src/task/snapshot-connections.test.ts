/** Snapshots of a model that several connections have. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { snapshot } from "../model/snapshot.ts";
import { testApp } from "../testing/index.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import type { Snapshot } from "../wire/snapshot.ts";
import { Petiole } from "./petiole.ts";

let saved: unknown[] = [];
beforeEach(() => void (saved = []));
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** One class, on two connections, under a name each or one name. */
function open(names: { readonly eu: string; readonly us: string }) {
  class City {
    declare id: number;
    declare name: string;
  }
  const models = (["eu", "us"] as const).map((connection) =>
    stubAdapter(
      { [names[connection]]: [City, ["id"]] },
      {},
      { connection, save: async (_model, fields) => void saved.push([connection, fields]) },
    ),
  );
  const app = new Petiole({ engine: memory(), models });
  const tester = testApp(app);
  closing.push(
    () => tester.close(),
    () => app.close(),
  );
  return { app, tester, City, row: Object.assign(new City(), { id: 1, name: "Naples, Florida" }) };
}

test("a snapshot is taken of the connection that is said, and saved to it, where its model has a name of its own", async () => {
  const { app, tester, City, row } = open({ eu: "eu.City", us: "us.City" });
  const was = snapshot(City, row, { connection: "us" });
  expect([was.model, was.pk, { ...was.fields }]).toEqual(["us.City", 1, { ...row }]);
  const keep = app.task("keep", ({ was: it }: { was: Snapshot<object> }) => it.save());
  await tester.run(keep, { was });
  expect(saved).toEqual([["us", { ...row }]]);
});

test("of no connection it is refused, as of one that there is not, with what to write", () => {
  const { City, row } = open({ eu: "eu.City", us: "us.City" });
  for (const options of [undefined, { connection: "asia" }]) {
    expect(() => snapshot(City, row, options)).toThrow(
      expect.objectContaining({
        code: "ERR_MODEL_UNKNOWN",
        message: expect.stringMatching(/of the connections eu, us.*\{ connection: "eu" \}/s),
      }),
    );
  }
});

test("where the connections share the name, it arrives and can be read, and what needs a database says why not", async () => {
  const { app, tester, City, row } = open({ eu: "City", us: "City" });
  const read = app.task("read", async ({ was }: { was: Snapshot<{ name: string }> }) => {
    const codes = [() => was.entity, () => was.diff({}), () => was.save()].map(async (use) => {
      try {
        return await use();
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    return [was.fields.name, ...(await Promise.all(codes))];
  });
  const was = snapshot(City, row, { connection: "us" });
  const unknown = "ERR_MODEL_UNKNOWN";
  expect(await tester.run(read, { was })).toEqual(["Naples, Florida", unknown, unknown, unknown]);
  expect(saved).toEqual([]);
});
