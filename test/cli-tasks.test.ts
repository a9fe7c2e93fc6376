import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine, Reason, Settlement, TaskState } from "../src/engine.ts";
import { sqlite } from "../src/engine/sqlite.ts";
import { Setting, until } from "./fixtures/cli/processes.ts";
import { makeApp, readJournal } from "./fixtures/cli/tasks.ts";

let setting: Setting;
let engine: Engine;

beforeEach(() => {
  setting = new Setting();
  engine = sqlite(setting.file);
});

afterEach(async () => {
  await engine.close();
  await setting.close();
});

interface Kept {
  readonly id: string;
  readonly task?: string;
  readonly queue?: string;
  readonly reason?: Reason;
}

/** Puts a task into the file that ended this way. */
async function keep(
  end: "fail" | "park" | "complete" | "expire" | "cancel" | undefined,
  kept: Kept,
): Promise<void> {
  const { id, task = "mail", queue = "default", reason = { code: "ERR_TASK_FAILED", message: "no" } } = kept;
  const message = { id, task, queue, payload: "[1]", headers: { wire: 1 } };
  await engine.send([{ message, runAt: 0 }]);
  if (end === undefined) return;
  const [delivery] = await engine.claim({ queues: [queue], limit: 1, lease: 60_000, worker: "test" });
  if (delivery?.message.id !== id) throw new Error(`claimed ${delivery?.message.id} in place of ${id}`);
  const { lease } = delivery;
  const settlement: Settlement =
    end === "complete" ? { kind: end, lease, result: "null" } : { kind: end, lease, reason };
  expect(await engine.settle([settlement])).toStrictEqual([true]);
}

const states = [
  "scheduled",
  "waiting",
  "running",
  "succeeded",
  "failed",
  "parked",
  "skipped",
  "discarded",
  "expired",
  "cancelled",
];

async function stateOf(id: string): Promise<TaskState | undefined> {
  return (await engine.find(id))?.state;
}

describe("status", () => {
  test("a row for each queue, a column for each state", async () => {
    await keep("complete", { id: "1" });
    await keep("fail", { id: "2" });
    await keep("park", { id: "3", queue: "mail" });
    await keep("expire", { id: "4" });
    await keep("cancel", { id: "5" });
    await keep(undefined, { id: "6" });
    await keep(undefined, { id: "7" });
    const { code, output } = await setting.run("status", "./app.ts");
    expect(output.split("\n").map((line) => line.split(/ +/))).toStrictEqual([
      ["queue", ...states],
      ["default", "0", "2", "0", "1", "1", "0", "0", "0", "1", "1"],
      ["mail", "0", "0", "0", "0", "0", "1", "0", "0", "0", "0"],
      [""],
    ]);
    expect(code).toBe(0);
    const json = await setting.run("status", "./app.ts", "--json");
    expect(JSON.parse(json.output)).toStrictEqual(await engine.counts());
  });

  test("nothing at all", async () => {
    expect(await setting.run("status", "./app.ts")).toMatchObject({ output: "no tasks\n", code: 0 });
    expect(await setting.run("status", "./app.ts", "--json")).toMatchObject({ output: "[]\n", code: 0 });
  });
});

describe("failed and parked", () => {
  test("tell which, when and why, each on one line", async () => {
    const message = "cannot reach\nthe\u001b[31m server\u0007\r\u2028now\u202ebackwards";
    await keep("fail", { id: "1", task: "mail.send", reason: { code: "ERR_TASK_FAILED", message } });
    await keep("park", { id: "2", reason: { code: "ERR_TASK_UNKNOWN", message: "who is that" } });
    const failed = await setting.run("failed", "./app.ts");
    const endedAt = (await engine.find("1"))!.endedAt!;
    expect(failed.output.split("\n").map((line) => line.split(/ {2,}/))).toStrictEqual([
      ["id", "task", "queue", "attempts", "ended", "code", "reason"],
      [
        "1",
        "mail.send",
        "default",
        "1",
        new Date(endedAt).toISOString(),
        "ERR_TASK_FAILED",
        "cannot reach the [31m server now backwards",
      ],
      [""],
    ]);
    const parked = await setting.run("parked", "./app.ts");
    expect(parked.output).toMatch(/^2 +mail +default +0 +\S+ +ERR_TASK_UNKNOWN +who is that$/m);
    expect(parked.output).not.toContain("ERR_TASK_FAILED");
    expect([failed.code, parked.code]).toStrictEqual([0, 0]);
  });

  test("--json prints a record on each line", async () => {
    await keep("fail", { id: "1", reason: { code: "ERR_TASK_FAILED", message: "two\nlines" } });
    await keep("fail", { id: "2" });
    const { code, output } = await setting.run("failed", "./app.ts", "--json");
    const records = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(records).toStrictEqual([await engine.find("1"), await engine.find("2")]);
    expect(code).toBe(0);
    expect((await setting.run("parked", "./app.ts", "--json")).output).toBe("");
  });

  test("--limit, --task and --queue narrow it down", async () => {
    for (const id of ["1", "2", "3"]) await keep("park", { id, task: "mail" });
    await keep("park", { id: "4", task: "posts", queue: "slow" });
    const ids = async (...flags: string[]) => {
      const { output } = await setting.run("parked", "./app.ts", ...flags);
      return output
        .split("\n")
        .slice(1, -1)
        .map((line) => line.split(" ")[0]);
    };
    expect(await ids("--limit", "2")).toStrictEqual(["1", "2", "…"]);
    expect((await setting.run("parked", "./app.ts", "--limit", "2")).output).toContain(
      "\n… and more; the first 2 are shown (--limit N)\n",
    );
    expect(await ids("--limit", "4")).toStrictEqual(["1", "2", "3", "4"]);
    expect(await ids("--task", "posts")).toStrictEqual(["4"]);
    expect(await ids("--queue", "default")).toStrictEqual(["1", "2", "3"]);
    expect(await setting.run("parked", "./app.ts", "--queue", "default", "--task", "posts")).toMatchObject({
      output: "no parked tasks\n",
      code: 0,
    });
  });
});

describe("retry and discard", () => {
  test("by id", async () => {
    for (const id of ["1", "2", "3"]) await keep("fail", { id });
    const retried = await setting.run("retry", "./app.ts", "1", "3", "1");
    expect(retried).toMatchObject({ output: "2 tasks will run again\n", code: 0 });
    expect(await engine.find("1")).toMatchObject({ state: "waiting", attempts: 0 });
    expect([await stateOf("2"), await stateOf("3")]).toStrictEqual(["failed", "waiting"]);
    const discarded = await setting.run("discard", "./app.ts", "2");
    expect(discarded).toMatchObject({ output: "1 task discarded\n", code: 0 });
    expect(await engine.find("2")).toMatchObject({
      state: "discarded",
      reason: { code: "ERR_TASK_DISCARDED", message: "discarded on the command line" },
    });
  });

  test("by --failed, by --parked, by both", async () => {
    for (const id of ["1", "2"]) await keep("fail", { id });
    for (const id of ["3", "4"]) await keep("park", { id });
    await keep("complete", { id: "5" });
    expect((await setting.run("retry", "./app.ts", "--failed")).output).toBe("2 tasks will run again\n");
    expect([await stateOf("1"), await stateOf("2"), await stateOf("3")]).toStrictEqual([
      "waiting",
      "waiting",
      "parked",
    ]);
    const both = await setting.run("discard", "./app.ts", "--failed", "--parked");
    expect(both).toMatchObject({ output: "2 tasks discarded\n", code: 0 });
    expect([await stateOf("3"), await stateOf("4"), await stateOf("5")]).toStrictEqual([
      "discarded",
      "discarded",
      "succeeded",
    ]);
    expect(await setting.run("retry", "./app.ts", "--parked")).toMatchObject({
      output: "0 tasks will run again\n",
      code: 0,
    });
  });

  test("more than one page", async () => {
    const ids = Array.from({ length: 501 }, (_, index) => `task ${index}`);
    await engine.send(
      ids.map((id) => ({
        message: { id, task: "mail", queue: "default", payload: "1", headers: { wire: 1 } },
        runAt: 0,
      })),
    );
    const deliveries = await engine.claim({ queues: ["default"], limit: 501, lease: 60_000, worker: "test" });
    const reason = { code: "ERR_TASK_FAILED", message: "no" };
    await engine.settle(deliveries.map(({ lease }) => ({ kind: "fail", lease, reason })));
    expect((await setting.run("retry", "./app.ts", "--failed")).output).toBe("501 tasks will run again\n");
    expect(await engine.counts()).toStrictEqual([{ queue: "default", state: "waiting", count: 501 }]);
  });

  test("an id that is not there is named, and the others are done", async () => {
    await keep("fail", { id: "1" });
    await keep("complete", { id: "2" });
    const retried = await setting.run("retry", "./app.ts", "absent", "2", "1");
    expect(retried).toMatchObject({ output: "1 task will run again\n", code: 1 });
    expect(retried.errors).toContain("ERR_TASK_NOT_FOUND: Not retried: absent, 2. No failed, parked");
    expect([await stateOf("1"), await stateOf("2")]).toStrictEqual(["waiting", "succeeded"]);
    const discarded = await setting.run("discard", "./app.ts", "absent", "1");
    expect(discarded).toMatchObject({ output: "1 task discarded\n", code: 1 });
    expect(discarded.errors).toContain("ERR_TASK_NOT_FOUND: Not discarded: absent. No scheduled, waiting");
    expect(await stateOf("1")).toBe("discarded");
  });
});

describe("cancel", () => {
  test("ends those that wait, tells those that run", async () => {
    await keep(undefined, { id: "1", queue: "slow" });
    const [delivery] = await engine.claim({ queues: ["slow"], limit: 1, lease: 60_000, worker: "test" });
    for (const id of ["2", "3"]) await keep(undefined, { id });
    const one = await setting.run("cancel", "./app.ts", "2", "2");
    expect(one).toMatchObject({ output: "1 task cancelled\n", code: 0 });
    const both = await setting.run("cancel", "./app.ts", "1", "3");
    expect(both).toMatchObject({ output: "1 task cancelled\n1 running task told to stop\n", code: 0 });
    const reason = { code: "ERR_TASK_CANCELLED", message: "cancelled on the command line" };
    for (const id of ["2", "3"]) expect(await engine.find(id)).toMatchObject({ state: "cancelled", reason });
    expect(await stateOf("1")).toBe("running");
    await engine.settle([{ kind: "release", lease: delivery!.lease }]);
    expect(await engine.find("1")).toMatchObject({ state: "cancelled", reason });
  });

  test("ids with nothing to cancel are named, and the others are done", async () => {
    await keep("complete", { id: "1" });
    await keep("fail", { id: "2" });
    await keep(undefined, { id: "3" });
    const { code, output, errors } = await setting.run("cancel", "./app.ts", "absent", "1", "3", "2");
    expect(output).toBe("1 task cancelled\n");
    expect(errors).toMatch(/^ERR_TASK_NOT_FOUND: Not cancelled: absent, 1, 2\. No scheduled, waiting or/m);
    expect(code).toBe(1);
    const again = await setting.run("cancel", "./app.ts", "3");
    expect(again).toMatchObject({ output: "0 tasks cancelled\n", code: 1 });
    expect([await stateOf("1"), await stateOf("2"), await stateOf("3")]).toStrictEqual([
      "succeeded",
      "failed",
      "cancelled",
    ]);
  });

  test("stops a task that runs in another process", async () => {
    const tasks = makeApp(setting.file);
    try {
      const handle = await tasks.wait.enqueue({ journal: setting.journal, name: "a" });
      await setting.work();
      await until("it began", () => readJournal(setting.journal).length > 0);
      const { output } = await setting.run("cancel", "./app.ts", handle.id);
      // It may have ended already when the command looks.
      expect(output).toMatch(/^(1 task cancelled|0 tasks cancelled\n1 running task told to stop)\n$/);
      await expect(handle.result()).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
    } finally {
      await tasks.app.close();
    }
  });
});

describe("pause and resume", () => {
  test("say what became of each queue, for every process", async () => {
    await keep(undefined, { id: "1", queue: "mail" });
    const paused = await setting.run("pause", "./app.ts", "mail", "empty", "mail");
    expect(paused).toMatchObject({ output: "queue mail is paused\nqueue empty is paused\n", code: 0 });
    expect(await engine.paused()).toStrictEqual(["empty", "mail"]);
    expect(await engine.claim({ queues: ["mail"], limit: 1, lease: 60_000, worker: "test" })).toHaveLength(0);
    const again = await setting.run("pause", "./app.ts", "mail");
    expect(again).toMatchObject({ output: "queue mail was paused before\n", code: 0 });
    const resumed = await setting.run("resume", "./app.ts", "mail", "other");
    expect(resumed).toMatchObject({ output: "queue mail is resumed\nqueue other was not paused\n", code: 0 });
    expect(await engine.paused()).toStrictEqual(["empty"]);
    expect(await engine.claim({ queues: ["mail"], limit: 1, lease: 60_000, worker: "test" })).toHaveLength(1);
  });

  test("a name that is none pauses nothing", async () => {
    const { code, errors } = await setting.run("pause", "./app.ts", "mail", "no such");
    expect(errors).toMatch(/^ERR_OPTION_INVALID: queue must be .*received string "no such"/m);
    expect(code).toBe(1);
    expect(await engine.paused()).toStrictEqual([]);
  });

  test("status shows which are paused, also one without tasks", async () => {
    await keep(undefined, { id: "1", queue: "mail" });
    await keep(undefined, { id: "2" });
    for (const queue of ["mail", "empty"]) await engine.pause(queue);
    const { output } = await setting.run("status", "./app.ts");
    expect(output.split("\n").map((line) => line.split(/ {2,}/).slice(0, 3))).toStrictEqual([
      ["queue", "scheduled", "waiting"],
      ["default", "0", "1"],
      ["empty (paused)", "0", "0"],
      ["mail (paused)", "0", "1"],
      [""],
    ]);
    const json = await setting.run("status", "./app.ts", "--json");
    expect(JSON.parse(json.output)).toStrictEqual([
      { queue: "default", state: "waiting", count: 1 },
      { queue: "mail", state: "waiting", count: 1, paused: true },
      { queue: "empty", state: "waiting", count: 0, paused: true },
    ]);
  });

  test("a worker of another process goes on once its queue is resumed", async () => {
    const tasks = makeApp(setting.file);
    try {
      await setting.run("pause", "./app.ts", "default");
      await setting.work();
      const handle = await tasks.note.enqueue({ journal: setting.journal, name: "a" });
      await expect(handle.result({ timeout: 300 })).rejects.toMatchObject({ code: "ERR_RESULT_TIMEOUT" });
      await setting.run("resume", "./app.ts", "default");
      await handle.result({ timeout: "10s" });
      expect(readJournal(setting.journal)).toHaveLength(1);
    } finally {
      await tasks.app.close();
    }
  });
});

describe("show", () => {
  /** A task with all that there can be. */
  async function keepWhole(): Promise<void> {
    const message = {
      id: "1",
      task: "mail.send",
      queue: "slow",
      payload: '{"to":"\u009b2J\u202eada"}',
      headers: { wire: 1 },
    };
    await engine.send([{ message, runAt: 0, priority: 7 }]);
    const [first] = await engine.claim({ queues: ["slow"], limit: 1, lease: 60_000, worker: "a" });
    const reason: Reason = { code: "ERR_TASK_FAILED", message: "later" };
    await engine.settle([{ kind: "retryAt", lease: first!.lease, at: 0, reason }]);
    const [second] = await engine.claim({
      queues: ["slow"],
      limit: 1,
      lease: 60_000,
      worker: "mailer\u001b[2J",
    });
    await engine.report(second!.lease, {
      progress: { fraction: 0.756, note: "nearly\u0007" },
      lines: [
        { at: 0, text: "connecting\u001b[31m\nto the server" },
        { at: 1000, text: "sending" },
      ],
    });
    const details = {
      name: "Error",
      message: "no such\nmailbox",
      stack: "Error: no\n    at send\u001b[0m (mail.ts:3:9)",
      status: [550, null],
    };
    await engine.settle([
      {
        kind: "fail",
        lease: second!.lease,
        reason: { code: "ERR_TASK_FAILED", message: "no such\nmailbox", details },
      },
    ]);
  }

  test("tells everything about a task, and moves no cursor", async () => {
    await keepWhole();
    const { code, output } = await setting.run("show", "./app.ts", "1");
    const record = (await engine.find("1"))!;
    const time = (at: number | undefined): string => new Date(at!).toISOString();
    expect(output).toBe(
      [
        "id         1",
        "task       mail.send",
        "queue      slow",
        "state      failed",
        "priority   7",
        "attempts   2",
        "crashes    0",
        "deferrals  0",
        `sent       ${time(record.sentAt)}`,
        `runs at    ${time(record.runAt)}`,
        `started    ${time(record.startedAt)}`,
        `ended      ${time(record.endedAt)}`,
        "worker     mailer [2J",
        "progress   76 % nearly",
        "reason     ERR_TASK_FAILED: no such",
        "           mailbox",
        "  name     Error",
        "  stack    Error: no",
        "               at send [0m (mail.ts:3:9)",
        "  status   [550,null]",
        'headers    {"wire":1}',
        'payload    {"to":" 2J ada"}',
        "log        1970-01-01T00:00:00.000Z  connecting [31m to the server",
        "           1970-01-01T00:00:01.000Z  sending",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
  });

  test("leaves out what is not there", async () => {
    await keep("complete", { id: "1" });
    await keep(undefined, { id: "2" });
    const ended = await setting.run("show", "./app.ts", "1");
    expect(ended.output).toMatch(/^state +succeeded$/m);
    expect(ended.output).toMatch(/^result +null$/m);
    expect(ended.output).not.toMatch(/^(reason|progress|log)/m);
    const waiting = await setting.run("show", "./app.ts", "2");
    expect(waiting.output).toMatch(/^state +waiting$/m);
    expect(waiting.output).not.toMatch(/^(started|ended|worker|result)/m);
  });

  test("details that are no object", async () => {
    await keep("fail", { id: "1", reason: { code: "ERR_TASK_FAILED", message: "no", details: ["a", 1] } });
    expect((await setting.run("show", "./app.ts", "1")).output).toMatch(/^details +\["a",1\]$/m);
  });

  test("--json: the record, with the log", async () => {
    await keepWhole();
    const { code, output } = await setting.run("show", "./app.ts", "1", "--json");
    expect(JSON.parse(output)).toStrictEqual({ ...(await engine.find("1")), logs: await engine.logs("1") });
    expect(output).not.toContain("\u001b");
    expect(code).toBe(0);
  });

  test("what other hands have put in place of times and a note is shown as it is, and hides no other task", async () => {
    await keep("fail", { id: "1" });
    await keep("fail", { id: "2" });
    const database = new DatabaseSync(setting.file);
    database.exec(`UPDATE tasks SET sent_at = 8640000000000001, ended_at = 8640000000000001,
      progress = '{"fraction":1,"note":{"toString":1}}' WHERE id = '1'`);
    database.close();
    const shown = await setting.run("show", "./app.ts", "1");
    expect(shown.output).toMatch(/^sent +8640000000000001$/m);
    expect(shown.output).toContain('100 % {"toString":1}');
    const listed = await setting.run("failed", "./app.ts");
    expect(listed.output).toMatch(/^1 .* 8640000000000001 /m);
    expect(listed.output).toMatch(/^2 /m);
  });

  test("a task that is not there", async () => {
    const { code, output, errors } = await setting.run("show", "./app.ts", "absent");
    expect(errors).toMatch(/^ERR_TASK_NOT_FOUND: There is no task absent: it was never sent/m);
    expect([output, code]).toStrictEqual(["", 1]);
  });
});
