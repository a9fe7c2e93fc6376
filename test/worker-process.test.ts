import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Setting, until } from "./fixtures/cli/processes.ts";
import { Money, makeApp, readJournal, type Entry, type Errand } from "./fixtures/cli/tasks.ts";

let setting: Setting;
/** The side that sends: this process. */
let tasks: ReturnType<typeof makeApp>;

beforeEach(() => {
  setting = new Setting();
  tasks = makeApp(setting.file);
});

afterEach(async () => {
  await tasks.app.close();
  await setting.close();
});

function errand(name: string): Errand {
  return { journal: setting.journal, name, gate: join(setting.folder, "gate") };
}

function errands(name: string, count: number): Errand[] {
  return Array.from({ length: count }, (_, index) => errand(`${name} ${index}`));
}

/** Lets the tasks that wait go on. */
function openGate(): void {
  writeFileSync(join(setting.folder, "gate"), "");
}

function journal(event: Entry["event"]): Entry[] {
  return readJournal(setting.journal).filter((entry) => entry.event === event);
}

function names(event: Entry["event"]): string[] {
  return journal(event)
    .map((entry) => entry.name)
    .sort();
}

async function began(count: number): Promise<void> {
  await until(`${count} tasks began`, () => journal("began").length >= count);
}

async function count(state: string): Promise<number> {
  const counts = await tasks.app.engine.counts();
  return counts.find((entry) => entry.state === state)?.count ?? 0;
}

test("says when nobody else can send it anything", async () => {
  const worker = setting.start(["worker", "./in-memory.ts"]);
  await worker.complains("it runs none that another process sends.\n");
  worker.signal("SIGTERM");
  expect((await worker.ended).code).toBe(0);
  const other = await setting.work();
  other.signal("SIGTERM");
  expect(await other.ended).toMatchObject({ code: 0, errors: "" });
});

describe("told to stop", () => {
  test("finishes what runs, takes nothing more", async () => {
    await tasks.wait.enqueueMany(errands("running", 2));
    const worker = await setting.work(["--concurrency", "2"]);
    await began(2);
    await tasks.note.enqueueMany(errands("later", 3));
    worker.signal("SIGTERM");
    await worker.says("SIGTERM: finishing 2 running tasks");
    openGate();
    expect(await worker.ended).toMatchObject({ code: 0, signal: null });
    expect(names("done")).toStrictEqual(["running 0", "running 1"]);
    expect([await count("succeeded"), await count("waiting"), await count("running")]).toStrictEqual([
      2, 3, 0,
    ]);
  });

  test("finishes what runs though whoever read what it says has ended", async () => {
    const { id } = await tasks.wait.enqueue(errand("running"));
    const worker = await setting.work();
    await began(1);
    worker.stopReading();
    worker.signal("SIGINT");
    // It says something at each signal; so by now it has said something that nobody reads.
    await until("it takes no more", async () => {
      const handle = await tasks.note.enqueue(errand("later"));
      await new Promise((resolve) => setTimeout(resolve, 100));
      return worker.isOver || (await tasks.app.engine.find(handle.id))?.state === "waiting";
    });
    openGate();
    expect(await worker.ended).toMatchObject({ code: 0, signal: null });
    expect(await tasks.app.engine.find(id)).toMatchObject({ state: "succeeded", crashes: 0 });
  });

  test("by SIGINT as well, and at once when it is idle", async () => {
    const worker = await setting.work();
    worker.signal("SIGINT");
    expect(await worker.ended).toMatchObject({ code: 0, signal: null });
    expect(worker.output).toContain("SIGINT: finishing 0 running tasks");
  });

  test("twice: hands back what runs, and ends though a handler does not", async () => {
    const heeding = await tasks.wait.enqueue(errand("heeding"));
    const deaf = await tasks.persist.enqueue(errand("deaf"));
    const worker = await setting.work();
    await began(2);
    worker.signal("SIGTERM");
    await worker.says("SIGTERM: finishing 2 running tasks");
    worker.signal("SIGTERM");
    await worker.says("SIGTERM: handing back");
    await until("the worker ended", () => worker.isOver, 5000);
    expect(await worker.ended).toMatchObject({ code: 0, signal: null });
    for (const { id } of [heeding, deaf]) {
      expect(await tasks.app.engine.find(id)).toMatchObject({ state: "waiting", attempts: 0, crashes: 0 });
    }
    expect(journal("done")).toStrictEqual([]);
    openGate();
    await setting.work();
    await Promise.all([heeding.result(), deaf.result()]);
    expect(names("done")).toStrictEqual(["deaf", "heeding"]);
  });
});

describe("killed", () => {
  test("its tasks run elsewhere after their leases, and nothing is lost", async () => {
    const handles = await tasks.wait.enqueueMany(errands("task", 20));
    const lost = await setting.work(["--concurrency", "5", "--lease", "500ms"]);
    await began(5);
    const running = names("began");
    lost.signal("SIGKILL");
    expect(await lost.ended).toMatchObject({ signal: "SIGKILL" });
    expect(await count("running")).toBe(5);
    openGate();
    const heir = await setting.work(["--lease", "500ms"]);
    await Promise.all(handles.map((handle) => handle.result()));
    expect(names("done")).toStrictEqual(
      errands("task", 20)
        .map(({ name }) => name)
        .sort(),
    );
    expect(journal("done").every((entry) => entry.process === heir.process)).toBe(true);
    const { records } = await tasks.app.engine.list({ states: ["succeeded"] });
    const crashes = records.map(({ crashes }, index) => ({ name: `task ${index}`, crashes }));
    expect(crashes.filter((task) => task.crashes === 1).map((task) => task.name)).toStrictEqual(running);
    expect(crashes.filter((task) => task.crashes === 0)).toHaveLength(15);
  });

  test("by a task again and again: that task is parked, and those that ran beside it are done", async () => {
    const lots = [await tasks.note.enqueueMany(errands("before", 3))];
    const poison = await tasks.kill.enqueue(errand("poison"));
    lots.push(await tasks.note.enqueueMany(errands("after", 3)));
    let starts = 0;
    const isParked = async () => (await tasks.app.engine.find(poison.id))?.state === "parked";
    while (!(await isParked())) {
      starts++;
      const worker = setting.start(["worker", "./app.ts", "--lease", "500ms"]);
      lots.push([await tasks.note.enqueue(errand(`new ${starts}`))]);
      await until("the worker died, or the task is parked", async () => worker.isOver || (await isParked()));
    }
    expect(await tasks.app.engine.find(poison.id)).toMatchObject({
      attempts: 0,
      crashes: 5,
      reason: { code: "ERR_TASK_CRASHED" },
    });
    expect([starts, names("began")]).toStrictEqual([6, Array<string>(5).fill("poison")]);
    await expect(poison.result()).rejects.toMatchObject({
      code: "ERR_TASK_PARKED",
      reason: { code: "ERR_TASK_CRASHED" },
    });
    await Promise.all(lots.flat().map((handle) => handle.result()));
    const { records } = await tasks.app.engine.list({ states: ["succeeded"] });
    expect(records).toHaveLength(6 + starts);
    expect(Math.max(...records.map((record) => record.crashes))).toBeLessThanOrEqual(2);
  });
});

describe("the flags", () => {
  test("--shutdown-timeout: what has not finished is handed back", async () => {
    const handle = await tasks.wait.enqueue(errand("slow"));
    const worker = await setting.work(["--shutdown-timeout", "200", "--lease", "30000"]);
    await began(1);
    worker.signal("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect(await tasks.app.engine.find(handle.id)).toMatchObject({ state: "waiting", attempts: 0 });
  });

  test("--max-crashes: parked after so many", async () => {
    const poison = await tasks.kill.enqueue(errand("poison"));
    const flags = ["worker", "./app.ts", "--lease", "100ms", "--max-crashes", "1"];
    expect(await setting.start(flags).ended).toMatchObject({ signal: "SIGKILL" });
    setting.start(flags);
    await expect(poison.result()).rejects.toMatchObject({
      code: "ERR_TASK_PARKED",
      reason: { code: "ERR_TASK_CRASHED" },
    });
    expect(names("began")).toStrictEqual(["poison"]);
  });
});

describe("two workers", () => {
  test("a run that takes longer than its lease is not taken from a worker that lives", async () => {
    const lease = 1000;
    const slow = await tasks.wait.enqueue(errand("slow"));
    const flags = ["--concurrency", "1", "--lease", `${lease}ms`];
    const busy = await setting.work(flags);
    await began(1);
    const since = Date.now();
    const idle = await setting.work(flags);
    // The other worker is awake all the time: it would take the task if it could.
    while (Date.now() < since + 2.5 * lease) await (await tasks.note.enqueue(errand("quick"))).result();
    openGate();
    await slow.result();
    expect(journal("began")).toStrictEqual([{ event: "began", name: "slow", process: busy.process }]);
    expect(await tasks.app.engine.find(slow.id)).toMatchObject({ state: "succeeded", crashes: 0 });
    const quick = journal("done").filter((entry) => entry.name === "quick");
    expect(quick.length).toBeGreaterThan(5);
    expect(quick.every((entry) => entry.process === idle.process)).toBe(true);
  });

  test("run each of 200 tasks exactly once", async () => {
    const handles = await tasks.note.enqueueMany(errands("task", 200));
    const workers = await Promise.all([1, 2].map(() => setting.work(["--concurrency", "3"])));
    await Promise.all(handles.map((handle) => handle.result()));
    expect(names("done")).toStrictEqual(
      errands("task", 200)
        .map(({ name }) => name)
        .sort(),
    );
    expect(await tasks.app.engine.counts()).toStrictEqual([
      { queue: "default", state: "succeeded", count: 200 },
    ]);
    for (const worker of workers) worker.signal("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toMatchObject({ code: 0 });
  });
});

describe("from process to process", () => {
  test("an idle worker is woken by a send, and the sender by the end", async () => {
    // Neither looks by itself within the test's time.
    const patient = makeApp(setting.file, { pollInterval: 600_000 });
    try {
      await setting.work([], { TEST_POLL_INTERVAL: "600000" });
      for (let index = 0; index < 5; index++) {
        const handle = await patient.note.enqueue(errand(`task ${index}`));
        await handle.result({ timeout: 2000 });
      }
    } finally {
      await patient.app.close();
    }
  });

  test("a result arrives as what it was", async () => {
    const worker = await setting.work();
    const items = [new Money({ amount: 5n, currency: "EUR" }), new Money({ amount: 2n, currency: "EUR" })];
    const handle = await tasks.invoice.enqueue({ items, since: new Date(0) });
    const invoice = await handle.result();
    expect(invoice).toStrictEqual({
      total: new Money({ amount: 7n, currency: "EUR" }),
      due: new Date(86_400_000),
      count: 2n,
      process: worker.process,
    });
    expect(invoice.total.plus(invoice.total).amount).toBe(14n);
    expect(worker.process).not.toBe(process.pid);
  });
});
