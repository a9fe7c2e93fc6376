import { createPostgresBackend, Queue } from "bullmq";
import { Cluster, Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { bullmq, type BullmqOptions } from "../bullmq.ts";

describe("bullmq()", () => {
  const connection = new Redis({ lazyConnect: true });
  const cluster = new Cluster([{ port: 1 }], { lazyConnect: true });
  const away = new Redis(1, { lazyConnect: true, maxRetriesPerRequest: null });
  const queue = new Queue("q", { connection: away });
  for (const each of [away, queue]) each.on("error", () => {});
  const pool = { connect: async () => Promise.reject(new Error("away")), end: async () => {}, on: () => {} };
  const onPostgres = new Queue("q", { connection: pool }, createPostgresBackend as never);
  onPostgres.on("error", () => {});
  afterAll(async () => {
    away.disconnect();
    await queue.close().catch(() => {});
    await onPostgres.close().catch(() => {});
    connection.disconnect();
    cluster.disconnect();
  });

  test.each([
    ["nothing", undefined],
    ["no connection", {}],
    ["options in place of a client", { connection: { host: "127.0.0.1" } }],
    ["a URL", { connection: "redis://127.0.0.1" }],
    ["an option that there is not", { connection, perfix: "bull" }],
    ["an empty prefix", { connection, prefix: "" }],
    ["a prefix with a lone surrogate", { connection, prefix: "\ud800" }],
    ["a prefix that is no text", { connection, prefix: 7 }],
    ["a negative retention", { connection, retention: -1 }],
    ["a lease that would never be renewed in time", { connection, deadAfter: 10 }],
    ["no time to wait", { connection, timeout: 0 }],
    ["what no timer can wait for", { connection, timeout: 2 ** 31 }],
    ["a number that is none", { connection, pollInterval: Number.NaN }],
    ["the name of a queue", { queue: "q" }],
    ["what is no queue", { queue: { opts: {} } }],
    ["a queue that keeps its jobs in PostgreSQL", { queue: onPostgres }],
    ["PostgreSQL as BullMQ takes it", { connection: createPostgresBackend }],
    ["a queue and a connection", { queue, connection }],
    ["a queue and a prefix", { queue, prefix: "bull" }],
  ])("refuses %s", (_, options) => {
    expect(() => bullmq(options as unknown as BullmqOptions)).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID", message: expect.stringContaining("bullmq()") }),
    );
  });

  test("refuses a keyPrefix, as BullMQ does, and says what to do", () => {
    const prefixed = new Redis({ lazyConnect: true, keyPrefix: "app:" });
    expect(() => bullmq({ connection: prefixed })).toThrow(/keyPrefix string "app:".*`prefix`/s);
    prefixed.disconnect();
  });

  test("refuses a cluster unless all keys are on one node", () => {
    expect(() => bullmq({ connection: cluster })).toThrow(
      expect.objectContaining({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringContaining('"{bull}"'),
      }),
    );
    // Only what is in the first braces counts.
    for (const prefix of ["a{}b", "a{}{b}"])
      expect(() => bullmq({ connection: cluster, prefix })).toThrow(/hash tag/);
    expect(bullmq({ connection: cluster, prefix: "{bull}" }).name).toBe("bullmq");
  });

  test("opens nothing by itself", async () => {
    const engine = bullmq({ connection });
    await engine.close();
    expect(connection.status).toBe("wait");
  });
});
