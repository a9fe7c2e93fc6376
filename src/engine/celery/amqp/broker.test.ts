import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type ChannelModel } from "amqplib";
import { expect, onTestFinished, test, vi } from "vitest";
import { CuttingProxy } from "../../../../test/faults/proxy.ts";
import { eventually } from "../../../../test/services/eventually.ts";
import {
  cuttable,
  ids,
  makeBroker,
  makeChannel,
  message,
  queueName,
  socketOf,
} from "../../../../test/services/amqp.ts";
import { describeRabbitmq } from "../../../../test/services/describe-rabbitmq.ts";
import type { Taken } from "../broker.ts";
import { AmqpBroker } from "./broker.ts";
import { OwnChannel } from "./channel.ts";
import { AmqpConnection } from "./connection.ts";

describeRabbitmq("RabbitMQ as a broker", (server) => {
  const make = (): AmqpBroker => makeBroker(() => connect(server().url));

  test("carries messages in their order, with all that they are", async () => {
    const [broker, queue] = [make(), queueName()];
    const headers = {
      task: "tasks.add",
      id: "1",
      petiole: '{"wire":1}',
      eta: null,
      timelimit: [3, null],
      stamps: { a: { b: ["é", 1.5, true] } },
      big: { "!": "int64", value: "9007199254740993" },
    };
    const full = message(queue, "1", {
      headers,
      replyTo: "r",
      priority: 3,
      body: Buffer.from("[[1e999],{},null]"),
    });
    await broker.publish([full, message(queue, "2"), message(queue, "3")]);
    const taken = await broker.take([queue], 2, 10_000);
    expect(ids(taken)).toEqual(["1", "2"]);
    const { lang: _, ...others } = full.headers;
    expect(taken[0]).toEqual({
      tag: taken[0]!.tag,
      redelivered: false,
      message: { ...full, headers: { lang: "py", ...others } },
    });
    expect(ids(await broker.take([queue], 5, 10_000))).toEqual(["3"]);
    expect(await broker.take([queue], 5, 10_000)).toEqual([]);
  });

  test("takes from the queues in their order", async () => {
    const [broker, first, second] = [make(), queueName(), queueName()];
    await broker.publish([message(second, "2"), message(first, "1")]);
    expect(ids(await broker.take([first, second], 5, 10_000))).toEqual(["1", "2"]);
    expect(await broker.lengths()).toEqual([
      { queue: second, count: 0 },
      { queue: first, count: 0 },
    ]);
  });

  test("hands each message to one of eight takers", async () => {
    const queue = queueName();
    const all = Array.from({ length: 200 }, (_, index) => String(index));
    await make().publish(all.map((id) => message(queue, id)));
    const winners = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const broker = make();
        const won: string[] = [];
        for (;;) {
          const taken = await broker.take([queue], 7, 10_000);
          if (taken.length === 0) return won;
          won.push(...ids(taken));
          await broker.finish(
            taken.map(({ tag }) => ({ tag, publish: [] })),
            async () => undefined,
          );
        }
      }),
    );
    expect(winners.flat().toSorted()).toEqual(all.toSorted());
  });

  test("finishes once: what it does before, then what follows, then the acknowledgement", async () => {
    const [broker, other, queue, next] = [make(), make(), queueName(), queueName()];
    await broker.publish([message(queue, "1"), message(queue, "2")]);
    const [one, two] = await broker.take([queue], 2, 10_000);
    const before = vi.fn(async () => {
      expect(await other.take([queue, next], 5, 10_000)).toEqual([]);
    });
    const finishes = [
      { tag: one!.tag, publish: [message(next, "1.1"), message(next, "1.2")] },
      { tag: "never", publish: [message(next, "x")] },
    ];
    expect(await broker.finish(finishes, before)).toEqual([true, false]);
    expect(before.mock.calls).toEqual([[[true, false]]]);
    expect(ids(await other.take([next], 5, 10_000))).toEqual(["1.1", "1.2"]);
    expect(await broker.finish(finishes, before)).toEqual([false, false]);
    expect(before).toHaveBeenCalledTimes(1);
    expect(await broker.extend([one!.tag, two!.tag], 1000)).toEqual([one!.tag]);
  });

  test("holds on to what could not be finished", async () => {
    const [broker, queue] = [make(), queueName()];
    await broker.publish([message(queue, "1")]);
    const [{ tag }] = (await broker.take([queue], 1, 10_000)) as readonly [Taken];
    const nothing = async (): Promise<void> => undefined;
    await expect(
      broker.finish([{ tag, publish: [] }], async () => {
        throw new Error("no results today");
      }),
    ).rejects.toThrow("no results today");
    const odd = message(queue, "2", { headers: { task: "t", id: "2", odd: () => 1 } });
    await expect(broker.finish([{ tag, publish: [odd] }], nothing)).rejects.toMatchObject({
      code: "ERR_PAYLOAD_REFUSED",
    });
    const huge = message(queue, "3", { headers: { task: "t", id: "3", huge: "x".repeat(70_000) } });
    await expect(broker.finish([{ tag, publish: [huge] }], nothing)).rejects.toMatchObject({
      code: "ERR_PAYLOAD_LIMIT",
    });
    expect(await broker.finish([{ tag, publish: [] }], nothing)).toEqual([true]);
  });

  test("gives back what a live process has held for longer than its lease", async () => {
    const [broker, other, queue] = [make(), make(), queueName()];
    await broker.publish([message(queue, "1"), message(queue, "2")]);
    const [one, two] = await broker.take([queue], 2, 200);
    expect(await broker.extend([two!.tag], 10_000)).toEqual([]);
    await eventually(async () => {
      const again = await other.take([queue], 5, 10_000);
      expect(again.map(({ message, redelivered }) => [message.headers.id, redelivered])).toEqual([
        ["1", true],
      ]);
    }, 5000);
    expect(await broker.extend([one!.tag, two!.tag], 1000)).toEqual([one!.tag]);
    const before = vi.fn(async () => undefined);
    expect(await broker.finish([{ tag: one!.tag, publish: [] }], before)).toEqual([false]);
    expect(before).not.toHaveBeenCalled();
  });

  test("gives back untouched: what was new is not marked, what was lost before stays so", async () => {
    const [broker, queue] = [make(), queueName()];
    await broker.publish([message(queue, "1", { priority: 2 }), message(queue, "2")]);
    const [one] = await broker.take([queue], 1, 50);
    await sleep(100);
    // Whoever takes here gets at once what others get a little later.
    const taken = await broker.take([queue], 5, 10_000);
    expect(taken.map(({ message, redelivered }) => [message.headers.id, redelivered])).toEqual([
      ["1", true],
      ["2", false],
    ]);
    expect(await broker.extend([one!.tag], 1000)).toEqual([one!.tag]);
    await broker.giveBack(taken.map(({ tag }) => tag));
    expect(
      await broker.extend(
        taken.map(({ tag }) => tag),
        10,
      ),
    ).toHaveLength(2);
    const again = await broker.take([queue], 5, 10_000);
    expect(again.map(({ message, redelivered }) => [message, redelivered])).toEqual(
      taken.map(({ message, redelivered }) => [message, redelivered]),
    );
  });

  test("gives everything back when it is closed, and is closed for good", async () => {
    const [broker, other, queue] = [make(), make(), queueName()];
    await broker.publish([message(queue, "1"), message(queue, "2"), message(queue, "3")]);
    await broker.take([queue], 2, 10_000);
    broker.onArrival([queue], () => undefined);
    await sleep(100);
    await broker.close();
    await broker.close();
    const taken = await other.take([queue], 5, 10_000);
    expect(ids(taken).toSorted()).toEqual(["1", "2", "3"]);
    expect(taken.map(({ redelivered }) => redelivered)).toEqual([false, false, false]);
    for (const call of [() => broker.publish([]), () => broker.take([queue], 1, 1), () => broker.open()])
      await expect(call()).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
  });

  test("leaves the connection that it was given", async () => {
    const connection = await connect(server().url);
    onTestFinished(() => connection.close());
    const [broker, queue] = [makeBroker(connection), queueName()];
    await broker.publish([message(queue, "1")]);
    await broker.take([queue], 1, 10_000);
    await broker.close();
    const channel = await connection.createChannel();
    expect(await channel.get(queue)).toMatchObject({ properties: { correlationId: "1" } });
  });

  test("wakes an idle worker, once for a message, and keeps it for whoever takes", async () => {
    const [broker, sender, queue] = [make(), make(), queueName()];
    const rings = vi.fn();
    const stop = broker.onArrival([queue], rings);
    await sleep(100);
    expect(rings).not.toHaveBeenCalled();
    await sender.publish([message(queue, "1"), message(queue, "2")]);
    await eventually(() => expect(rings).toHaveBeenCalledTimes(1));
    const taken = await broker.take([queue], 5, 10_000);
    expect(taken.map(({ message, redelivered }) => [message.headers.id, redelivered])).toEqual([
      ["1", false],
      ["2", false],
    ]);
    await sender.publish([message(queue, "3")]);
    await eventually(() => expect(rings).toHaveBeenCalledTimes(2));
    expect(ids(await broker.take([queue], 1, 10_000))).toEqual(["3"]);
    // It found all that it asked for, and does not want to be woken.
    await sender.publish([message(queue, "4")]);
    await sleep(100);
    expect(rings).toHaveBeenCalledTimes(2);
    expect(await sender.lengths()).toEqual([{ queue, count: 1 }]);
    expect(ids(await broker.take([queue], 2, 10_000))).toEqual(["4"]);
    stop();
    await sleep(100);
    await sender.publish([message(queue, "5")]);
    await sleep(100);
    expect(await sender.lengths()).toEqual([{ queue, count: 1 }]);
    expect(rings).toHaveBeenCalledTimes(2);
  });

  test("leaves what rang to others, when nobody takes it", async () => {
    const [broker, other, queue] = [make(), make(), queueName()];
    broker.onArrival([queue], () => undefined);
    await other.publish([message(queue, "1")]);
    await sleep(200);
    expect(await other.take([queue], 1, 10_000)).toEqual([]);
    const taken = await eventually(async () => {
      const taken = await other.take([queue], 1, 10_000);
      expect(ids(taken)).toEqual(["1"]);
      return taken;
    }, 5000);
    expect(taken[0]!.redelivered).toBe(false);
  });

  test("what rings while others are taken keeps its place", async () => {
    const [sender, broker, queue] = [make(), make(), queueName()];
    await sender.publish(["1", "2", "3"].map((id) => message(queue, id)));
    broker.onArrival([queue], () => undefined);
    const taken: unknown[] = [];
    while (taken.length < 3) taken.push(...ids(await broker.take([queue], 1, 10_000)));
    expect(taken).toEqual(["1", "2", "3"]);
  });

  test("uses a queue that others have declared otherwise, as it is", async () => {
    const [broker, queue] = [make(), queueName()];
    const channel = await makeChannel(server().url);
    await channel.assertQueue(queue, { durable: true, maxPriority: 10 });
    await broker.publish([1, 9, 5].map((priority) => message(queue, String(priority), { priority })));
    expect(ids(await broker.take([queue], 5, 10_000))).toEqual(["9", "5", "1"]);
  });

  test("declares queues as Celery does", async () => {
    const [broker, queue] = [make(), queueName()];
    await broker.take([queue], 1, 10_000);
    const channel = await makeChannel(server().url);
    await channel.assertExchange(queue, "direct", { durable: true });
    await channel.assertQueue(queue, { durable: true });
    channel.publish(queue, queue, Buffer.from("[[],{},null]"), {
      contentType: "application/json",
      headers: { task: "t", id: "by the exchange" },
    });
    await eventually(async () =>
      expect(ids(await broker.take([queue], 1, 10_000))).toEqual(["by the exchange"]),
    );
  });

  test("makes a queue again that was deleted, and no other queue suffers", async () => {
    const [broker, queue, other] = [make(), queueName(), queueName()];
    await broker.publish([message(other, "2")]);
    const rings = vi.fn();
    const stop = broker.onArrival([queue], rings);
    await sleep(100);
    const held = await broker.take([other], 1, 10_000);
    const channel = await makeChannel(server().url);
    await channel.deleteQueue(queue);
    await eventually(() => expect(rings).toHaveBeenCalled());
    stop();
    await broker.publish([message(queue, "3")]);
    await channel.deleteQueue(queue);
    expect(ids(await broker.take([queue], 1, 10_000))).toEqual([]);
    await broker.publish([message(queue, "4")]);
    expect(ids(await broker.take([queue], 1, 10_000))).toEqual(["4"]);
    expect(await broker.finish([{ tag: held[0]!.tag, publish: [] }], async () => undefined)).toEqual([true]);
  });

  test.each(["", "x".repeat(256)])(
    "refuses a queue of no name, and of one that is too long (%#)",
    async (queue) => {
      const broker = make();
      const refusal = { code: "ERR_OPTION_INVALID" };
      await expect(broker.publish([message(queue, "1")])).rejects.toMatchObject(refusal);
      await expect(broker.take([queue], 1, 10_000)).rejects.toMatchObject(refusal);
    },
  );

  test("tells all of what is broadcast, and of nothing that is none", async () => {
    const [one, two] = [make(), makeBroker(() => connect(server().url), "petiole-two")];
    const [heard, alsoHeard] = [vi.fn(), vi.fn()];
    one.onBroadcast(heard);
    const stop = two.onBroadcast(alsoHeard);
    await eventually(async () => {
      await one.broadcast({ method: "hello", arguments: {} });
      for (const listener of [heard, alsoHeard]) expect(listener).toHaveBeenCalled();
    });
    await sleep(100);
    for (const listener of [heard, alsoHeard]) listener.mockClear();
    const channel = await makeChannel(server().url);
    for (const junk of ["", "null", "[1]", '{"method":1}', '{"method":"revoke","arguments":7}', "\u00ff"])
      channel.publish("celery.pidbox", "", Buffer.from(junk, "latin1"));
    const directed = { method: "ping", arguments: {}, destination: ["petiole-two"], ticket: "t" };
    channel.publish("celery.pidbox", "", Buffer.from(JSON.stringify(directed)));
    const revoke = { method: "revoke", arguments: { task_id: "1", terminate: true } };
    await eventually(() => expect(alsoHeard).toHaveBeenCalledTimes(1));
    await one.broadcast(revoke);
    await eventually(() => expect(heard.mock.calls).toEqual([[revoke]]));
    await eventually(() =>
      expect(alsoHeard.mock.calls).toEqual(
        [[{ method: "ping", arguments: {} }], [revoke]].map(([it]) => [
          expect.objectContaining(it as object),
        ]),
      ),
    );
    stop();
    await one.broadcast(revoke);
    await eventually(() => expect(heard).toHaveBeenCalledTimes(2));
    expect(alsoHeard).toHaveBeenCalledTimes(2);
  });

  test("loses nothing when the line is cut, and knows what it holds no more", async () => {
    const line = cuttable(server().url);
    const [broker, queue] = [makeBroker(line.source), queueName()];
    const rings = vi.fn();
    await broker.publish([message(queue, "1"), message(queue, "2")]);
    const [one] = await broker.take([queue], 1, 10_000);
    line.cut();
    await eventually(async () => expect(await broker.extend([one!.tag], 1000)).toEqual([one!.tag]));
    const before = vi.fn(async () => undefined);
    expect(await broker.finish([{ tag: one!.tag, publish: [message(queue, "x")] }], before)).toEqual([false]);
    expect(before).not.toHaveBeenCalled();
    await broker.giveBack([one!.tag]);
    const taken = await eventually(async () => {
      const taken = await broker.take([queue], 5, 10_000);
      expect(taken).toHaveLength(2);
      return taken;
    });
    expect(taken.map(({ message, redelivered }) => [message.headers.id, redelivered])).toEqual([
      ["1", true],
      ["2", false],
    ]);
    // An idle worker is woken after a cut, since it may have missed something, and then as ever.
    broker.onArrival([queue], rings);
    await sleep(100);
    line.cut();
    await eventually(() => expect(rings).toHaveBeenCalled());
    await broker.take([queue], 5, 10_000);
    rings.mockClear();
    await broker.publish([message(queue, "3")]);
    await eventually(() => expect(rings).toHaveBeenCalled());
  });

  test("says that a bare connection which was lost cannot be made again", async () => {
    const connection = await connect(server().url);
    const [broker, queue] = [makeBroker(connection), queueName()];
    await broker.publish([message(queue, "1")]);
    await connection.close();
    await expect(broker.publish([message(queue, "2")])).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
      message: expect.stringContaining("give it a function that makes one"),
    });
    await expect(broker.take([queue], 1, 10_000)).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
  });

  test("takes a connection that connects again by itself", async () => {
    const connection = await connect(server().url, { recovery: { initialDelay: 20 } });
    onTestFinished(() => connection.close());
    const back = new Promise((resolve) => {
      connection.once("connect", resolve);
    });
    const [broker, queue] = [makeBroker(connection), queueName()];
    await broker.publish([message(queue, "1")]);
    const channel = await connection.createChannel();
    socketOf(channel).destroy(new Error("the test has cut it"));
    await back;
    expect(ids(await broker.take([queue], 1, 10_000))).toEqual(["1"]);
  });

  test("a connection that does not come is made again, and closed when it comes after all", async () => {
    const late = Promise.withResolvers<ChannelModel>();
    const source = vi.fn(() => connect(server().url)).mockReturnValueOnce(late.promise);
    const times = { timeout: 500, connectTimeout: 500 };
    const broker = new AmqpBroker(new AmqpConnection(source, times), { hostname: "late" });
    onTestFinished(() => broker.close());
    const queue = queueName();
    const first = { code: "ERR_ENGINE_UNREACHABLE" };
    await expect(broker.publish([message(queue, "1")])).rejects.toMatchObject(first);
    await broker.publish([message(queue, "1")]);
    const connection = await connect(server().url);
    late.resolve(connection);
    await once(connection, "close");
  });

  test.each([
    ["ends with its socket", (url: string) => connect(url)],
    ["connects again by itself", (url: string) => connect(url, { recovery: { initialDelay: 20 } })],
  ])("a silent connection is given up, with all that was opened on it: one that %s", async (_, open) => {
    const proxy = await CuttingProxy.start(Number(new URL(server().url).port));
    onTestFinished(() => proxy.close());
    const url = new URL(server().url);
    url.port = `${proxy.port}`;
    const [broker, other, queue] = [makeBroker(() => open(url.href), "silent", 300), make(), queueName()];
    const rings = vi.fn();
    broker.onArrival([queue], rings);
    expect(await broker.take([queue], 1, 10_000)).toEqual([]);
    proxy.mute();
    await eventually(() => broker.publish([message(queue, "1")]));
    await eventually(() => expect(proxy.size).toBe(1));
    await eventually(() => expect(rings).toHaveBeenCalled());
    await broker.take([queue], 5, 10_000);
    rings.mockClear();
    await other.publish([message(queue, "2")]);
    await eventually(() => expect(rings).toHaveBeenCalled());
  });

  test("a channel that is lost while it is closed is not waited for", async () => {
    const { source, cut } = cuttable(server().url);
    const own = new OwnChannel(new AmqpConnection(source), { kind: "plain" });
    await own.open("a test");
    const began = performance.now();
    const closing = own.close();
    cut();
    await closing;
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test("gives up in time where nothing answers", async () => {
    const broker = makeBroker(() => new Promise<never>(() => undefined), "h", 200);
    await expect(broker.publish([message("q", "1")])).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
    });
    const refusing = makeBroker(() => connect("amqp://127.0.0.1:1"), "h", 200);
    await expect(refusing.open()).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });
});
