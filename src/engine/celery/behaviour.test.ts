/** What the engine does that no other has: on a broker in memory, with messages as Python sends them. */
import { afterEach, describe, expect, test } from "vitest";
import { CeleryServer, celeryInMemory, protocol } from "../../../test/engines/celery-in-memory.ts";
import type { ClaimRequest, Delivery, Engine } from "../../engine.ts";
import type { Unreadable } from "./broker.ts";
import type { CeleryMessage } from "./protocol/message.ts";

const reason = { code: "ERR_TEST", message: "as the test wants it" };
const engines: Engine[] = [];
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

function open(server: CeleryServer, settings = protocol, results = true): Engine {
  const engine = celeryInMemory(server, settings, results);
  engines.push(engine);
  return engine;
}

function python(
  id: string,
  args = "[]",
  kwargs = "{}",
  embed: object = {},
  headers: object = {},
): CeleryMessage {
  const all = { callbacks: null, errbacks: null, chain: null, chord: null, ...embed };
  return {
    queue: "default",
    headers: {
      lang: "py",
      task: "tasks.add",
      id,
      shadow: null,
      eta: null,
      expires: null,
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: id,
      parent_id: null,
      argsrepr: args,
      kwargsrepr: kwargs,
      origin: "gen1@vm",
      ignore_result: false,
      ...headers,
    },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from(`[${args},${kwargs},${JSON.stringify(all)}]`),
  };
}

function signature(task: string, id: string, more: object = {}): object {
  return {
    task,
    args: [],
    kwargs: {},
    options: { task_id: id, ...more },
    subtask_type: null,
    immutable: false,
  };
}

function claim(engine: Engine, changes: Partial<ClaimRequest> = {}): Promise<readonly Delivery[]> {
  return engine.claim({ queues: ["default"], limit: 10, lease: 30_000, worker: "tester", ...changes });
}

function waiting(server: CeleryServer, queue: string): readonly CeleryMessage[] {
  return (server.queues.get(queue) ?? []).map(({ message }) => message);
}

function stored(server: CeleryServer, id: string): Record<string, unknown> {
  return JSON.parse(server.results.get(id)?.text ?? "null") as Record<string, unknown>;
}

describe("messages of Python's", () => {
  test("are tasks whose payload is what they are called with, and end as Python reads it", async () => {
    const server = new CeleryServer();
    const tasks = { "tasks.add": { positional: ["x", "y"] } };
    const engine = open(server, { ...protocol, tasks });
    server.put(python("1", "[2, 3]", '{"note": "a"}', {}, { timelimit: [60, 30], retries: 2 }));
    const [delivery] = await claim(engine);
    expect(delivery).toMatchObject({
      message: { id: "1", task: "tasks.add", queue: "default", headers: { wire: 1, timeout: 30_000 } },
      attempts: 2,
      crashes: 0,
    });
    expect(JSON.parse(delivery!.message.payload)).toStrictEqual({ x: 2, y: 3, note: "a" });
    await engine.settle([{ kind: "complete", lease: delivery!.lease, result: "5" }]);
    expect(stored(server, "1")).toMatchObject({ status: "SUCCESS", result: 5, task_id: "1", children: [] });
    expect(server.unacknowledged.size).toBe(0);
  });

  test("of protocol 1 are retried with what they said, as protocol 2", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const callbacks = [signature("tasks.log", "after")];
    const body = { task: "tasks.add", id: "1", args: [], kwargs: { x: 2 }, retries: 1, callbacks };
    server.put({
      ...python("1"),
      headers: {} as CeleryMessage["headers"],
      body: Buffer.from(JSON.stringify(body)),
    });
    const [first] = await claim(engine);
    expect(first).toMatchObject({ message: { id: "1", task: "tasks.add", payload: '{"x":2}' }, attempts: 1 });
    await engine.settle([{ kind: "retryAt", lease: first!.lease, at: Date.now(), reason }]);
    const [again] = await claim(engine);
    expect(again).toMatchObject({ message: first!.message, attempts: 2 });
    await engine.settle([{ kind: "complete", lease: again!.lease, result: "5" }]);
    expect(stored(server, "1")).toMatchObject({ status: "SUCCESS", result: 5 });
    expect(waiting(server, "celery").map(({ headers }) => headers.id)).toStrictEqual(["after"]);
  });

  test("that are malformed are parked with their bytes, and whoever waits is told", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const pickled = { ...python("pickled"), contentType: "application/x-python-serialize" };
    const broken = { ...python("broken"), body: Buffer.from("[1, {") };
    const late = python("late", "[]", "{}", {}, { eta: "tomorrow" });
    const chord = python("chord", "[]", "{}", { chord: signature("tasks.sum", "body") });
    for (const message of [pickled, broken, late, chord, python("sound")]) server.put(message);
    const claimed = await claim(engine);
    expect(claimed.map(({ message }) => message.id)).toStrictEqual(["sound"]);
    for (const id of ["pickled", "broken", "late", "chord"]) {
      const record = await engine.ended(id);
      expect(record).toMatchObject({ state: "parked", message: { id, task: "tasks.add" } });
      expect(record?.reason?.code).toMatch(/^ERR_/);
      expect(stored(server, id)).toMatchObject({ status: "FAILURE" });
      expect(server.kept.get(id)?.message.body).toMatch(/^[\w+/]+=*$/);
    }
    expect((await engine.ended("pickled"))?.reason?.message).toMatch(/task_serializer = "json"/);
    expect((await engine.list({})).records).toHaveLength(4);
    // A newer worker may read it: it is sent again as it came.
    expect(await engine.retry(["broken"])).toBe(1);
    expect(waiting(server, "default").map(({ body }) => String(Buffer.from(body)))).toStrictEqual(["[1, {"]);
    expect(await claim(engine)).toStrictEqual([]);
    expect(await engine.find("broken")).toMatchObject({ state: "parked" });
  });

  test("what is no message at all is parked as text, cannot be retried, and can be discarded", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const strange: Unreadable = { tag: "tag", queue: "default", text: "PING", reason };
    server.unreadable.push(strange);
    expect(await claim(engine)).toStrictEqual([]);
    await expect.poll(async () => (await engine.list({})).records.length).toBe(1);
    const [record] = (await engine.list({})).records;
    expect(record).toMatchObject({ state: "parked", reason, message: { payload: "PING", task: "" } });
    expect(server.results.size).toBe(0);
    expect(await engine.retry([record!.message.id])).toBe(0);
    expect(await engine.discard([record!.message.id], reason)).toBe(1);
    expect(server.kept.size).toBe(0);
  });
});

describe("what follows", () => {
  test("a success: callbacks, then the next step of the chain with the rest of it", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const last = signature("tasks.last", "last", { queue: "python" });
    const next = signature("tasks.next", "next", { queue: "python" });
    server.put(python("1", "[]", "{}", { callbacks: [signature("tasks.log", "log")], chain: [last, next] }));
    const [delivery] = await claim(engine);
    await engine.settle([{ kind: "complete", lease: delivery!.lease, result: '{"n":1}' }]);
    const [log] = waiting(server, "celery");
    const [step] = waiting(server, "python");
    expect(log?.headers).toMatchObject({ id: "log", task: "tasks.log", parent_id: "1", root_id: "1" });
    expect(step?.headers).toMatchObject({ id: "next", task: "tasks.next", parent_id: "1", root_id: "1" });
    const [args, , embed] = JSON.parse(String(Buffer.from(step!.body))) as [
      unknown[],
      unknown,
      { chain: unknown },
    ];
    expect([args, embed.chain]).toStrictEqual([[{ n: 1 }], [last]]);
    expect(stored(server, "1")["children"]).toStrictEqual([
      [["log", null], null],
      [["next", null], null],
    ]);
  });

  test("a failure: errbacks, and the rest of the chain fails alike", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const chain = [signature("tasks.last", "last"), signature("tasks.next", "next")];
    server.put(python("1", "[]", "{}", { errbacks: [signature("tasks.alarm", "alarm")], chain }));
    const [delivery] = await claim(engine);
    const thrown = { code: "ERR_TASK_FAILED", message: "no", details: { name: "TypeError" } };
    await engine.settle([{ kind: "fail", lease: delivery!.lease, reason: thrown }]);
    for (const id of ["1", "next", "last"]) {
      expect(stored(server, id)).toMatchObject({
        status: "FAILURE",
        result: { exc_type: "TypeError", exc_module: "builtins", exc_message: ["no"] },
      });
    }
    expect(waiting(server, "celery").map(({ headers }) => headers.id)).toStrictEqual(["alarm"]);
    expect([...server.kept.keys()]).toStrictEqual(["1"]);
  });

  test("nothing of both where the lease was lost", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    server.put(python("1", "[]", "{}", { callbacks: [signature("tasks.log", "log")] }));
    const [delivery] = await claim(engine);
    server.unacknowledged.clear();
    const { lease } = delivery!;
    expect(await engine.settle([{ kind: "complete", lease, result: "1" }])).toStrictEqual([false]);
    expect([server.results.size, waiting(server, "celery").length, server.kept.size]).toStrictEqual([
      0, 0, 0,
    ]);
  });

  test("ignore_result: nothing is stored, and a failure waits for a person all the same", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    for (const id of ["good", "bad"]) server.put(python(id, "[]", "{}", {}, { ignore_result: true }));
    const [good, bad] = await claim(engine);
    await engine.settle([
      { kind: "complete", lease: good!.lease, result: "1" },
      { kind: "fail", lease: bad!.lease, reason },
    ]);
    expect(server.results.size).toBe(0);
    expect(await engine.find("good")).toBeUndefined();
    expect(await engine.find("bad")).toMatchObject({ state: "failed", reason });
  });
});

describe("calling off", () => {
  const revoke = (server: CeleryServer, given: object): void => {
    for (const call of server.broadcasts) call({ method: "revoke", arguments: { ...given } });
  };

  test("Python's revoke ends what waits, and tells of what runs where it says to terminate", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    for (const id of ["first", "second"]) server.put(python(id));
    const told: string[] = [];
    engine.onCancel("tester", (leases) => told.push(...leases.map(({ id }) => id)));
    await claim(engine);
    revoke(server, { task_id: ["third", "first"], terminate: false, signal: null });
    revoke(server, { task_id: "second", terminate: true, signal: "SIGTERM" });
    server.put(python("third"));
    await expect.poll(() => told).toStrictEqual(["second"]);
    expect(await claim(engine)).toStrictEqual([]);
    expect(await engine.find("third")).toMatchObject({ state: "cancelled", reason: { message: "revoked" } });
    expect(stored(server, "third")).toMatchObject({
      status: "REVOKED",
      result: { exc_type: "TaskRevokedError", exc_module: "celery.exceptions", exc_message: ["revoked"] },
    });
    for (const wrong of [{}, { task_id: 7 }, { task_id: [null] }, { task_id: "x", petiole: "no" }])
      revoke(server, wrong);
  });

  test("ours is one that Python hears, and its reason is known in all processes", async () => {
    const server = new CeleryServer();
    const [engine, other] = [open(server), open(server)];
    await claim(other);
    const heard: unknown[] = [];
    server.broadcasts.add((message) => heard.push(message));
    expect(await engine.cancel(["1", "2"], reason)).toBe(2);
    await expect.poll(() => heard).toHaveLength(1);
    expect(heard).toMatchObject([
      { method: "revoke", arguments: { task_id: ["1", "2"], terminate: true, signal: "SIGTERM" } },
    ]);
    server.put(python("1"));
    expect(await claim(other)).toStrictEqual([]);
    expect(await engine.find("1")).toMatchObject({ state: "cancelled", reason });
  });

  test("a worker that begins later knows of it, whoever has called it off", async () => {
    const server = new CeleryServer();
    const [engine, other] = [open(server), open(server)];
    await engine.cancel(["ours"], reason);
    await claim(other);
    revoke(server, { task_id: "theirs", terminate: false });
    await Promise.all([engine.close(), other.close()]);
    for (const id of ["ours", "theirs", "sound"]) server.put(python(id));
    const later = open(server);
    expect((await claim(later)).map(({ message }) => message.id)).toStrictEqual(["sound"]);
    expect(await later.find("ours")).toMatchObject({ state: "cancelled", reason });
    expect(await later.find("theirs")).toMatchObject({ state: "cancelled" });
  });

  test("what was called off and sent again by a person runs, in processes that remember it too", async () => {
    const server = new CeleryServer();
    const [engine, other] = [open(server), open(server)];
    await claim(other);
    await engine.cancel(["1"], reason);
    server.put(python("1"));
    expect(await claim(engine)).toStrictEqual([]);
    expect(await engine.retry(["1"])).toBe(1);
    expect(await engine.find("1")).toBeUndefined();
    const [again] = await claim(other);
    expect(again?.message.headers).toStrictEqual({ wire: 1 });
    expect(again?.cancelled).toBeUndefined();
  });
});

describe("times", () => {
  test("what is held for its time is told at once that it is called off, and goes back at a close", async () => {
    const server = new CeleryServer();
    const [engine, other] = [open(server), open(server)];
    const eta = new Date(Date.now() + 60_000).toISOString();
    for (const id of ["kept", "called off"]) server.put(python(id, "[]", "{}", {}, { eta }));
    expect(await claim(engine)).toStrictEqual([]);
    expect([waiting(server, "default").length, server.unacknowledged.size]).toStrictEqual([0, 2]);
    await other.cancel(["called off"], reason);
    await expect.poll(() => other.find("called off")).toMatchObject({ state: "cancelled" });
    await engine.close();
    expect(waiting(server, "default").map(({ headers }) => headers.id)).toStrictEqual(["kept"]);
    expect(waiting(server, "default")[0]?.headers["eta"]).toBe(eta);
  });

  test("what is held outlives the lease of the claim that took it, each time", async () => {
    const server = new CeleryServer();
    const [engine, other] = [open(server), open(server)];
    const eta = new Date(Date.now() + 60_000).toISOString();
    for (const id of ["first", "second"]) {
      server.put(python(id, "[]", "{}", {}, { eta }));
      expect(await claim(engine, { lease: 30 })).toStrictEqual([]);
      await new Promise((resolve) => setTimeout(resolve, 60));
      server.sweep();
      expect(waiting(server, "default")).toStrictEqual([]);
    }
    expect(await claim(other)).toStrictEqual([]);
  });

  test("what nobody here claims when its time has come goes to others", async () => {
    const server = new CeleryServer();
    const [busy, free] = [open(server), open(server)];
    server.put(python("1", "[]", "{}", {}, { eta: new Date(Date.now() + 100).toISOString() }));
    expect(await claim(busy)).toStrictEqual([]);
    await expect
      .poll(() => claim(free), { timeout: 5000 })
      .toMatchObject([{ message: { id: "1" }, crashes: 0 }]);
  });

  test("a worker that is lost while it holds a task for later counts no crash", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const at = Date.now() + 300;
    server.put(python("1", "[]", "{}", {}, { eta: new Date(at).toISOString() }), { redelivered: true });
    expect(await claim(engine)).toStrictEqual([]);
    await expect.poll(() => claim(engine), { timeout: 5000 }).toMatchObject([{ crashes: 0 }]);
    expect(Date.now()).toBeGreaterThanOrEqual(at);
  });
});

describe("crashes", () => {
  test("are counted in the message, so that they add up over processes", async () => {
    const server = new CeleryServer();
    server.put(python("1"));
    for (const crashes of [0, 1, 2, 3]) {
      const engine = open(server);
      const [delivery] = await claim(engine, { lease: 20 });
      expect(delivery?.crashes).toBe(crashes);
      // As if its process were gone.
      await new Promise((resolve) => setTimeout(resolve, 30));
      server.sweep();
    }
  });

  test("a success takes away what waits for a person from a run that was lost while it ended", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    server.put(python("1"));
    const [first] = await claim(engine);
    await engine.settle([{ kind: "fail", lease: first!.lease, reason }]);
    // It was not acknowledged, as it seemed.
    server.put(python("1"), { redelivered: true });
    const [second] = await claim(engine);
    await engine.settle([{ kind: "complete", lease: second!.lease, result: "1" }]);
    expect(await engine.find("1")).toMatchObject({ state: "succeeded" });
    await expect.poll(() => server.kept.size, { timeout: 5000 }).toBe(0);
  });
});

test("without results, waiting is refused, and failures can be found", async () => {
  const server = new CeleryServer();
  const engine = open(server, protocol, false);
  server.put(python("1"));
  const [delivery] = await claim(engine);
  await expect(engine.ended("1")).rejects.toMatchObject({ code: "ERR_ENGINE_UNSUPPORTED" });
  await engine.settle([{ kind: "fail", lease: delivery!.lease, reason }]);
  expect(await engine.find("1")).toMatchObject({ state: "failed" });
  expect(await engine.retry(["1"])).toBe(1);
  expect((await claim(engine))[0]?.attempts).toBe(0);
});
