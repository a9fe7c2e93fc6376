/** A Redis that is made the replica of another, and takes no writes: the engine goes to the one that does. */
import { Redis } from "ioredis";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { noOwnRedis, startOwnRedis, type OwnRedis } from "../../../test/services/redis.ts";
import { startWatchedRedis } from "../../../test/services/sentinel.ts";
import type { Engine, Outgoing } from "../../engine.ts";
import { bullmq, type BullmqTimes } from "../bullmq.ts";

const request = { queues: ["q"], limit: 10, lease: 30_000, worker: "w" };
const outgoing = (id: string): Outgoing => ({
  message: { id, task: "t", queue: "q", payload: "{}", headers: { wire: 1 } },
  runAt: 0,
});
const patience = { timeout: 15_000, interval: 20 };

const reason = noOwnRedis === undefined ? "" : ` (skipped: ${noOwnRedis})`;
describe.skipIf(noOwnRedis !== undefined)(`BullMQ's Redis, and one that takes its place${reason}`, () => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  async function start(): Promise<{ readonly server: OwnRedis; readonly redis: Redis }> {
    const server = await startOwnRedis();
    const redis = new Redis(server.port);
    closing.push(
      () => server.stop(),
      () => redis.disconnect(),
    );
    return { server, redis };
  }

  /** A name that leads to one server, and then to another: connections that are there stay where they are. */
  async function startName(port: number): Promise<{ readonly name: { port: number }; readonly own: number }> {
    const name = { port };
    const sockets = new Set<Socket>();
    const listener = createServer((client) => {
      const server = connect(name.port, "127.0.0.1");
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        sockets.add(from);
        from.on("error", () => undefined).on("close", () => (sockets.delete(from), to.destroy()));
        from.pipe(to);
      }
    }).listen(0, "127.0.0.1");
    await once(listener, "listening");
    closing.push(() => {
      listener.close();
      for (const socket of sockets) socket.destroy();
    });
    return { name, own: (listener.address() as AddressInfo).port };
  }

  function open(connection: Redis, times: BullmqTimes = {}): Engine {
    const engine = bullmq({ connection, ...times });
    closing.push(
      () => connection.disconnect(),
      () => engine.close(),
    );
    return engine;
  }

  test("what is asked of it is asked of the new primary, once its name leads there", async () => {
    const [old, other] = [await start(), await start()];
    await other.redis.replicaof("127.0.0.1", old.server.port);
    await expect.poll(() => other.redis.info("replication"), patience).toContain("master_link_status:up");
    const { name, own } = await startName(old.server.port);
    const engine = open(new Redis(own, { lazyConnect: true }), { timeout: 8000 });
    await engine.send([outgoing("one"), outgoing("two")]);
    const [taken] = await engine.claim({ ...request, limit: 1 });
    await expect.poll(() => other.redis.llen("bull:q:active"), patience).toBe(1);
    // The replica is promoted, and the old primary follows it: nobody's connection is closed by that.
    await other.redis.replicaof("NO", "ONE");
    await old.redis.replicaof("127.0.0.1", other.server.port);
    name.port = other.server.port;
    const asked = [
      engine.send([outgoing("three")]),
      engine.settle([{ kind: "complete", lease: taken!.lease, result: "1" }]),
    ];
    expect(await Promise.all(asked)).toEqual([["three"], [true]]);
    expect(await engine.claim(request)).toHaveLength(2);
    expect(await other.redis.exists("bull:q:%three")).toBe(1);
  });

  test("where it takes no writes until the time is over, whoever asks is told that", async () => {
    const [primary, other] = [await start(), await start()];
    const engine = open(new Redis(primary.server.port, { lazyConnect: true }), { timeout: 1500 });
    await engine.open();
    await primary.redis.replicaof("127.0.0.1", other.server.port);
    await expect(engine.send([outgoing("one")])).rejects.toMatchObject({
      code: "ERR_ENGINE_UNREACHABLE",
      message: expect.stringMatching(/READONLY.*Nothing was changed/s),
    });
    expect(await primary.redis.exists("bull:q:%one")).toBe(0);
  });

  test("where its replicas are away that it is to have, it is waited for until they are back", async () => {
    const { server, redis } = await start();
    const engine = open(new Redis(server.port, { lazyConnect: true }));
    await engine.open();
    await redis.config("SET", "min-replicas-to-write", "1");
    const sending = engine.send([outgoing("one")]);
    setTimeout(() => void redis.config("SET", "min-replicas-to-write", "0"), 200);
    expect(await sending).toEqual(["one"]);
    expect(await engine.counts()).toEqual([{ queue: "q", state: "waiting", count: 1 }]);
  });

  test("with Sentinels: what was sent is there after a failover, and is claimed and ended", async () => {
    const watched = await startWatchedRedis();
    closing.push(() => watched.stop());
    const engine = open(
      new Redis({ sentinels: [...watched.sentinels], name: watched.name, lazyConnect: true }),
    );
    await engine.send([outgoing("one"), outgoing("two")]);
    const [taken] = await engine.claim({ ...request, limit: 1 });
    await watched.replicated();
    await watched.failOver();
    expect(await engine.settle([{ kind: "complete", lease: taken!.lease, result: "1" }])).toEqual([true]);
    await engine.send([outgoing("three")]);
    const rest = await engine.claim(request);
    expect(rest.map(({ message }) => message.id)).toEqual(["two", "three"]);
  }, 60_000);
});
