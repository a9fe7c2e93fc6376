import { connect } from "amqplib";
import { expect, onTestFinished, test, vi } from "vitest";
import { eventually } from "../../../../test/services/eventually.ts";
import { cuttable, makeChannel, queueName } from "../../../../test/services/amqp.ts";
import { describeRabbitmq } from "../../../../test/services/describe-rabbitmq.ts";
import type { KeptTask } from "../broker.ts";
import { AmqpConnection } from "./connection.ts";
import { AmqpKept } from "./kept.ts";
import type { AmqpSource } from "./like.ts";

function kept(id: string, changes: Partial<KeptTask> = {}): KeptTask {
  return {
    id,
    task: "tasks.add",
    queue: "celery",
    state: "failed",
    endedAt: Number(id),
    sentAt: 0,
    attempts: 1,
    crashes: 0,
    deferrals: 0,
    reason: { code: "ERR_TASK_FAILED", message: "é" },
    message: {
      queue: "celery",
      headers: { task: "tasks.add", id },
      contentType: "application/json",
      contentEncoding: "utf-8",
      body: "W10=",
    },
    ...changes,
  };
}

describeRabbitmq("kept tasks in RabbitMQ", (server) => {
  const make = (queue: string, source: AmqpSource = () => connect(server().url)): AmqpKept => {
    const tasks = new AmqpKept(new AmqpConnection(source), { queue });
    onTestFinished(() => tasks.close());
    return tasks;
  };
  const nothing = async (): Promise<void> => undefined;

  test("are looked for together by those who ask at the same time, and anew by whoever asks later", async () => {
    const queue = queueName();
    let channels = 0;
    const reader = make(queue, async () => {
      const connection = await connect(server().url);
      const create = connection.createChannel.bind(connection);
      connection.createChannel = () => (channels++, create());
      return connection;
    });
    const writer = make(queue);
    await writer.put([kept("1"), kept("299")]);
    const ids = Array.from({ length: 300 }, (_, index) => `${index}`);
    const found = await Promise.all(ids.map((id) => reader.find(id)));
    expect(found.flatMap((task) => task?.id ?? [])).toEqual(["1", "299"]);
    expect(channels).toBeLessThan(10);
    const early = reader.find("300");
    await writer.put([kept("300")]);
    await early;
    expect(await reader.find("300")).toEqual(kept("300"));
  });

  test("are found, listed in the order in which they ended, and counted", async () => {
    const queue = queueName();
    const [writer, reader] = [make(queue), make(queue)];
    await reader.open();
    expect(await reader.list({})).toEqual({ tasks: [] });
    const all = [
      kept("2"),
      kept("1", { state: "parked" }),
      kept("3", { queue: "other", task: "t" }),
      kept("4", { endedAt: 3 }),
    ];
    await writer.put(all);
    expect(await reader.find("3")).toEqual(all[2]);
    expect(await reader.find("5")).toBeUndefined();
    const list = async (request: Parameters<AmqpKept["list"]>[0]): Promise<string[]> =>
      (await reader.list(request)).tasks.map(({ id }) => id);
    expect(await list({})).toEqual(["1", "2", "3", "4"]);
    expect(await list({ states: ["parked"] })).toEqual(["1"]);
    expect(await list({ states: ["succeeded"] })).toEqual([]);
    expect(await list({ queue: "other" })).toEqual(["3"]);
    expect(await list({ task: "tasks.add", queue: "celery" })).toEqual(["1", "2", "4"]);
    const first = await reader.list({ limit: 3 });
    expect(first.tasks.map(({ id }) => id)).toEqual(["1", "2", "3"]);
    const second = await reader.list({ limit: 3, after: first.next! });
    expect([second.tasks.map(({ id }) => id), second.next]).toEqual([["4"], undefined]);
    expect(await reader.counts()).toEqual([
      { queue: "celery", state: "failed", count: 2 },
      { queue: "celery", state: "parked", count: 1 },
      { queue: "other", state: "failed", count: 1 },
    ]);
  });

  test("take the place of older ones of their id, and are removed with them", async () => {
    const tasks = make(queueName());
    await tasks.put([kept("1", { attempts: 1 }), kept("2")]);
    await tasks.put([kept("1", { attempts: 2 })]);
    expect((await tasks.list({})).tasks.map(({ id, attempts }) => [id, attempts])).toEqual([
      ["1", 2],
      ["2", 1],
    ]);
    const settle = vi.fn(nothing);
    expect(await tasks.remove(["1", "1", "never"], settle)).toBe(1);
    expect(settle.mock.calls).toEqual([[[kept("1", { attempts: 2 })]]]);
    expect((await tasks.list({})).tasks).toEqual([kept("2")]);
    expect(await tasks.remove(["1"], settle)).toBe(0);
    expect(settle).toHaveBeenCalledTimes(1);
    expect(await tasks.remove([], settle)).toBe(0);
  });

  test("are there until what takes their place is accepted", async () => {
    const tasks = make(queueName());
    await tasks.put([kept("1")]);
    await expect(
      tasks.remove(["1"], async () => {
        throw new Error("not accepted");
      }),
    ).rejects.toThrow("not accepted");
    expect(await tasks.find("1")).toEqual(kept("1"));
  });

  test("are removed by one of those who want to, over all connections, also on the same one", async () => {
    const queue = queueName();
    const shared = await connect(server().url);
    onTestFinished(() => shared.close());
    const all = [make(queue), make(queue), make(queue, shared), make(queue, shared)];
    const ids = ["1", "2", "3", "4", "5"];
    await all[0]!.put(ids.map((id) => kept(id)));
    const settle = vi.fn(nothing);
    const counts = await Promise.all(all.map((tasks) => tasks.remove(ids, settle)));
    expect(counts.toSorted()).toEqual([0, 0, 0, 5]);
    expect(settle).toHaveBeenCalledTimes(1);
    const read = await Promise.all(all.map((tasks) => tasks.list({})));
    expect(read.map(({ tasks }) => tasks.length)).toEqual([0, 0, 0, 0]);
  });

  test("are not lost when the line is cut while they are read", async () => {
    const [queue, line] = [queueName(), cuttable(server().url)];
    const tasks = make(queue, line.source);
    await tasks.put([kept("1"), kept("2")]);
    await expect(tasks.remove(["1"], async () => line.cut())).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
    });
    // RabbitMQ gives back what was on the line when it has noticed.
    await eventually(async () => expect((await tasks.list({})).tasks).toEqual([kept("1"), kept("2")]));
    expect(await tasks.remove(["1", "2"], nothing)).toBe(2);
  });

  test("are seen by each reader, right after another", async () => {
    const queue = queueName();
    const [one, other] = [make(queue), make(queue)];
    const all = Array.from({ length: 50 }, (_, index) => kept(String(index)));
    await one.put(all);
    for (let round = 0; round < 10; round++)
      for (const reader of [one, other]) expect((await reader.list({})).tasks).toHaveLength(50);
  });

  test("leave alone what others have put there", async () => {
    const queue = queueName();
    const tasks = make(queue);
    await tasks.put([kept("1")]);
    const channel = await makeChannel(server().url);
    for (const junk of [
      "",
      "null",
      "{}",
      '{"id":1}',
      JSON.stringify({ ...kept("2"), state: "odd" }),
      JSON.stringify({ ...kept("3"), message: undefined }),
    ])
      channel.sendToQueue(queue, Buffer.from(junk));
    await eventually(async () => expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 7 }));
    await tasks.put([kept("4")]);
    expect((await tasks.list({})).tasks).toEqual([kept("1"), kept("4")]);
    expect(await tasks.remove(["1", "4"], nothing)).toBe(2);
    expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 6 });
  });

  test("are refused when it is closed", async () => {
    const tasks = make(queueName());
    await tasks.close();
    await tasks.close();
    await expect(tasks.put([])).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
    await expect(tasks.find("1")).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
  });
});
