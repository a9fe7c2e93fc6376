import { describe, expect, test } from "vitest";
import { lacking, without } from "../../test/fixtures/engine/lacking.ts";
import { overlaid } from "../../test/fixtures/engine/overlaid.ts";
import type { Engine } from "../engine.ts";
import { memory } from "../engine/memory.ts";
import { Petiole, type TaskOptions } from "../index.ts";

/** An app on an engine that lacks something. */
function appWithout(feature: string): Petiole {
  const sound = memory();
  return new Petiole({ engine: overlaid(sound, lacking[feature]!(sound)) });
}

const refused = (asked: string): unknown =>
  expect.objectContaining({
    code: "ERR_ENGINE_UNSUPPORTED",
    message: `The memory engine cannot do what is asked with ${asked}: ${without}.`,
  });

describe("what the engine lacks is refused where it is asked for", () => {
  test.each<[string, TaskOptions, string]>([
    ["priority", { priority: 3 }, "priority of task t"],
    ["limits", { concurrency: 2 }, "concurrency of task t"],
    ["limits", { rate: { limit: 1, per: "1s" } }, "rate of task t"],
    ["uniqueKeys", { unique: () => "k" }, "unique of task t"],
  ])("%s, by a task with %o", (feature, options, asked) => {
    const app = appWithout(feature);
    expect(() => app.task("t", () => undefined, options as object)).toThrow(refused(asked) as Error);
    // The name is free still.
    expect(app.task("t", () => undefined).name).toBe("t");
  });

  test.each([
    ["priority", { priority: -1 }, 'the priority of this payload to task "t"'],
    ["uniqueKeys", { unique: "k" }, 'the key of this payload to task "t"'],
  ])("%s, by a send with %o", async (feature, options, asked) => {
    const app = appWithout(feature);
    const task = app.task("t", () => undefined);
    await expect(task.enqueue(undefined, options)).rejects.toThrow(refused(asked) as Error);
    expect(await app.engine.counts()).toEqual([]);
  });

  test("knownIds, by a schedule: each look at the clock would send its tick again", () => {
    const app = appWithout("knownIds");
    const task = app.task("t", () => undefined);
    expect(() => app.schedule(task, "* * * * *", undefined, { name: "pulse" })).toThrow(
      expect.objectContaining({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringMatching(/asked with schedule pulse: .*ids; .*Celery's beat/),
      }) as Error,
    );
  });

  test("by the defaults of an app", () => {
    const sound = memory();
    const engine: Engine = overlaid(sound, lacking["priority"]!(sound));
    const app = new Petiole({ engine, defaults: { priority: 1 } });
    expect(() => app.task("t")).toThrow(refused("priority of task t") as Error);
    expect(app.task("t", { priority: 0 }).name).toBe("t");
  });

  test("what asks for nothing special is taken", async () => {
    for (const feature of Object.keys(lacking)) {
      const app = appWithout(feature);
      const task = app.task("t", () => undefined, { priority: 0, expires: "1h", retry: { attempts: 2 } });
      expect((await task.enqueue(undefined, { priority: 0, delay: 5 })).id).toBeTypeOf("string");
    }
  });

  test("progress that cannot be kept is told to the worker's log, and the run goes on", async () => {
    const app = appWithout("reports");
    const task = app.task("t", (_: undefined, job) => {
      job.progress(0.5);
      return "done";
    });
    const warnings: string[] = [];
    const logger = { info() {}, error() {}, warn: (message: string) => void warnings.push(message) };
    const worker = app.worker({ logger, watchdog: false });
    await worker.start();
    const handle = await task.enqueue();
    expect(await handle.result()).toBe("done");
    await worker.stop();
    expect(warnings[0]).toContain(`what it told was not kept: The memory engine cannot do what is asked`);
  });
});
