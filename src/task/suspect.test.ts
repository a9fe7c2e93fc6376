import { afterEach, beforeEach, expect, test } from "vitest";
import type { Engine } from "../engine.ts";
import { memory } from "../engine/memory.ts";
import { Petiole } from "./petiole.ts";
import type { Worker, WorkerOptions } from "./worker.ts";

let engine: Engine;
let worker: Worker | undefined;
/** The names of the tasks that are running, each time one begins. */
let together: string[][];
let release: () => void = () => {};

beforeEach(() => {
  engine = memory();
  together = [];
});

afterEach(async () => {
  release();
  await worker?.stop({ timeout: 0 });
  worker = undefined;
  await engine.close();
});

function makeTask(app: Petiole) {
  const running = new Set<string>();
  const gate = new Promise<void>((resolve) => (release = resolve));
  return app.task("run", async ({ name, waits = false }: { name: string; waits?: boolean }) => {
    running.add(name);
    together.push([...running].sort());
    await (waits ? gate : pause(5));
    running.delete(name);
  });
}

/** Claims all that waits, as a worker does that is then lost. */
async function crash(times: number): Promise<void> {
  for (let crashes = 0; crashes < times; crashes++) {
    let claimed = 0;
    while (claimed === 0) {
      const request = { queues: ["default"], limit: 100, lease: 1, worker: "lost" };
      claimed = (await engine.claim(request)).length;
      await pause(2);
    }
  }
}

function pause(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration));
}

async function work(app: Petiole, options: WorkerOptions = {}): Promise<void> {
  worker = app.worker({ logger: { info() {}, warn() {}, error() {} }, ...options });
  await worker.start();
}

test("tasks that were lost twice run alone, one by one", async () => {
  const app = new Petiole({ engine });
  const task = makeTask(app);
  const suspects = await task.enqueueMany([{ name: "a" }, { name: "b" }, { name: "c" }]);
  await crash(2);
  const others = await task.enqueueMany([{ name: "d" }, { name: "e" }]);
  await work(app);
  await Promise.all([...suspects, ...others].map((handle) => handle.result()));
  expect(together.filter((names) => names.some((name) => "abc".includes(name))).sort()).toStrictEqual([
    ["a"],
    ["b"],
    ["c"],
  ]);
  const records = await Promise.all(suspects.map(({ id }) => engine.find(id)));
  expect(records.map((record) => record?.crashes)).toStrictEqual([2, 2, 2]);
});

test("one waits for what runs, and what comes waits for it", async () => {
  const app = new Petiole({ engine });
  const task = makeTask(app);
  const suspect = await task.enqueue({ name: "suspect" });
  await crash(2);
  const long = await task.enqueue({ name: "long", waits: true });
  await work(app);
  while (together.length === 0) await pause(1);
  await pause(20);
  expect(together).toStrictEqual([["long"]]);
  release();
  await Promise.all([suspect.result(), long.result()]);
  const more = await task.enqueueMany(Array.from({ length: 4 }, (_, index) => ({ name: `later ${index}` })));
  await Promise.all(more.map((handle) => handle.result()));
  expect(together.filter((names) => names.includes("suspect"))).toStrictEqual([["suspect"]]);
  expect(together.at(-1), "at the end they run together again").toHaveLength(4);
});

test("tasks that were lost once run together", async () => {
  const app = new Petiole({ engine });
  const task = makeTask(app);
  const handles = await task.enqueueMany([{ name: "a" }, { name: "b" }]);
  await crash(1);
  await work(app);
  await Promise.all(handles.map((handle) => handle.result()));
  expect(together).toStrictEqual([["a"], ["a", "b"]]);
});

test("with a lower maxCrashes they run alone earlier", async () => {
  const app = new Petiole({ engine });
  const task = makeTask(app);
  const handles = await task.enqueueMany([{ name: "a" }, { name: "b" }]);
  await crash(1);
  await work(app, { maxCrashes: 2 });
  await Promise.all(handles.map((handle) => handle.result()));
  expect(together.sort()).toStrictEqual([["a"], ["b"]]);
});
