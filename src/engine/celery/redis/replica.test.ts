/** A Redis that is made the replica of another, and takes no writes: the engine goes to the one that does. */
import { Redis } from "ioredis";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { redisLibraries } from "../../../../test/services/redis-clients.ts";
import { noOwnRedis, startOwnRedis, type OwnRedis } from "../../../../test/services/redis.ts";
import type { CeleryMessage } from "../protocol/message.ts";
import { RedisBroker } from "./broker.ts";

const settings = {
  keyPrefix: "",
  visibilityTimeout: 3_600_000,
  resultExpires: 60_000,
  timeout: 10_000,
  pollInterval: 100,
};
const patience = { timeout: 15_000, interval: 10 };

function message(id: string): CeleryMessage {
  const headers = { task: "tasks.add", id };
  const body = Buffer.from("[[],{},{}]");
  return { queue: "celery", headers, contentType: "application/json", contentEncoding: "utf-8", body };
}

const reason = noOwnRedis === undefined ? "" : ` (skipped: ${noOwnRedis})`;
describe.skipIf(noOwnRedis !== undefined)(`a replica that takes no writes${reason}`, () => {
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

  /** One server, and its replica, which has all that it has. */
  async function startTwo() {
    const [primary, replica] = [await start(), await start()];
    await replica.redis.replicaof("127.0.0.1", primary.server.port);
    const status = (): Promise<string> => replica.redis.info("replication");
    await expect.poll(status, patience).toContain("master_link_status:up");
    return [primary, replica] as const;
  }

  /** A name that leads to one server, and then to another: connections that are there stay where they are. */
  async function startName(port: number) {
    const name = { port, connections: 0 };
    const sockets = new Set<Socket>();
    const listener = createServer((client) => {
      name.connections++;
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
    const { port: own } = listener.address() as AddressInfo;
    return { name, url: `redis://127.0.0.1:${own}` };
  }

  function open(library: (typeof redisLibraries)[number], url: string, timeout?: number): RedisBroker {
    const { client, close } = library.make(url);
    const broker = new RedisBroker(client, { ...settings, ...(timeout !== undefined && { timeout }) });
    closing.push(close, () => broker.close());
    return broker;
  }

  describe.each(redisLibraries)("with $name", (library) => {
    test("what is asked of it is asked of the new primary, once its name leads there", async () => {
      const [old, other] = await startTwo();
      const { name, url } = await startName(old.server.port);
      const broker = open(library, url);
      await broker.publish([message("1"), message("2")]);
      const [taken] = await broker.take(["celery"], 1, 30_000);
      await expect.poll(() => other.redis.hlen("unacked"), patience).toBe(1);
      // The replica is promoted, and the old primary follows it: nobody's connection is closed by that.
      await other.redis.replicaof("NO", "ONE");
      await old.redis.replicaof("127.0.0.1", other.server.port);
      name.port = other.server.port;
      await broker.publish([message("3")]);
      // What was taken from the one is finished on the other.
      expect(await broker.extend([taken!.tag], 30_000)).toEqual([]);
      expect(await broker.finish([{ tag: taken!.tag, publish: [message("4")] }], async () => {})).toEqual([
        true,
      ]);
      const rest = await broker.take(["celery"], 10, 30_000);
      expect(rest.map(({ message: { headers } }) => headers.id)).toEqual(["2", "3", "4"]);
      expect(await other.redis.hlen("unacked")).toBe(3);
    });

    test("it is waited for until it takes writes again, and then all is done once", async () => {
      const [primary, other] = [await start(), await start()];
      const { name, url } = await startName(primary.server.port);
      const broker = open(library, url);
      await broker.publish([message("1")]);
      await primary.redis.replicaof("127.0.0.1", other.server.port);
      const before = name.connections;
      const sending = broker.publish([message("2")]);
      // It has answered that it is a replica, and was left for another connection, more than once.
      await expect.poll(() => name.connections - before, patience).toBeGreaterThan(1);
      await primary.redis.replicaof("NO", "ONE");
      await sending;
      // It may have followed the other for a while, and have nothing of its own any more.
      const list = await primary.redis.lrange("celery", 0, -1);
      const ids = list.map((text) => (JSON.parse(text) as CeleryMessage).headers.id);
      expect(ids.filter((id) => id === "2")).toEqual(["2"]);
    });

    test("where it takes none until the time is over, whoever sends is told that", async () => {
      const [primary, other] = [await start(), await start()];
      const broker = open(library, primary.server.url, 2000);
      await broker.open();
      await primary.redis.replicaof("127.0.0.1", other.server.port);
      await expect(broker.publish([message("1")])).rejects.toMatchObject({
        code: "ERR_ENGINE_UNREACHABLE",
        message: expect.stringContaining("READONLY"),
      });
      expect(await primary.redis.exists("celery")).toBe(0);
    });
  });
});
