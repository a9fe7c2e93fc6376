/** This process as a node, on a broker in memory: what others may ask and send, whatever it is. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CeleryServer, celeryInMemory, protocol } from "../../../../test/engines/celery-in-memory.ts";
import type { ClaimRequest, Delivery, Engine } from "../../../engine.ts";
import type { CeleryMessage } from "../protocol/message.ts";
import type { ControlMessage } from "./message.ts";

const engines: Engine[] = [];
beforeEach(() => void vi.spyOn(process, "emitWarning").mockImplementation(() => undefined));
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

const about = { tasks: () => ["tasks.add"], concurrency: 2, stop: vi.fn() };

function open(server: CeleryServer, events = false): Engine {
  const engine = celeryInMemory(server, protocol, true, { events: events ? "task" : "worker" });
  engines.push(engine);
  return engine;
}

function message(id: string, headers: object = {}): CeleryMessage {
  return {
    queue: "default",
    headers: { task: "tasks.add", id, retries: 0, argsrepr: "(1,)", kwargsrepr: "{}", ...headers },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from('[[],{},{"callbacks":null,"errbacks":null,"chain":null,"chord":null}]'),
  };
}

function claim(engine: Engine, changes: Partial<ClaimRequest> = {}): Promise<readonly Delivery[]> {
  return engine.claim({ queues: ["default"], limit: 10, lease: 30_000, worker: "tester", about, ...changes });
}

let tickets = 0;

/** Asks, and waits for the answer of the only worker. */
async function ask(server: CeleryServer, method: string, given: object = {}): Promise<unknown> {
  const ticket = String((tickets += 1));
  const asked = {
    method,
    arguments: given,
    replyTo: { exchange: "e", routingKey: "r", ticket },
  } as ControlMessage;
  for (const call of server.broadcasts) call(structuredClone(asked));
  await vi.waitFor(() => expect(server.answers.has(ticket)).toBe(true), { interval: 1 });
  return (server.answers.get(ticket) as Record<string, unknown>)["petiole@test"];
}

describe("whoever asks", () => {
  test("is answered while there is a worker, and not before or after", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await engine.send([]);
    expect(server.broadcasts.size).toBe(0);
    const stop = engine.onCancel("tester", () => undefined);
    await claim(engine);
    expect(await ask(server, "ping")).toEqual({ ok: "pong" });
    stop();
    expect(server.broadcasts.size).toBe(0);
  });

  test("for anything odd is answered with an error, and the worker goes on", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await claim(engine);
    for (const [method, given] of [
      ["make_coffee", {}],
      ["__proto__", {}],
      ["toString", {}],
      ["revoke", {}],
      ["revoke", { task_id: 7 }],
      ["revoke", { task_id: [{}] }],
      ["revoke_by_stamped_headers", {}],
      ["revoke_by_stamped_headers", { headers: 7 }],
      ["revoke_by_stamped_headers", { headers: { a: {} } }],
      ["revoke_by_stamped_headers", { headers: ["no pair"] }],
      ["rate_limit", {}],
      ["rate_limit", { task_name: "tasks.add", rate_limit: {} }],
      ["rate_limit", { task_name: 7, rate_limit: "1/s" }],
      ["time_limit", { task_name: "tasks.add", hard: "x" }],
      ["time_limit", { task_name: "nobody's", hard: 1 }],
      ["add_consumer", {}],
      ["add_consumer", { queue: "a", exchange: "b" }],
      ["cancel_consumer", { queue: 7 }],
      ["pool_grow", { n: 1 }],
    ] as const)
      expect(await ask(server, method, given), `${method} ${JSON.stringify(given)}`).toEqual({
        error: expect.any(String),
      });
    expect(await ask(server, "query_task", { ids: 7 })).toEqual({});
    expect(await ask(server, "hello", { from_node: "x", revoked: 7 })).toMatchObject({ revoked: {} });
    expect(await ask(server, "ping")).toEqual({ ok: "pong" });
  });

  test("to shut down is refused where no worker can be asked to", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await engine.claim({ queues: ["default"], limit: 1, lease: 1000, worker: "plain" });
    expect(await ask(server, "shutdown")).toEqual({ error: expect.stringContaining("end its process") });
    await claim(engine);
    expect(await ask(server, "shutdown")).toEqual({ ok: expect.any(String) });
    await vi.waitFor(() => expect(about.stop).toHaveBeenCalledOnce());
  });

  test("is answered though the engine is closed at once, but waits no longer than for last words", async () => {
    for (const [answersAfter, isAnswered] of [
      [100, true],
      [5000, false],
    ] as const) {
      const server = new CeleryServer();
      const engine = open(server);
      await claim(engine);
      server.answersAfter = answersAfter;
      const replyTo = { exchange: "e", routingKey: "r", ticket: "last" };
      for (const call of server.broadcasts) call({ method: "shutdown", arguments: {}, replyTo });
      await engine.close();
      expect(server.answers.has("last")).toBe(isAnswered);
    }
  });
});

test("what is called off is seen to, though the engine is closed at once", async () => {
  const server = new CeleryServer();
  const engine = open(server);
  server.put(message("held", { eta: new Date(Date.now() + 60_000).toISOString() }));
  expect(await claim(engine)).toEqual([]);
  expect(server.unacknowledged.size).toBe(1);
  server.storesAfter = 100;
  // As `celery control revoke` does, which waits for no answer.
  for (const call of server.broadcasts) call({ method: "revoke", arguments: { task_id: "held" } });
  await engine.close();
  expect(JSON.parse(server.results.get("held")!.text)).toMatchObject({ status: "REVOKED" });
  expect(server.unacknowledged.size).toBe(0);
  expect(server.queues.get("default")).toEqual([]);
  expect(server.revoked).toMatchObject([{ id: "held" }]);
});

describe("queues that are told of", () => {
  const queues = {
    video: {
      type: "quorum",
      exchange: { name: "media", type: "topic" },
      routingKey: "media.video",
      bindings: ["media.video.#"],
      arguments: { "x-max-length": 10 },
    },
    letters: { exchange: { name: "post" } },
  } as const;

  test("are shown with their exchanges, and what came by one with that one", async () => {
    const server = new CeleryServer();
    const engine = celeryInMemory(server, protocol, true, { queues });
    engines.push(engine);
    server.put(message("direct"));
    server.put({ ...message("by topic"), delivered: { exchange: "media", routingKey: "media.video.hd" } });
    await claim(engine, { queues: ["default", "video", "letters"] });
    const media = { name: "media", type: "topic" };
    expect(await ask(server, "active_queues")).toMatchObject([
      {
        name: "default",
        exchange: { name: "default", type: "direct" },
        routing_key: "default",
        queue_arguments: null,
        bindings: [],
      },
      {
        name: "video",
        exchange: media,
        routing_key: "media.video",
        queue_arguments: { "x-queue-type": "quorum", "x-max-length": 10 },
        bindings: [{ exchange: media, routing_key: "media.video.#" }],
      },
      { name: "letters", exchange: { name: "post", type: "direct" }, routing_key: "letters", bindings: [] },
    ]);
    expect(await ask(server, "active")).toMatchObject([
      { id: "direct", delivery_info: { exchange: "", routing_key: "default" } },
      { id: "by topic", delivery_info: { exchange: "media", routing_key: "media.video.hd" } },
    ]);
  });

  test("are sent to by their exchanges, and that is told", async () => {
    const server = new CeleryServer();
    const engine = celeryInMemory(server, protocol, true, { queues, sentEvents: true });
    engines.push(engine);
    await engine.send(
      ["default", "video", "letters"].map((queue) => ({
        runAt: 0,
        message: { id: queue, task: "tasks.add", queue, payload: "{}", headers: { wire: 1 } },
      })),
    );
    await vi.waitFor(() => expect(server.emitted).toHaveLength(3));
    expect(server.emitted).toMatchObject([
      { type: "task-sent", queue: "default", exchange: "", routing_key: "default" },
      { type: "task-sent", queue: "video", exchange: "media", routing_key: "media.video" },
      { type: "task-sent", queue: "letters", exchange: "post", routing_key: "letters" },
    ]);
  });
});

describe("queues that are added", () => {
  test("have names that brokers take, and are so many and no more", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await claim(engine);
    const error = { error: expect.any(String) };
    expect(await ask(server, "add_consumer", { queue: "é".repeat(200) })).toEqual(error);
    expect(await ask(server, "cancel_consumer", { queue: "é".repeat(200) })).toEqual(error);
    expect(await ask(server, "add_consumer", { queue: "half \ud800" })).toEqual({
      ok: "add consumer half \ufffd",
    });
    for (let count = 1; count < 100; count++)
      expect(await ask(server, "add_consumer", { queue: `q${count}` })).toEqual({ ok: expect.any(String) });
    expect(await ask(server, "add_consumer", { queue: "one more" })).toEqual(error);
    expect(await ask(server, "add_consumer", { queue: "q1" })).toEqual({ ok: expect.any(String) });
    await ask(server, "cancel_consumer", { queue: "q1" });
    expect(await ask(server, "add_consumer", { queue: "one more" })).toEqual({ ok: expect.any(String) });
    server.put({ ...message("1"), queue: "one more" });
    expect((await claim(engine)).map(({ message }) => message.id)).toEqual(["1"]);
  });

  test("that cannot be taken from stop no others, and are left alone for a while", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await claim(engine);
    for (const queue of ["bad", "good"]) await ask(server, "add_consumer", { queue });
    const get = server.queues.get.bind(server.queues);
    let tries = 0;
    server.queues.get = (queue) => {
      if (queue !== "bad") return get(queue);
      tries += 1;
      throw new Error("it is another connection's alone");
    };
    expect(await claim(engine)).toEqual([]);
    server.put(message("own"));
    server.put({ ...message("added"), queue: "good" });
    expect((await claim(engine)).map(({ message }) => message.id)).toEqual(["own", "added"]);
    expect(tries).toBe(1);
    // Of its own queues, whoever claims is told.
    await expect(claim(engine, { queues: ["bad"] })).rejects.toThrow("another connection's");
  });
});

describe("stamps", () => {
  const stamped = (id: string, stamps: object): CeleryMessage =>
    message(id, { stamped_headers: Object.keys(stamps), stamps });
  const revoke = (server: CeleryServer, given: object): Promise<unknown> =>
    ask(server, "revoke_by_stamped_headers", given);

  test("call off what carries one of them, waiting, held or running, and in workers that begin later", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const told: string[] = [];
    engine.onCancel("tester", (leases) => told.push(...leases.map(({ id }) => id)));
    server.put(stamped("runs", { tenant: "acme" }));
    const later = new Date(Date.now() + 600_000).toISOString().replace("Z", "+00:00");
    const held = stamped("held", { tenant: ["other", "acme"] });
    server.put({ ...held, headers: { ...held.headers, eta: later } });
    server.put(stamped("other", { tenant: "globex", note: "acme" }));
    await claim(engine);
    expect(await revoke(server, { headers: { tenant: ["acme"] }, terminate: true })).toMatchObject({
      ok: expect.stringContaining("revoked"),
    });
    await vi.waitFor(() => expect(told).toEqual(["runs"]));
    await vi.waitFor(async () => expect(await engine.find("held")).toMatchObject({ state: "cancelled" }));
    server.put(stamped("waits", { tenant: "acme" }));
    // A stamp that is not named as one is none.
    server.put(message("unnamed", { stamped_headers: null, stamps: { tenant: "acme" } }));
    expect((await claim(engine)).map(({ message }) => message.id)).toEqual(["unnamed"]);
    const second = open(server);
    server.put(stamped("much later", { tenant: "acme" }));
    expect(await claim(second)).toEqual([]);
    expect(await second.find("much later")).toMatchObject({ state: "cancelled" });
  });

  test("and ids that are very long are nobody's, and are not kept", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await claim(engine);
    const [fits, long] = ["x".repeat(1000), "x".repeat(1001)];
    await ask(server, "revoke", { task_id: [long, fits] });
    expect(await ask(server, "revoked")).toEqual([fits]);
    await revoke(server, { headers: { [long]: "a", tenant: [long, fits] } });
    await revoke(server, { headers: [`${long}=a`, `tenant=${long}`] });
    expect(server.revoked.map(({ id, stamp }) => stamp ?? id)).toEqual([fits, ["tenant", fits]]);
    server.put(stamped("stamped", { tenant: fits }));
    server.put(stamped("longer", { tenant: long, [long]: "a" }));
    expect((await claim(engine)).map(({ message }) => message.id)).toEqual(["longer"]);
  });

  test("of any form do no harm", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await claim(engine);
    await revoke(server, { headers: ["tenant=acme", "seven=7"] });
    await revoke(server, { headers: { seven: [7, {}, null], flag: true } });
    const odd = [
      { stamped_headers: "tenant", stamps: { tenant: "acme" } },
      { stamped_headers: ["tenant"], stamps: "acme" },
      { stamped_headers: [7, null, "toString", "__proto__"], stamps: {} },
      { stamped_headers: ["tenant"], stamps: { tenant: { a: 1 } } },
      { stamped_headers: ["seven"], stamps: { seven: "8" } },
    ];
    for (const [index, headers] of odd.entries()) server.put(message(`odd ${index}`, headers));
    server.put(stamped("by number", { seven: 7 }));
    server.put(stamped("by text", { seven: "7" }));
    server.put(stamped("by flag", { flag: [true] }));
    expect((await claim(engine)).map(({ message }) => message.id)).toEqual(
      odd.map((_, index) => `odd ${index}`),
    );
  });
});

describe("rates", () => {
  test("hold back, and take no more than a few, so that others have the rest", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await claim(engine);
    await ask(server, "rate_limit", { task_name: "tasks.add", rate_limit: "1/h" });
    for (let count = 0; count < 100; count++) server.put(message(`${count}`));
    expect((await claim(engine, { limit: 2 })).map(({ message }) => message.id)).toEqual(["0"]);
    expect(await claim(engine, { limit: 2 })).toEqual([]);
    expect(server.unacknowledged.size).toBeLessThan(15);
    expect(server.queues.get("default")!.length).toBeGreaterThan(85);
    expect(await ask(server, "reserved")).toHaveLength(server.unacknowledged.size - 1);
    expect(await ask(server, "scheduled")).toEqual([]);
    // It is undone: all run, in their order, and once.
    await ask(server, "rate_limit", { task_name: "tasks.add", rate_limit: 0 });
    const ran: string[] = [];
    await vi.waitFor(async () => {
      ran.push(...(await claim(engine)).map(({ message }) => message.id));
      expect(ran).toHaveLength(99);
    });
    expect(ran).toEqual(Array.from({ length: 99 }, (_, index) => `${index + 1}`));
  });

  test("what is held when the last worker stops goes back, to others", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const stop = engine.onCancel("tester", () => undefined);
    await claim(engine);
    await ask(server, "rate_limit", { task_name: "tasks.add", rate_limit: "1/h" });
    for (const id of ["1", "2", "3"]) server.put(message(id));
    expect(await claim(engine)).toHaveLength(1);
    stop();
    await vi.waitFor(() =>
      expect(server.queues.get("default")!.map(({ message }) => message.headers.id)).toEqual(["2", "3"]),
    );
  });

  test("what is held when the engine is closed goes back as it was", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    await claim(engine);
    await ask(server, "rate_limit", { task_name: "tasks.add", rate_limit: "1/h" });
    for (const id of ["1", "2", "3"]) server.put(message(id));
    await claim(engine);
    await engine.close();
    expect(server.queues.get("default")!.map(({ message }) => message.headers.id)).toEqual(["2", "3"]);
    expect((await claim(open(server))).map(({ message }) => message.id)).toEqual(["2", "3"]);
  });
});

describe("events", () => {
  const reason = { code: "ERR_TEST", message: "no", details: { name: "TypeError", stack: "at line 1" } };

  test("tell of each end what Celery's would", async () => {
    const server = new CeleryServer();
    const engine = open(server, true);
    for (const id of ["1", "2", "3", "4", "5", "6", "7"]) server.put(message(id));
    const [a, b, c, d, e, f, g] = (await claim(engine)).map(({ lease }) => lease);
    const at = Date.now() + 600_000;
    await engine.settle([
      { kind: "complete", lease: a!, result: '{"x":1}' },
      { kind: "fail", lease: b!, reason },
      { kind: "retryAt", lease: c!, at, reason },
      { kind: "release", lease: d! },
      { kind: "expire", lease: e!, reason },
      { kind: "skip", lease: f!, reason },
      { kind: "cancel", lease: g!, reason },
    ]);
    await vi.waitFor(() => expect(server.emitted.filter(({ uuid }) => uuid !== undefined)).toHaveLength(21));
    const of = (uuid: string) => server.emitted.filter((event) => event["uuid"] === uuid);
    expect(of("1").map(({ type }) => type)).toEqual(["task-received", "task-started", "task-succeeded"]);
    expect(of("1")[0]).toMatchObject({
      name: "tasks.add",
      args: "(1,)",
      kwargs: "{}",
      retries: 0,
      eta: null,
    });
    expect(of("1")[2]).toMatchObject({
      result: '{"x":1}',
      runtime: expect.any(Number),
      hostname: "petiole@test",
    });
    expect(of("2")[2]).toMatchObject({
      type: "task-failed",
      exception: "TypeError('no')",
      traceback: "at line 1",
    });
    expect(of("3")[2]).toMatchObject({ type: "task-retried", exception: "TypeError('no')" });
    expect(of("4")[2]).toMatchObject({ type: "task-rejected", requeue: true });
    expect(of("5")[2]).toMatchObject({ type: "task-revoked", expired: true, terminated: false });
    expect(of("6")[2]).toMatchObject({ type: "task-revoked", expired: false });
    expect(of("7")[2]).toMatchObject({ type: "task-revoked", expired: false });
    const clocks = server.emitted.map(({ clock }) => clock as number);
    expect(new Set(clocks).size).toBe(clocks.length);
  });

  test("are sent when somebody asks for them, and no more when nobody does", async () => {
    const server = new CeleryServer();
    const engine = open(server);
    const ofTasks = (): number => server.emitted.filter(({ uuid }) => uuid !== undefined).length;
    server.put(message("1"));
    await claim(engine);
    expect(await ask(server, "enable_events")).toEqual({ ok: "task events enabled" });
    expect(await ask(server, "enable_events")).toEqual({ ok: "task events already enabled" });
    server.put(message("2"));
    await claim(engine);
    await vi.waitFor(() => expect(ofTasks()).toBe(2));
    expect(await ask(server, "disable_events")).toEqual({ ok: "task events disabled" });
    server.put(message("3"));
    await claim(engine);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ofTasks()).toBe(2);
    expect(server.emitted.map(({ type }) => type)).toContain("worker-online");
    await engine.close();
    expect(server.emitted.at(-1)).toMatchObject({
      type: "worker-offline",
      processed: 3,
      sw_ident: "petiole",
    });
  });

  test("that cannot be sent keep no task waiting, and are not kept", async () => {
    const server = new CeleryServer();
    server.refusesEvents = true;
    const engine = open(server, true);
    for (let count = 0; count < 500; count++) server.put(message(`${count}`));
    for (let round = 0; round < 50; round++) {
      const deliveries = await claim(engine);
      await engine.settle(deliveries.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
    }
    expect(await engine.find("499")).toMatchObject({ state: "succeeded" });
    server.refusesEvents = false;
    server.put(message("after"));
    await claim(engine);
    await vi.waitFor(() => expect(server.emitted.some(({ uuid }) => uuid === "after")).toBe(true));
  });
});
