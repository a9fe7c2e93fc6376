import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "amqplib";
import { expect, test, vi } from "vitest";
import { eventually } from "../../../../test/services/eventually.ts";
import { ids, makeBroker, message, queueName } from "../../../../test/services/amqp.ts";
import { describeOwnRabbitmq } from "../../../../test/services/describe-rabbitmq.ts";

describeOwnRabbitmq("RabbitMQ killed and started again", (server) => {
  test("keeps what it has accepted, and the engine goes on by itself", { timeout: 60_000 }, async () => {
    const [broker, queue] = [makeBroker(() => connect(server().url)), queueName()];
    const [rings, heard] = [vi.fn(), vi.fn()];
    broker.onArrival([queue], rings);
    broker.onBroadcast(heard);
    const all = Array.from({ length: 50 }, (_, index) => String(index));
    await broker.publish(all.map((id) => message(queue, id)));
    const [held] = await broker.take([queue], 1, 60_000);
    const restarting = server().restart(500);
    const publishing = broker.publish([message(queue, "during")]).then(
      () => true,
      (error: { readonly code: string }) => error.code,
    );
    await restarting;
    // Either it was accepted, or it is said that it may not have been.
    expect([true, "ERR_ENGINE_UNREACHABLE"]).toContain(await publishing);
    expect(await broker.extend([held!.tag], 1000)).toEqual([held!.tag]);
    await eventually(() => expect(rings).toHaveBeenCalled(), 15_000);
    const taken: string[] = [];
    await eventually(async () => {
      taken.push(...ids(await broker.take([queue], 100, 60_000)));
      expect(taken.toSorted()).toEqual(expect.arrayContaining(all.toSorted()));
    }, 15_000);
    rings.mockClear();
    await broker.publish([message(queue, "after")]);
    await eventually(() => expect(rings).toHaveBeenCalled());
    await eventually(async () => {
      await broker.broadcast({ method: "revoke", arguments: { task_id: "1" } });
      expect(heard).toHaveBeenCalled();
    }, 15_000);
  });

  test("a call waits for it, so long and no longer", { timeout: 60_000 }, async () => {
    const [patient, hasty] = [
      makeBroker(() => connect(server().url), "p", 20_000),
      makeBroker(() => connect(server().url), "h", 300),
    ];
    const queue = queueName();
    await Promise.all([patient.publish([message(queue, "0")]), hasty.publish([message(queue, "0")])]);
    const restarting = server().restart(1000);
    await sleep(200);
    const waiting = patient.publish([message(queue, "1")]);
    await expect(hasty.publish([message(queue, "2")])).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
      message: expect.stringContaining("Nothing was changed"),
    });
    await expect(hasty.take([queue], 1, 1000)).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
    await restarting;
    await waiting;
    await eventually(
      async () => expect(ids(await hasty.take([queue], 5, 10_000))).toEqual(["0", "0", "1"]),
      10_000,
    );
  });

  test("is not waited for when it is there and says nothing", { timeout: 60_000 }, async () => {
    const [broker, queue] = [makeBroker(() => connect(server().url), "frozen", 500), queueName()];
    await broker.publish([message(queue, "1"), message(queue, "2")]);
    const [one] = await broker.take([queue], 1, 60_000);
    const pid = server().pid();
    process.kill(pid, "SIGSTOP");
    // It does not stop within the call.
    await sleep(100);
    try {
      const uncertain = {
        code: "ERR_ENGINE_UNREACHABLE",
        message: expect.stringContaining("may have been done"),
      };
      await expect(broker.take([queue], 1, 60_000)).rejects.toMatchObject(uncertain);
      await expect(broker.publish([message(queue, "3")])).rejects.toMatchObject(uncertain);
      await expect(broker.lengths()).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
      // Its channel was given up: it is the broker's again.
      expect(await broker.extend([one!.tag], 1000)).toEqual([one!.tag]);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    const taken = new Set<string>();
    await eventually(async () => {
      for (const id of ids(await broker.take([queue], 5, 60_000))) taken.add(id);
      expect([...taken]).toEqual(expect.arrayContaining(["1", "2"]));
    }, 10_000);
  });
});
