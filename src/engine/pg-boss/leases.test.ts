/** Leases: what was claimed together is one row, whatever becomes of its tasks. */
import { Client, Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { EngineStore } from "../../../test/engines/engine-store.ts";
import { missing, start } from "../../../test/engines/pg-boss.ts";
import type { Delivery, Engine, Lease, Settlement } from "../../engine.ts";
import { claim, eventually, ids, outgoing, pause, reason } from "../../testing/engine-contract/case.ts";
import { pgBoss } from "../pg-boss.ts";

describe.skipIf(missing !== undefined)("pg-boss: leases", () => {
  let store: EngineStore;
  let client: Client;
  let pool: Pool;
  let engine: Engine;
  let other: Engine;

  beforeAll(async () => {
    store = await start();
  }, 60_000);
  afterAll(() => store?.close(), 60_000);

  beforeEach(async () => {
    const { url } = (await store.fresh()) as { url: string };
    client = new Client({ connectionString: url });
    await client.connect();
    pool = new Pool({ connectionString: url });
    pool.on("error", () => {});
    engine = pgBoss(pool);
    other = pgBoss(pool);
  });
  afterEach(async () => {
    await Promise.all([engine.close(), other.close()]);
    await pool.end();
    await client.end();
  });

  /** How many tasks are in each row. */
  const rows = async (): Promise<number[]> => {
    const found = await client.query<{ size: number }>(
      "SELECT cardinality(jobs) AS size FROM pgboss_petiole.lease ORDER BY 1",
    );
    return found.rows.map(({ size }) => size);
  };
  const sendMany = (count: number): Promise<unknown> =>
    engine.send(Array.from({ length: count }, (_, index) => outgoing(`${index + 1}`)));
  const leaseOf = (deliveries: readonly Delivery[], id: string): Lease =>
    deliveries.find(({ message }) => message.id === id)!.lease;

  test("limits hold for what was sent while a claim waited for another to count", async () => {
    const limits = new Map([
      ["first", { concurrency: 1 }],
      ["second", { concurrency: 1 }],
    ]);
    await engine.send([{ ...outgoing("1"), lane: "first" }]);
    const lock = "hashtextextended('petiole.lane' || 'first', 1)";
    await client.query(`SELECT pg_advisory_lock(${lock})`);
    const claiming = claim(engine, { limit: 9, limits });
    await pause(300);
    await other.send(["2", "3", "4"].map((id) => ({ ...outgoing(id), lane: "second" })));
    await client.query(`SELECT pg_advisory_unlock(${lock})`);
    const claimed = [...(await claiming), ...(await claim(other, { limit: 9, limits }))];
    expect(ids(claimed)).toEqual(["1", "2"]);
  });

  test("of what was claimed together each is extended, lost and settled for itself", async () => {
    await sendMany(4);
    const claimed = await claim(engine, { limit: 4, lease: 300 });
    expect(await rows()).toEqual([4]);
    expect(await engine.extend([leaseOf(claimed, "2")], 60_000)).toEqual([]);
    expect(await engine.extend([leaseOf(claimed, "3")], 1500)).toEqual([]);
    expect(await rows()).toEqual([1, 1, 2]);
    await pause(350);
    // One at a time, of a row of two.
    const [first] = await claim(other);
    expect(first?.crashes).toBe(1);
    const [second, ...more] = await claim(other, { limit: 9 });
    expect([first!.message.id, second!.message.id].toSorted()).toEqual(["1", "4"]);
    expect(more).toEqual([]);
    let third: readonly Delivery[] = [];
    await eventually(
      async () => (third = await claim(other, { limit: 9 })).length > 0,
      "the third being lost",
    );
    expect(ids(third)).toEqual(["3"]);
    const answers = await engine.settle(
      ["1", "2", "3", "4"].map((id) => ({
        kind: "complete" as const,
        lease: leaseOf(claimed, id),
        result: "1",
      })),
    );
    expect(answers).toEqual([false, true, false, false]);
    expect(await rows()).toEqual([1, 1, 1]);
    await other.settle(
      [first!, second!, third[0]!].map(({ lease }) => ({ kind: "complete", lease, result: "2" })),
    );
    expect(await rows()).toEqual([]);
  });

  test("many are extended at once, and leave their rows as they are settled", async () => {
    await sendMany(250);
    const claimed = await claim(engine, { limit: 250 });
    expect(claimed.map(({ message }) => message.id)).toEqual(
      Array.from({ length: 250 }, (_, index) => `${index + 1}`),
    );
    // No row becomes longer than a page of the database can take.
    expect(await rows()).toEqual([50, 100, 100]);
    const leases = claimed.map(({ lease }) => lease);
    expect(await engine.extend(leases, 60_000)).toEqual([]);
    expect(await rows()).toEqual([50, 100, 100]);
    const answers = await engine.settle(
      leases
        .slice(30, 180)
        .map((lease, index) =>
          index % 2 === 0 ? { kind: "complete", lease, result: "1" } : { kind: "fail", lease, reason },
        ),
    );
    expect(answers.every(Boolean)).toBe(true);
    expect(await rows()).toEqual([20, 30, 50]);
    // What is settled already cannot be extended, nor settled again.
    expect((await engine.extend(leases, 60_000)).length).toBe(150);
    const again = await engine.settle(leases.map((lease) => ({ kind: "release", lease })));
    expect(again.filter(Boolean).length).toBe(100);
    expect(await rows()).toEqual([]);
    expect(ids(await claim(engine, { limit: 3 }))).toEqual(["1", "2", "3"]);
  });

  test("settlements beside a claim: each is answered, and what the claim depends on is settled before it", async () => {
    await sendMany(60);
    const first = await claim(engine, { limit: 30 });
    const settleAll = (settlements: readonly Settlement[]): Promise<readonly (readonly boolean[])[]> =>
      Promise.all(settlements.map((settlement) => engine.settle([settlement])));
    // One of them was ended by others meanwhile, which does not harm the rest.
    await client.query(
      "UPDATE pgboss.job SET state = 'cancelled' WHERE id = (SELECT job FROM pgboss_petiole.task WHERE id = '7')",
    );
    const [answers, second] = await Promise.all([
      settleAll(first.map(({ lease }) => ({ kind: "complete", lease, result: "1" }))),
      claim(engine, { limit: 30 }),
    ]);
    expect(answers.map(([answer]) => answer)).toEqual(first.map(({ message }) => message.id !== "7"));
    expect(second.length).toBe(30);
    // A release is what the next claim may take.
    const [released, third] = await Promise.all([
      settleAll(
        second.map(({ lease }, index) =>
          index === 29 ? { kind: "release", lease } : { kind: "complete", lease, result: "1" },
        ),
      ),
      claim(engine, { limit: 30 }),
    ]);
    expect(released.flat().every(Boolean)).toBe(true);
    expect(ids(third)).toEqual([second[29]!.message.id]);
    await engine.settle(third.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
    expect(await rows()).toEqual([]);
  });

  test("are renewed while others use all connections of the pool", async () => {
    const { url } = (await store.fresh()) as { url: string };
    const [small, free] = [new Pool({ connectionString: url, max: 3 }), new Pool({ connectionString: url })];
    const busy = pgBoss(small, { maxSilence: 1000 });
    const watching = pgBoss(free);
    await busy.send([outgoing("1")]);
    const [delivery] = await claim(busy);
    // As handlers with transactions; the third connection is the engine's, which listens.
    const handlers = [await small.connect(), await small.connect()];
    for (let look = 0; look < 3; look++) {
      await pause(500);
      expect(await claim(watching)).toEqual([]);
    }
    expect(await busy.extend([delivery!.lease], 30_000)).toEqual([]);
    for (const handler of handlers) handler.release();
    expect(await busy.settle([{ kind: "complete", lease: delivery!.lease, result: "1" }])).toEqual([true]);
    await Promise.all([busy.close(), watching.close()]);
    await Promise.all([small.end(), free.end()]);
  });

  describe("a claim whose answer", () => {
    /** The pool, with something done around each claim. */
    const around = (claiming: (run: () => Promise<unknown>) => Promise<unknown>, options = {}): Engine => {
      const query = (statement: { text: string }): Promise<unknown> =>
        /\.claim\(/.test(statement.text) ? claiming(() => pool.query(statement)) : pool.query(statement);
      const through = { query, connect: () => pool.connect(), totalCount: 0 };
      return pgBoss(through as unknown as Pool, options);
    };
    const soonClaimed = async (cut: Engine): Promise<readonly Delivery[]> => {
      let found: readonly Delivery[] = [];
      await eventually(
        async () => (found = await claim(cut, { limit: 9 })).length > 0,
        "claiming them again",
      );
      return found;
    };

    test("is lost hands back what it took, and counts no crash", async () => {
      await sendMany(3);
      let count = 0;
      const cut = around(async (run) => {
        const answer = await run();
        if (++count === 1) throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
        return answer;
      });
      await expect(claim(cut, { limit: 2 })).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
      expect(await rows()).toEqual([2]);
      const found = await soonClaimed(cut);
      expect(found.map(({ message, crashes }) => [message.id, crashes])).toEqual([
        ["1", 0],
        ["2", 0],
        ["3", 0],
      ]);
      const settled = await cut.settle(
        found.map(({ lease }) => ({ kind: "complete", lease, result: "1" }) as const),
      );
      expect(settled).toEqual([true, true, true]);
      await cut.close();
    });

    test("is late, as it waited for a connection, hands back what it takes then", async () => {
      await sendMany(1);
      const free = Promise.withResolvers<void>();
      let count = 0;
      const cut = around(
        async (run) => {
          if (++count === 1) await free.promise;
          return run();
        },
        // So short that it is over before the claim is done.
        { timeout: 1000, maxSilence: 60_000 },
      );
      await expect(claim(cut)).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
      free.resolve();
      await eventually(async () => (await rows()).length > 0, "the claim being done");
      const [found] = await soonClaimed(cut);
      expect(found).toMatchObject({ message: { id: "1" }, crashes: 0 });
      await cut.close();
    });
  });

  test("a lane has room for what is claimed with the ends of many of its tasks", async () => {
    const limits = new Map([["lane", { concurrency: 25 }]]);
    await engine.send(
      Array.from({ length: 50 }, (_, index) => ({ ...outgoing(`${index + 1}`), lane: "lane" })),
    );
    const first = await claim(engine, { limit: 50, limits });
    expect(first.length).toBe(25);
    const [, second] = await Promise.all([
      engine.settle(first.map(({ lease }) => ({ kind: "complete", lease, result: "1" }))),
      claim(engine, { limit: 50, limits }),
    ]);
    expect(second.length).toBe(25);
  });

  test("a row of which others have ended all is forgotten when it has run out", async () => {
    await sendMany(2);
    await claim(engine, { limit: 2, lease: 200 });
    await client.query("UPDATE pgboss.job SET state = 'cancelled', completed_on = now()");
    await pause(250);
    expect(await claim(other, { limit: 9 })).toEqual([]);
    expect(await rows()).toEqual([]);
  });

  test("a job that looks like ours, but is not, holds nobody up", async () => {
    await sendMany(3);
    await client.query(
      `INSERT INTO pgboss.job (name, data, keep_until, policy, created_on)
       SELECT name, data, keep_until, policy, created_on - interval '1 hour' FROM pgboss.job`,
    );
    expect(ids(await claim(engine, { limit: 2 }))).toEqual(["1", "2"]);
    expect(ids(await claim(engine, { limit: 2 }))).toEqual(["3"]);
  });

  test("plans that were made for empty tables read no more once they are full", async () => {
    // One connection, so that all plans are kept there; the statistics are what PostgreSQL begins with.
    await sendMany(1);
    for (let round = 0; round < 6; round++) {
      const claimed = await claim(engine);
      await engine.settle(claimed.map(({ lease }) => ({ kind: "release", lease })));
    }
    await sendMany(3000);
    const read = async (): Promise<number> => {
      await pause(1100);
      await claim(engine, { limit: 1 }); // tells its statistics
      await client.query("SELECT pg_stat_clear_snapshot()");
      const { rows } = await client.query<{ read: string }>(
        "SELECT sum(idx_tup_read) AS read FROM pg_stat_user_indexes WHERE schemaname LIKE 'pgboss%'",
      );
      return Number(rows[0]?.read);
    };
    const before = await read();
    const claimed = await claim(engine, { limit: 50 });
    await engine.settle(claimed.map(({ lease }) => ({ kind: "complete", lease, result: "1" })));
    // Some index entries for each task: a scan of a queue would read thousands for each.
    expect((await read()) - before).toBeLessThan(50 * 20);
  });
});
