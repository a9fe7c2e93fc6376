import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Setting, until, type Running } from "../../test/fixtures/cli/processes.ts";
import { makeApp, readJournal, type Errand } from "../../test/fixtures/cli/tasks.ts";
import { memory } from "../engine/memory.ts";
import { Petiole } from "./petiole.ts";
import { Watchdog } from "./watchdog.ts";

const flags = ["--name", "test", "--lease", "400ms"];

describe("a worker process", () => {
  let setting: Setting;
  let tasks: ReturnType<typeof makeApp>;

  beforeEach(() => {
    setting = new Setting();
    tasks = makeApp(setting.file);
  });

  afterEach(async () => {
    await tasks.app.close();
    await setting.close();
  });

  const errand = (name: string): Errand => ({
    journal: setting.journal,
    name,
    gate: join(setting.folder, name),
  });

  const open = (name: string): void => writeFileSync(join(setting.folder, name), "");

  const began = (name: string): Promise<void> =>
    until(`${name} began`, () =>
      readJournal(setting.journal).some((entry) => entry.event === "began" && entry.name === name),
    );

  const stop = async (worker: Running): Promise<string> => {
    worker.signal("SIGTERM");
    const { code, errors } = await worker.ended;
    expect(code).toBe(0);
    return errors;
  };

  test("that is blocked says so meanwhile, once, and how long it was afterwards", async () => {
    const worker = await setting.work(flags);
    const since = performance.now();
    await tasks.block.enqueue(errand("a"));
    await worker.complains("Petiole worker test: its event loop is blocked");
    expect(worker.errors).toMatch(
      /^Petiole worker test: its event loop is blocked, for \d+ ms already, and its lease is 400 ms: its tasks are given to other workers\. Running: block \(1\)\. Started last: block\.$/m,
    );
    expect(Number(/for (\d+) ms already/.exec(worker.errors)![1])).toBeGreaterThan(400);
    await pause(1000);
    open("a");
    await worker.complains("its event loop was blocked");
    const blocked = Number(/was blocked for (\d+) ms, and its lease is 400 ms/.exec(worker.errors)?.[1]);
    expect(blocked).toBeGreaterThan(1000);
    expect(blocked).toBeLessThan(performance.now() - since);
    expect(worker.errors).toMatch(/were given to other workers\. Running then: block \(1\)\. /);
    const errors = await stop(worker);
    expect(errors.match(/is blocked/g)).toHaveLength(1);
    expect(errors.match(/was blocked/g)).toHaveLength(1);
  });

  test("accuses no task alone where several run, and says which was the last", async () => {
    const worker = await setting.work(flags);
    for (const name of ["b", "c"]) {
      await tasks.wait.enqueue(errand(name));
      await began(name);
    }
    await tasks.block.enqueue(errand("a"));
    await worker.complains("is blocked");
    expect(worker.errors).toContain(" Running: wait (2), block (1). Started last: block.\n");
    for (const name of ["a", "b", "c"]) open(name);
    await worker.complains("Running then: wait (2), block (1). Started last: block.");
    await stop(worker);
  });

  test("says it again of the next block", async () => {
    const worker = await setting.work(flags);
    for (const [index, name] of ["a", "b"].entries()) {
      const handle = await tasks.block.enqueue(errand(name));
      await until("it says so", () => (worker.errors.match(/is blocked/g) ?? []).length > index);
      open(name);
      await handle.result();
    }
    expect((await stop(worker)).match(/was blocked/g)).toHaveLength(2);
  });

  test("that is not blocked says nothing, however long its tasks take", async () => {
    const worker = await setting.work(flags);
    await tasks.wait.enqueue(errand("a"));
    await began("a");
    await pause(1500);
    open("a");
    expect(await stop(worker)).not.toContain("blocked");
  });

  test("that was stopped whole accuses nobody", async () => {
    const worker = await setting.work(flags);
    await tasks.wait.enqueue(errand("a"));
    await began("a");
    for (let times = 0; times < 3; times++) {
      worker.signal("SIGSTOP");
      await pause(1200);
      worker.signal("SIGCONT");
      await pause(300);
    }
    open("a");
    expect(await stop(worker)).not.toContain("blocked");
  });
});

describe("the thread", () => {
  const start = (lease: number) =>
    `Watchdog.start({ worker: "w", lease: ${lease}, tasks: ["a"], warn: (text) => console.log(text) })`;

  test("does not keep the process alive", async () => {
    expect((await run(`${start(60_000)}; console.log("end")`)).stdout).toBe("end\n");
  });

  test("has ended when stop resolves, also where nothing else is left to do", async () => {
    const { stdout } = await run(`const dog = ${start(60_000)}; await dog.stop(); console.log("end");`);
    expect(stdout).toBe("end\n");
  });

  test("counts tasks that it was not told of, and is silent where none runs", async () => {
    const { stdout, stderr } = await run(`
      const dog = ${start(50)};
      const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      const turn = () => new Promise((resolve) => setTimeout(resolve, 20));
      await turn();
      block();
      await turn();
      dog.began("a");
      dog.began("later");
      dog.ended("a");
      block();
      await turn();
      await dog.stop();`);
    expect(stderr.match(/Running: .*/g)).toStrictEqual([
      "Running: tasks that were added later (1). Started last: tasks that were added later.",
    ]);
    expect(stdout.match(/was blocked for \d+ ms/g)).toHaveLength(1);
  });

  test("that is not allowed is told, and nothing else happens", async () => {
    const { stdout } = await run(`console.log(${start(50)});`, "--permission", "--allow-fs-read=*");
    expect(stdout).toMatch(/^Petiole worker w has no watchdog, as there can be no thread: .+\nundefined\n$/);
  });
});

describe("the option", () => {
  test("of a wrong type is refused", () => {
    const app = new Petiole({ engine: memory() });
    expect(() => app.worker({ watchdog: "yes" as never })).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });

  test("can be given for an engine that is not shared", async () => {
    const { stdout } = await run(`
      import { Petiole } from ${moduleAt("petiole.ts")};
      import { memory } from ${moduleAt("../engine/memory.ts")};
      const app = new Petiole({ engine: memory() });
      const nap = app.task("nap", async () => {
        // The thread takes a moment to start.
        await new Promise((resolve) => setTimeout(resolve, 300));
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      });
      const logger = { info() {}, error() {}, warn: (text) => console.log(text) };
      const worker = app.worker({ lease: 150, watchdog: true, logger });
      await worker.start();
      await (await nap.enqueue()).result();
      await worker.stop();`);
    expect(stdout).toContain("Running then: nap (1). Started last: nap.\n");
  });

  test("warns also where the engine lets a process be silent for less than the lease", async () => {
    const { stdout, stderr } = await run(`
      import { Petiole } from ${moduleAt("petiole.ts")};
      import { memory } from ${moduleAt("../engine/memory.ts")};
      const app = new Petiole({ engine: Object.assign(memory(), { name: "strict", silence: 300 }) });
      const nap = app.task("nap", async (time) => {
        // The thread takes a moment to start, and there are signs of life without a heartbeat.
        await new Promise((resolve) => setTimeout(resolve, 1000));
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, time);
      });
      const logger = { info() {}, error() {}, warn: (text) => console.log(text) };
      const worker = app.worker({ watchdog: true, logger, name: "w" });
      await worker.start();
      await (await nap.enqueue(1000)).result();
      await worker.stop();`);
    const measure = "and the strict engine takes a process for dead after 300 ms: its tasks";
    expect(stdout.match(/was blocked for \d+ ms, (.*? its tasks)/)?.[1]).toBe(measure);
    expect(stderr.match(/is blocked, for \d+ ms already, (.*? its tasks)/)?.[1]).toBe(measure);
    expect(stderr.match(/is blocked/g)).toHaveLength(1);
  });

  test("started and stopped at once leaves nothing behind", async () => {
    const dog = Watchdog.start({ worker: "w", lease: 1000, tasks: [], warn: () => {} });
    dog!.began("a");
    dog!.ended("a");
    await dog!.stop();
  });
});

function moduleAt(path: string): string {
  return JSON.stringify(pathToFileURL(join(import.meta.dirname, path)).href);
}

/** Runs code in a process of its own. */
function run(code: string, ...flags: string[]): Promise<{ stdout: string; stderr: string }> {
  const text = `import { Watchdog } from ${moduleAt("watchdog.ts")};\n${code}`;
  const parameters = [...flags, "--input-type=module", "--eval", text];
  return promisify(execFile)(process.execPath, parameters, { timeout: 10_000 });
}

function pause(duration: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, duration));
}
