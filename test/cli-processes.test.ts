/** `petiole worker --processes`: a supervisor and its worker processes. */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Setting, until, type Running } from "./fixtures/cli/processes.ts";
import { makeApp, readJournal, type Entry, type Errand } from "./fixtures/cli/tasks.ts";

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

function start(module: string, processes: string, ...flags: string[]): Running {
  const parameters = ["worker", module, "--processes", processes, ...flags];
  // Older versions of Node warn about node:sqlite.
  return setting.start(parameters, { NODE_NO_WARNINGS: "1" }, { leadsGroup: true });
}

/** Starts so many; resolves once all take tasks. */
async function startAll(count: number, ...flags: string[]): Promise<Running> {
  const supervisor = start("./app.ts", String(count), ...flags);
  await ready(supervisor, count);
  return supervisor;
}

function ready(supervisor: Running, count: number): Promise<void> {
  return until(`${count} workers are ready`, () => readyProcesses(supervisor).length >= count);
}

/** The ids of the processes that said that they are ready, in that order. */
function readyProcesses(supervisor: Running): number[] {
  return [...supervisor.output.matchAll(/^worker (\d+)-\w+ is ready$/gm)].map(([, id]) => Number(id));
}

function errands(name: string, count: number): Errand[] {
  const gate = join(setting.folder, "gate");
  return Array.from({ length: count }, (_, index) => ({
    journal: setting.journal,
    name: `${name} ${index}`,
    gate,
  }));
}

/** Lets the tasks that wait go on. */
function openGate(): void {
  writeFileSync(join(setting.folder, "gate"), "");
}

function journal(event: Entry["event"]): Entry[] {
  return readJournal(setting.journal).filter((entry) => entry.event === event);
}

async function began(count: number): Promise<void> {
  await until(`${count} tasks began`, () => journal("began").length >= count);
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch {
    return false;
  }
}

async function count(state: string): Promise<number> {
  const counts = await tasks.app.engine.counts();
  return counts.find((entry) => entry.state === state)?.count ?? 0;
}

describe("several processes", () => {
  test("share the tasks; all stop at SIGTERM", async () => {
    const handles = await tasks.wait.enqueueMany(errands("task", 3));
    const supervisor = await startAll(3, "--concurrency", "1");
    await began(3);
    const processes = readyProcesses(supervisor);
    expect(new Set(processes).size).toBe(3);
    expect(processes).not.toContain(supervisor.process);
    expect(new Set(journal("began").map((entry) => entry.process))).toStrictEqual(new Set(processes));
    supervisor.signal("SIGTERM");
    await until(
      "all say so",
      () => supervisor.output.split("SIGTERM: finishing 1 running task\n").length > 3,
    );
    openGate();
    expect(await supervisor.ended).toMatchObject({ code: 0, signal: null, errors: "" });
    expect(supervisor.output.match(/^worker \S+ has stopped$/gm)).toHaveLength(3);
    expect(processes.filter(isAlive)).toStrictEqual([]);
    expect(await count("succeeded")).toBe(handles.length);
  });

  test("have names that differ, and all the other flags", async () => {
    const flags = ["--name", "mail", "--concurrency", "1", "--max-crashes", "2", "--shutdown-timeout", "9s"];
    const supervisor = start("./app.ts", "2", ...flags);
    for (const name of ["mail-1", "mail-2"]) await supervisor.says(`worker ${name} is ready\n`);
    await tasks.wait.enqueueMany(errands("task", 3));
    await began(2);
    const { records } = await tasks.app.engine.list({ states: ["running"] });
    expect(records.map((record) => record.worker).sort()).toStrictEqual(["mail-1", "mail-2"]);
    openGate();
  });

  test("auto: as many as the machine can run at once", async () => {
    const supervisor = start("./app.ts", "auto");
    await ready(supervisor, availableParallelism());
    supervisor.signal("SIGINT");
    expect(await supervisor.ended).toMatchObject({ code: 0 });
    expect(readyProcesses(supervisor)).toHaveLength(availableParallelism());
  });

  test("one process is possible", async () => {
    const supervisor = await startAll(1);
    supervisor.signal("SIGTERM");
    expect(await supervisor.ended).toMatchObject({ code: 0, errors: "" });
  });
});

describe("told to stop", () => {
  test("twice: they hand back what runs", async () => {
    const handles = await tasks.wait.enqueueMany(errands("task", 2));
    const supervisor = await startAll(2, "--concurrency", "1");
    await began(2);
    supervisor.signal("SIGTERM");
    await until("both finish", () => supervisor.output.split("SIGTERM: finishing").length > 2);
    supervisor.signal("SIGINT");
    expect(await supervisor.ended).toMatchObject({ code: 0 });
    expect(supervisor.output.match(/SIGINT: handing back 1 running task/g)).toHaveLength(2);
    for (const { id } of handles) {
      expect(await tasks.app.engine.find(id)).toMatchObject({ state: "waiting", attempts: 0, crashes: 0 });
    }
  });

  test("by a terminal, which tells every process: that counts once", async () => {
    await tasks.wait.enqueueMany(errands("task", 2));
    const supervisor = await startAll(2, "--concurrency", "1");
    await began(2);
    supervisor.signalGroup("SIGINT");
    await until("both finish", () => supervisor.output.split("SIGINT: finishing").length > 2);
    await sleep(200);
    expect(supervisor.isOver).toBe(false);
    openGate();
    expect(await supervisor.ended).toMatchObject({ code: 0, errors: "" });
    expect(supervisor.output).not.toContain("handing back");
    expect(await count("succeeded")).toBe(2);
  });

  test("while they start", async () => {
    const supervisor = start("./never-ready.ts", "2");
    await until("both start", () => supervisor.output.split("starting\n").length > 2);
    supervisor.signal("SIGTERM");
    expect(await supervisor.ended).toMatchObject({ code: 0, errors: "" });
  });

  test("by the end of the supervisor: they finish what runs", async () => {
    await tasks.wait.enqueueMany(errands("task", 2));
    const supervisor = await startAll(2, "--concurrency", "1");
    await began(2);
    supervisor.signal("SIGKILL");
    await until(
      "both finish",
      () => supervisor.output.split("the supervisor is gone: finishing 1").length > 2,
    );
    openGate();
    expect(await supervisor.ended).toMatchObject({ signal: "SIGKILL" });
    await until("both ended", () => !readyProcesses(supervisor).some(isAlive));
    expect(await count("succeeded")).toBe(2);
  });

  test("by the end of the supervisor, while they start", async () => {
    const supervisor = start("./never-ready.ts", "2");
    await until("both start", () => supervisor.output.split("starting\n").length > 2);
    supervisor.signal("SIGKILL");
    // Its output is closed when the last of them has ended.
    expect(await supervisor.ended).toMatchObject({ signal: "SIGKILL" });
  });
});

describe("a process that dies", () => {
  test("is replaced, and nothing is lost", async () => {
    const handles = await tasks.wait.enqueueMany(errands("task", 6));
    const supervisor = await startAll(2, "--concurrency", "2", "--lease", "500ms");
    await began(4);
    const [victim, other] = readyProcesses(supervisor) as [number, number];
    process.kill(victim, "SIGKILL");
    await supervisor.complains(`(${victim}) was ended by SIGKILL; another starts in 0.1 s\n`);
    await ready(supervisor, 3);
    openGate();
    await Promise.all(handles.map((handle) => handle.result()));
    expect(isAlive(other)).toBe(true);
    expect(new Set(journal("done").map((entry) => entry.name)).size).toBe(6);
    supervisor.signal("SIGTERM");
    expect(await supervisor.ended).toMatchObject({ code: 0 });
    expect(supervisor.errors).toMatch(/^worker process [12] \(\d+\) was ended by SIGKILL; .+\n$/);
  });

  test("again and again is replaced after longer and longer", async () => {
    const supervisor = await startAll(1);
    for (const delay of ["0.1", "0.2", "0.4"]) {
      process.kill(readyProcesses(supervisor).at(-1)!, "SIGKILL");
      const before = readyProcesses(supervisor).length;
      await supervisor.complains(`was ended by SIGKILL; another starts in ${delay} s\n`);
      await ready(supervisor, before + 1);
    }
  });

  test("by itself, with a code, is replaced", async () => {
    const supervisor = await startAll(1);
    process.kill(readyProcesses(supervisor)[0]!, "SIGTERM");
    await supervisor.complains("ended with code 0; another starts in 0.1 s\n");
    await ready(supervisor, 2);
  });

  test("while all stop is told, and the end is code 1", async () => {
    await tasks.wait.enqueueMany(errands("task", 2));
    const supervisor = await startAll(2, "--concurrency", "1");
    await began(2);
    supervisor.signal("SIGTERM");
    await until("both finish", () => supervisor.output.split("SIGTERM: finishing").length > 2);
    const victim = readyProcesses(supervisor)[0]!;
    process.kill(victim, "SIGKILL");
    await supervisor.complains(`(${victim}) was ended by SIGKILL before it had stopped\n`);
    openGate();
    expect(await supervisor.ended).toMatchObject({ code: 1 });
  });
});

describe("what cannot start", () => {
  test("an app module that throws: given up, its error told once", async () => {
    const supervisor = start("./throws.ts", "2");
    expect(await supervisor.ended).toMatchObject({ code: 1, output: "" });
    expect(supervisor.errors.match(/ERR_APP_MODULE/g)).toHaveLength(1);
    expect(supervisor.errors.match(/Error: the settings are missing\n {4}at /g)).toHaveLength(1);
    expect(supervisor.errors).toContain(
      "a worker process ended with code 1 before it was ready, 5 times in a row: giving up\n",
    );
    expect(supervisor.errors).toContain("another starts in 0.8 s\n");
  });

  test("an app module that waits for what never comes: given up", async () => {
    const supervisor = start("./never-ends.ts", "1");
    expect(await supervisor.ended).toMatchObject({ code: 1, output: "" });
    expect(supervisor.errors).toContain("an `await` outside of its functions waits for what never comes");
    expect(supervisor.errors).toContain("5 times in a row: giving up\n");
  });

  test("a file that is no database: given up", async () => {
    writeFileSync(setting.file, "These are my notes, and not a database at all.\n".repeat(50));
    const supervisor = start("./app.ts", "1");
    expect(await supervisor.ended).toMatchObject({ code: 1, output: "" });
    expect(supervisor.errors.match(/ERR_ENGINE_FILE_INVALID/g)).toHaveLength(1);
  });

  test("options that only the worker can check: the usage, at once", async () => {
    const supervisor = start("./app.ts", "3", "--lease", "1ms");
    expect(await supervisor.ended).toMatchObject({ code: 2, output: "" });
    expect(supervisor.errors.match(/^ERR_COMMAND_LINE: lease must be from 10 ms to a day/gm)).toHaveLength(1);
    expect(supervisor.errors).not.toContain("worker process");
  });
});
