/** What follows a task, and is refused by the broker for good: the task has an end all the same. */
import { expect, test } from "vitest";
import type { Engine, Delivery } from "../../engine.ts";
import { PetioleError } from "../../errors.ts";
import { CeleryServer, celeryInMemory } from "../../../test/engines/celery-in-memory.ts";
import { Chords, type ChordsContext } from "./chords.ts";
import { Unbound } from "./errors.ts";
import type { CeleryMessage } from "./protocol/message.ts";

function refusing(server: CeleryServer, error: Error): void {
  server.refusal = ({ headers }) => (headers.task.startsWith("bad") ? error : undefined);
}

const refused = new PetioleError("ERR_OPTION_INVALID", "no such name");

function put(server: CeleryServer, id: string, embed: object): void {
  server.put({
    queue: "q",
    headers: { id, task: "t" },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from(JSON.stringify([[], {}, embed])),
  });
}

async function claimed(engine: Engine): Promise<readonly Delivery[]> {
  return engine.claim({ worker: "w", queues: ["q"], limit: 10, lease: 5000 });
}

test("a success that nothing can follow is a failure, and those settled with it are not touched", async () => {
  const server = new CeleryServer();
  const engine = celeryInMemory(server);
  refusing(server, refused);
  put(server, "one", { chain: [{ task: "bad" }], errbacks: [{ task: "bad.too" }, { task: "told" }] });
  put(server, "two", { chain: [{ task: "next" }] });
  const settlements = (await claimed(engine)).map(({ lease }) => ({
    kind: "complete" as const,
    lease,
    result: "1",
  }));
  expect(await engine.settle(settlements)).toEqual([true, true]);
  expect(await engine.find("one")).toMatchObject({
    state: "failed",
    reason: { code: "ERR_OPTION_INVALID", message: "what follows it cannot be sent: no such name" },
  });
  expect(await engine.find("two")).toMatchObject({ state: "succeeded" });
  expect(
    server.queues
      .get("celery")!
      .map(({ message }) => message.headers.task)
      .toSorted(),
  ).toEqual(["next", "told"]);
  expect(server.unacknowledged.size).toBe(0);
  await engine.close();
});

test("a failure whose errback is refused, and a retry that is", async () => {
  const server = new CeleryServer();
  const engine = celeryInMemory(server);
  refusing(server, refused);
  const reason = { code: "ERR_TASK_FAILED", message: "boom" } as const;
  put(server, "one", { errbacks: [{ task: "bad" }, { task: "told" }] });
  const [first] = await claimed(engine);
  expect(await engine.settle([{ kind: "fail", lease: first!.lease, reason }])).toEqual([true]);
  expect(await engine.find("one")).toMatchObject({ state: "failed", reason });
  expect(server.queues.get("celery")).toMatchObject([{ message: { headers: { task: "told" } } }]);
  put(server, "two", {});
  const [second] = await claimed(engine);
  server.refusal = () => refused;
  expect(await engine.settle([{ kind: "retryAt", lease: second!.lease, at: Date.now(), reason }])).toEqual([
    true,
  ]);
  expect(await engine.find("two")).toMatchObject({
    state: "failed",
    reason: { message: "its next run cannot be sent: no such name" },
  });
  await engine.close();
});

test("a broker that cannot be reached, or is out of memory, refuses nothing for good", async () => {
  const server = new CeleryServer();
  const engine = celeryInMemory(server);
  put(server, "one", { chain: [{ task: "bad" }] });
  const [{ lease }] = (await claimed(engine)) as [Delivery];
  const settle = (): Promise<readonly boolean[]> => engine.settle([{ kind: "complete", lease, result: "1" }]);
  for (const code of ["ERR_ENGINE_UNREACHABLE", "ERR_ENGINE_FAILED"] as const) {
    refusing(server, new PetioleError(code, "later"));
    await expect(settle()).rejects.toThrow(expect.objectContaining({ code }));
  }
  server.refusal = () => undefined;
  expect(await settle()).toEqual([true]);
  expect(await engine.find("one")).toMatchObject({ state: "succeeded" });
  await engine.close();
});

test("what amqplib, RabbitMQ, or an exchange, refuses of a message is refused for good", async () => {
  const route = { exchange: "media", routingKey: "nobody" };
  for (const cause of [
    new TypeError("no priority"),
    new Unbound(route),
    Object.assign(new Error("reserved"), { code: 403 }),
  ]) {
    const server = new CeleryServer();
    const engine = celeryInMemory(server);
    refusing(server, new PetioleError("ERR_ENGINE_FAILED", "refused", { cause }));
    put(server, "one", { chain: [{ task: "bad" }] });
    const [{ lease }] = (await claimed(engine)) as [Delivery];
    expect(await engine.settle([{ kind: "complete", lease, result: "1" }])).toEqual([true]);
    expect(await engine.find("one")).toMatchObject({ state: "failed" });
    await engine.close();
  }
});

test("the body of a chord that is refused has failed, and others are sent", async () => {
  const published: string[] = [];
  const stored: unknown[] = [];
  const context = {
    broker: {
      publish: async (messages: readonly CeleryMessage[]) => {
        for (const { headers } of messages) if (headers.task === "bad") throw refused;
        published.push(...messages.map(({ headers }) => headers.task));
      },
    },
    results: {
      store: async (ends: readonly unknown[]) => void stored.push(...ends),
      chords: {
        begin: async () => undefined,
        add: async (parts: readonly unknown[]) =>
          parts.map(() => ({ entries: ['[1,"p","SUCCESS",7]'], form: undefined })),
        remove: async () => undefined,
      },
    },
    protocol: { hostname: "h", origin: "o", tasks: {}, exceptions: {}, chords: true },
  } as unknown as ChordsContext;
  const end = { id: "p", status: "SUCCESS", state: "succeeded", endedAt: 0 } as const;
  const body = (task: string): string =>
    JSON.stringify({ task, options: { task_id: `id of ${task}`, link_error: [{ task: "told" }] } });
  const part = { index: 0, end, root: "r" };
  const ids = await new Chords(context).ended([
    { ...part, group: "g", body: body("bad") },
    { ...part, group: "h", body: body("good") },
  ]);
  expect(ids).toEqual(["id of bad"]);
  expect(published.toSorted()).toEqual(["good", "told"]);
  expect(stored).toMatchObject([
    { end: { id: "id of bad", state: "failed", reason: { message: "Callback error: no such name" } } },
  ]);
});
