import { afterEach, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { OrmAdapter } from "../model/adapter.ts";
import { snapshot } from "../model/snapshot.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import type { Snapshot } from "../wire/snapshot.ts";
import type { TaskOptions } from "./options.ts";
import { Petiole } from "./petiole.ts";

class OldPost {
  id = 0;
  body = "";
  mood = "";
}
class Post {
  id = 0;
  body = "";
}

const opened: { stop?(): Promise<void>; close?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await (each.stop ?? each.close)!.call(each);
});

/** What the app of today makes of a snapshot that an app whose model has one column more has sent. */
async function outcomeOf(
  options: TaskOptions,
  defaults: Pick<TaskOptions, "unknownFields"> = {},
): Promise<unknown> {
  const engine = memory();
  const old = new Petiole({ engine, models: [stubAdapter({ "qa.Post": [OldPost, ["id"]] })] });
  const was = snapshot(OldPost, { id: 7, body: "rude", mood: "glad" });
  const handle = await old.task<{ was: Snapshot<OldPost> }, unknown>("review").enqueue({ was });

  const saved: object[] = [];
  const entityOf: OrmAdapter["entityOf"] = (_model, fields) => Object.assign(new Post(), fields);
  const save: OrmAdapter["save"] = async (_model, fields) => void saved.push(fields);
  const stub = stubAdapter({ "qa.Post": [Post, ["id"]] }, {}, { entityOf, save });
  const models = stub.models.map((model) => ({ ...model, fields: ["id", "body"] }));
  const app = new Petiole({ engine, models: [{ ...stub, models }], defaults });
  app.task(
    "review",
    async ({ was }: { was: Snapshot<Post> }) => {
      const entity = { ...was.entity };
      await was.save();
      return { entity, saved, fields: was.fields };
    },
    { retry: { attempts: 1 }, ...(options as object) },
  );
  const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
  opened.push(app, worker);
  await worker.start();
  return handle.result();
}

const fields = { id: 7, body: "rude", mood: "glad" };

test("a field that the model does not have any more is refused, unless told", async () => {
  await expect(outcomeOf({})).rejects.toMatchObject({
    code: "ERR_TASK_FAILED",
    reason: { details: { code: "ERR_SNAPSHOT_FIELDS" } },
  });
});

test('"drop" makes the row without it, and the snapshot has it all the same', async () => {
  const row = { id: 7, body: "rude" };
  expect(await outcomeOf({ unknownFields: "drop" })).toStrictEqual({ entity: row, saved: [row], fields });
});

test("an app's defaults say it too, and a task goes before them", async () => {
  expect(await outcomeOf({}, { unknownFields: "drop" })).toMatchObject({ fields });
  await expect(outcomeOf({ unknownFields: "refuse" }, { unknownFields: "drop" })).rejects.toMatchObject({
    code: "ERR_TASK_FAILED",
  });
});

test("anything else is refused where the task is defined", () => {
  const app = new Petiole({ engine: memory() });
  expect(() => app.task("t", { unknownFields: "keep" as never })).toThrow(
    expect.objectContaining({ code: "ERR_OPTION_INVALID" }) as Error,
  );
});
