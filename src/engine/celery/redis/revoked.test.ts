/** What was called off, on a real Redis: it is remembered for workers that begin later. */
import { expect, test } from "vitest";
import { describeOwnRedis } from "../../../../test/services/describe-redis.ts";
import { RedisBroker } from "./broker.ts";

describeOwnRedis("what was called off", {}, ({ redis }) => {
  test("is remembered for three hours, and read whatever else lies there", async () => {
    const settings = { visibilityTimeout: 1000, resultExpires: 1000, timeout: 5000, pollInterval: 100 };
    const broker = new RedisBroker(redis, { keyPrefix: "p:", ...settings });
    const now = Date.now();
    const reason = { code: "ERR_TEST", message: "\u0000 \ud800", details: { list: [1] } };
    const revoked = (id: string, at: number) => ({ id, reason, terminate: true, at });
    await broker.remember([revoked("old", now - 4 * 3_600_000), revoked("new", now)]);
    await broker.remember([]);
    await redis.zadd("p:petiole.revoked", now, "nonsense", now, "[1,2]", now, '["x",null,true]');
    expect(await broker.remembered(now - 3_600_000)).toStrictEqual([revoked("new", now)]);
    expect(await broker.remembered(0)).toStrictEqual([revoked("new", now)]);
    expect(await broker.remembered(now + 1)).toStrictEqual([]);
    const stamped = { ...revoked("", now + 5), stamp: ["tenant", "acme"] as const };
    await broker.remember([stamped]);
    await redis.zadd("p:petiole.revoked", now + 5, JSON.stringify(["", reason, true, ["tenant", {}]]));
    expect(await broker.remembered(now + 5)).toStrictEqual([stamped]);
    expect(await redis.pttl("p:petiole.revoked")).toBeGreaterThan(10_000_000);
    await broker.close();
  });
});
