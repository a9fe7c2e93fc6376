import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test, vi } from "vitest";
import { temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import { outgoing } from "../../testing/engine-contract/case.ts";
import { Retention } from "./retention.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("sqlite: what takes long to remove is removed in more portions, and all of it", async () => {
  const files = temporaryEngines();
  const engine = files.make();
  await engine.send(["1", "2", "3", "4", "5"].map((id) => outgoing(id)));
  await engine.close();
  const database = new DatabaseSync(files.path);
  database.exec("UPDATE tasks SET state = 'succeeded', remove_at = 1");
  const left = (): unknown => database.prepare("SELECT count(*) AS count FROM tasks").get()?.["count"];
  const retention = new Retention(database);
  // Each look at the clock finds that the first task has taken too long.
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 1000));
  expect([retention.remove(), left()]).toEqual([true, 4]);
  expect([retention.remove(), left()]).toEqual([true, 3]);
  clock.mockReturnValue(0);
  expect([retention.remove(), left()]).toEqual([false, 0]);
  database.close();
  await files.close();
});
