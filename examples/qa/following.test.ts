import { Petiole, Reference } from "petiole";
import { memory } from "petiole/engine/memory";
import { afterEach, expect, test, vi } from "vitest";
import { Following, type Errand } from "./following.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const about = new Reference("qa.Comment", 1);
const errand = { task: "t", about };

/** What happened: each change, with where the task was seen by then. */
function follow(onChange: (errand: Errand) => Promise<void> = async () => {}) {
  const engine = memory();
  const app = new Petiole({ engine });
  const seen: string[] = [];
  const following = new Following(engine, async (changed) => {
    const { state, progress } = following.standings()(changed)!;
    seen.push(progress ? `${state} ${progress.note}` : state);
    await onChange(changed);
  });
  const work = async () => {
    const worker = app.worker({ logger: { info() {}, warn() {}, error() {} } });
    await worker.start();
    ends.unshift(() => worker.stop());
  };
  ends.push(async () => {
    following.stop();
    await app.close();
  });
  return { app, engine, following, seen, work };
}

test("a task is followed until it has succeeded, and then no more", async () => {
  const { app, following, seen, work } = follow();
  const gate = Promise.withResolvers<void>();
  const task = app.task("t", async (_: undefined, job) => {
    job.progress(0.5, "half");
    await gate.promise;
  });
  following.follow(errand, (await task.enqueue()).id);
  expect(following.standings()(errand)).toEqual({ state: "waiting" });
  await vi.waitFor(() => expect(seen).toEqual(["waiting"]));
  await work();
  await vi.waitFor(() => expect(seen.at(-1)).toBe("running half"));
  gate.resolve();
  await vi.waitFor(() => expect(seen.at(-1)).toMatch(/^succeeded/));
  await vi.waitFor(() => expect(following.standings()(errand)).toBeUndefined());
});

test("one that failed is followed on: a person may have it retried", async () => {
  const { app, engine, following, seen, work } = follow();
  let isMended = false;
  const task = app.task(
    "t",
    () => {
      if (!isMended) throw new Error("broken");
    },
    { retry: { attempts: 1 } },
  );
  const { id } = await task.enqueue();
  following.follow(errand, id);
  await work();
  await vi.waitFor(() => expect(seen.at(-1)).toBe("failed"));
  isMended = true;
  await engine.retry([id]);
  await vi.waitFor(() => expect(seen.at(-1)).toBe("succeeded"));
});

test("of one row's tasks of one name the newest counts; followed twice is followed once", async () => {
  const { app, following, seen, work } = follow();
  const task = app.task("t", () => {});
  const [older, newer] = await task.enqueueMany([undefined, undefined]);
  following.follow(errand, older!.id);
  following.follow(errand, newer!.id);
  following.follow(errand, newer!.id);
  following.follow({ task: "another", about }, older!.id);
  await vi.waitFor(() => expect(seen).toEqual(["waiting", "waiting"]));
  await work();
  await vi.waitFor(() => expect(following.standings()({ task: "another", about })).toBeUndefined());
  await vi.waitFor(() => expect(following.standings()(errand)).toBeUndefined());
});

test("a change that could not be told is told again", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  ends.push(async () => error.mockRestore());
  let failures = 1;
  const { app, following, seen } = follow(async () => {
    if (failures-- > 0) throw new Error("the database is busy");
  });
  following.follow(errand, (await app.task("t", () => {}).enqueue()).id);
  await vi.waitFor(() => expect(seen).toEqual(["waiting", "waiting"]), 3000);
  expect(error).toHaveBeenCalledOnce();
});

test("stopped, it tells nothing more", async () => {
  const { app, following, seen, work } = follow();
  const task = app.task("t", () => {});
  const handle = await task.enqueue();
  following.follow(errand, handle.id);
  await vi.waitFor(() => expect(seen).toEqual(["waiting"]));
  following.stop();
  await work();
  await handle.result();
  expect(seen).toEqual(["waiting"]);
});
