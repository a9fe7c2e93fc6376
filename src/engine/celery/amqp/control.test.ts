/** Asking and watching by RabbitMQ, when connections are cut, and what is left on those that go on. */
import { connect } from "amqplib";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../../../test/services/eventually.ts";
import { cuttable, makeBroker, makeChannel, queueName } from "../../../../test/services/amqp.ts";
import { describeRabbitmq } from "../../../../test/services/describe-rabbitmq.ts";
import { celery, celeryControl, celeryEvents } from "../../celery.ts";
import type { AmqpBroker } from "./broker.ts";

/** Answers each `ping`. */
function answering(broker: AmqpBroker): void {
  broker.onBroadcast(({ method, replyTo }) => {
    if (method === "ping" && replyTo !== undefined)
      void broker.answer(replyTo, { w: { ok: "pong" } }, 1).catch(() => undefined);
  });
}

describeRabbitmq("remote control by RabbitMQ", (server) => {
  test("answers are heard again after the connection was cut", { timeout: 60_000 }, async () => {
    answering(makeBroker(() => connect(server().url)));
    const { source, cut } = cuttable(server().url);
    const control = celeryControl({ broker: source });
    onTestFinished(() => control.close());
    const pings = async (): Promise<void> => {
      const { replies } = await control.ping({ limit: 1 });
      expect(replies.get("w")).toBe("pong");
    };
    await eventually(pings, 15_000);
    for (let round = 0; round < 2; round++) {
      cut();
      // One that was on its way may be lost with it.
      await eventually(pings, 15_000);
    }
  });

  test("who watches, or asks, and is closed leaves no queue on the user's connection", async () => {
    const connection = await connect(server().url);
    onTestFinished(() => connection.close());
    const queues: string[] = [];
    const create = connection.createChannel.bind(connection);
    connection.createChannel = async () => {
      const channel = await create();
      const assert = channel.assertQueue.bind(channel);
      channel.assertQueue = (name, options) => {
        queues.push(name!);
        return assert(name, options);
      };
      return channel;
    };
    const control = celeryControl({ broker: connection });
    await control.ping({ timeout: 100 });
    await control.close();
    const events = celeryEvents({ broker: connection });
    await events.ready();
    await events.close();
    expect(queues).toEqual([
      expect.stringContaining("reply.celery.pidbox"),
      expect.stringContaining("celeryev."),
    ]);
    await eventually(async () => {
      for (const name of queues) {
        const channel = await create();
        channel.on("error", () => undefined);
        await expect(channel.checkQueue(name), name).rejects.toMatchObject({ code: 404 });
      }
    });
  });

  test("a queue that is another connection's alone, and was added, stops no others", async () => {
    const [hostname, queue, alone] = [`w-${queueName()}`, queueName(), queueName()];
    const engine = celery({ broker: () => connect(server().url), results: false, hostname });
    onTestFinished(() => engine.close());
    const other = await makeChannel(server().url);
    await other.assertQueue(alone, { exclusive: true });
    const claim = { queues: [queue], limit: 5, lease: 10_000, worker: "w" };
    await engine.claim(claim);
    const control = celeryControl({ broker: () => connect(server().url) });
    onTestFinished(() => control.close());
    const ask = { destination: [hostname] };
    await eventually(async () => expect((await control.ping(ask)).replies.size).toBe(1));
    const { replies } = await control.broadcast("add_consumer", { queue: alone }, ask);
    expect(replies.get(hostname)).toMatchObject({ ok: `add consumer ${alone}` });
    for (let round = 0; round < 3; round++) expect(await engine.claim(claim)).toEqual([]);
    const sent = { task: "a", id: "1", queue, payload: "{}", headers: { wire: 1 } };
    await engine.send([{ message: sent, runAt: 0 }]);
    await eventually(async () => expect(await engine.claim(claim)).toHaveLength(1));
  });
});
