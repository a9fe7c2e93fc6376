import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "amqplib";
import { expect, onTestFinished, test, vi } from "vitest";
import { eventually } from "../../../../test/services/eventually.ts";
import { cuttable, makeChannel } from "../../../../test/services/amqp.ts";
import { describeRabbitmq } from "../../../../test/services/describe-rabbitmq.ts";
import type { TaskEnd } from "../protocol/result.ts";
import { AmqpConnection } from "./connection.ts";
import type { AmqpSource } from "./like.ts";
import { RpcResults, type RpcSettings } from "./rpc.ts";

/** As Celery's, as far as matters here. */
const codec = {
  toText: (end: TaskEnd) => JSON.stringify({ task_id: end.id, status: end.status, result: end.result }),
  fromText(text: string): TaskEnd | undefined {
    const { task_id: id, status, result } = JSON.parse(text) as Record<string, string>;
    if (status === "RETRY" || status === "STARTED") return undefined;
    return {
      id: id!,
      status: status!,
      state: status === "SUCCESS" ? "succeeded" : "failed",
      result: result!,
      endedAt: 0,
    };
  },
};

function end(id: string, result: string, status = "SUCCESS"): TaskEnd {
  return { id, status, state: status === "SUCCESS" ? "succeeded" : "failed", result, endedAt: 0 };
}

describeRabbitmq("results by RabbitMQ", (server) => {
  const make = (
    settings: Partial<RpcSettings> = {},
    source: AmqpSource = () => connect(server().url),
  ): RpcResults => {
    const results = new RpcResults(new AmqpConnection(source), { ...codec, ...settings });
    onTestFinished(() => results.close());
    return results;
  };

  test("go to whoever has sent the task, and to nobody else", async () => {
    const [client, other, worker] = [make(), make(), make()];
    await Promise.all([client.open(), other.open()]);
    const ended = vi.fn();
    client.onEnd("1", ended);
    await worker.store([
      { end: end("1", "5"), replyTo: client.replyTo },
      { end: end("2", "6"), replyTo: undefined },
      { end: end("3", "7"), replyTo: "nobody-is-there" },
    ]);
    await eventually(() => expect(ended).toHaveBeenCalledTimes(1));
    expect(await client.find("1")).toEqual(end("1", "5"));
    expect(await other.find("1")).toBeUndefined();
    expect(await worker.find("1")).toBeUndefined();
    expect([client.shared, client.replyTo === other.replyTo]).toEqual([false, false]);
  });

  test("ignore what is no end, and what is no result, and keep a success", async () => {
    const client = make();
    const ended = vi.fn();
    const stop = client.onEnd("1", ended);
    await client.open();
    const channel = await makeChannel(server().url);
    const say = (text: string): boolean => channel.publish("", client.replyTo, Buffer.from(text));
    for (const text of [
      "",
      "null",
      "[",
      "{}",
      '{"task_id":5}',
      codec.toText(end("1", "", "RETRY")),
      codec.toText(end("1", "", "STARTED")),
    ])
      say(text);
    say(codec.toText(end("1", "first")));
    await eventually(() => expect(ended).toHaveBeenCalledTimes(1));
    say(codec.toText(end("1", "second", "FAILURE")));
    await eventually(() => expect(ended).toHaveBeenCalledTimes(2));
    expect(await client.find("1")).toEqual(end("1", "first"));
    stop();
    say(codec.toText(end("1", "third")));
    await sleep(50);
    expect(ended).toHaveBeenCalledTimes(2);
    expect(await channel.checkQueue(client.replyTo)).toMatchObject({ messageCount: 0 });
  });

  test("that are pickled are refused to whoever waits, undecoded, and undo no end", async () => {
    const client = make();
    const ended = vi.fn();
    client.onEnd("1", ended);
    await client.open();
    const channel = await makeChannel(server().url);
    const pickle = (correlationId: string | undefined): boolean =>
      channel.publish("", client.replyTo, Buffer.from("\u0080\u0004.", "latin1"), {
        contentType: "application/x-python-serialize",
        contentEncoding: "binary",
        ...(correlationId !== undefined && { correlationId }),
      });
    pickle(undefined);
    pickle("1");
    await eventually(() => expect(ended).toHaveBeenCalledTimes(1));
    await expect(client.find("1")).rejects.toMatchObject({
      code: "ERR_ENGINE_ROW_UNREADABLE",
      message: expect.stringMatching(/task 1 .*x-python-serialize.*result_serializer = "json"/) as string,
    });
    expect(await client.find("2")).toBeUndefined();
    // The worker was mended, and ran it again.
    channel.publish("", client.replyTo, Buffer.from(codec.toText(end("1", "5"))), { correlationId: "1" });
    await eventually(async () => expect(await client.find("1")).toEqual(end("1", "5")));
    pickle("1");
    await eventually(() => expect(ended).toHaveBeenCalledTimes(3));
    expect(await client.find("1")).toEqual(end("1", "5"));
  });

  test("are held up to a number, the latest", async () => {
    const [client, worker] = [make({ limit: 3 }), make()];
    await client.open();
    const all = ["1", "2", "3", "4", "5"];
    await worker.store(all.map((id) => ({ end: end(id, id), replyTo: client.replyTo })));
    await eventually(async () => expect(await client.find("5")).toBeDefined());
    const found = await Promise.all(all.map((id) => client.find(id)));
    expect(found.map((it) => it?.id)).toEqual([undefined, undefined, "3", "4", "5"]);
  });

  test("that come while the line is cut are not lost", async () => {
    const line = cuttable(server().url);
    let late = Promise.resolve();
    const client = make({}, async () => {
      await late;
      return line.source();
    });
    const worker = make();
    await client.open();
    const back = Promise.withResolvers<void>();
    late = back.promise;
    line.cut();
    await sleep(50);
    await worker.store([{ end: end("1", "5"), replyTo: client.replyTo }]);
    await sleep(100);
    expect(await client.find("1")).toBeUndefined();
    back.resolve();
    await eventually(async () => expect(await client.find("1")).toEqual(end("1", "5")), 5000);
  });

  test("are no more when it is closed, nor is their queue", async () => {
    const client = make();
    await client.open();
    await client.close();
    await client.close();
    const channel = await makeChannel(server().url);
    await expect(channel.checkQueue(client.replyTo)).rejects.toThrow("404");
    await expect(client.find("1")).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
    await expect(client.store([])).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
    expect(() => client.onEnd("1", () => undefined)).toThrow("closed");
  });
});
