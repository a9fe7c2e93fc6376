/** Redis behind Sentinels: the primary is killed while tasks of both languages flow, and a replica takes its place. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { Petiole, type Worker } from "petiole";
import { celery } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noPython } from "../services/python.ts";
import { noSentinel, startWatchedRedis, type WatchedRedis } from "../services/sentinel.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const missing = noPython ?? noSentinel;
const timeout = 40_000;
const patience = { timeout, interval: 50 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

describe.skipIf(missing !== undefined)(`Redis Sentinel${missing ? ` (skipped: ${missing})` : ""}`, () => {
  let redis: WatchedRedis;
  let broker: Redis;
  let engine: Engine;
  let worker: Worker;
  let client: SiteClient;
  let python: CeleryWorker;
  let folder: string;
  const ran: string[] = [];

  const lines = (name: string): string[] => {
    const path = join(folder, name);
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "petiole-celery-sentinel-"));
    redis = await startWatchedRedis();
    // The user's own client, as ioredis has it.
    broker = new Redis({ sentinels: [...redis.sentinels], name: redis.name, lazyConnect: true });
    broker.on("error", () => undefined);
    engine = celery({ broker, visibilityTimeout: 3000, timeout: 30_000 });
    const app = new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
    app.task("ts.note", ({ note }: { note: string }) => {
      ran.push(note);
      return note;
    });
    worker = app.worker({ queues: ["ts"], lease: 1500, watchdog: false, logger: quiet });
    await worker.start();
    const transport = { master_name: redis.name, visibility_timeout: 3, socket_timeout: 5 };
    const url = redis.sentinels.map(({ host, port }) => `sentinel://${host}:${port}`).join(";");
    const places = {
      broker: url,
      backend: url,
      environment: {
        TRANSPORT: JSON.stringify(transport),
        CONF: JSON.stringify({ result_backend_transport_options: { master_name: redis.name } }),
      },
    };
    [python, client] = await Promise.all([startCeleryWorker(places), startSiteClient(places)]);
  }, 90_000);

  afterAll(async () => {
    await worker?.stop({ timeout: 0 });
    await engine?.close();
    broker?.disconnect();
    await Promise.all([client?.stop(), python?.stop()]);
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test("both directions work", async () => {
    expect(await client.value('call("ts.note", kwargs={"note": "hello"})')).toBe("'hello'");
    const add = new Petiole({ engine }).task<{ x: number; y: number }, number>("tasks.add", {
      queue: "celery",
    });
    expect(await (await add.enqueue({ x: 2, y: 3 })).result({ timeout })).toBe(5);
  });

  test(
    "the primary is lost: what was accepted and replicated is run, and the engine goes on",
    { timeout: 120_000 },
    async () => {
      const site = new Petiole({ engine, defaults: { queue: "celery" } });
      const record = site.task<{ path: string; key: string }, string>("tasks.record");
      const note = new Petiole({ engine }).task<{ note: string }, string>("ts.note", { queue: "ts" });
      const path = join(folder, "ran");
      const keys = Array.from({ length: 40 }, (_, key) => `before ${key}`);
      // Both of those that can be run, and those that are for later.
      const later = await note.enqueue({ note: "later" }, { delay: 6000 });
      await client.value(`[send("ts.note", kwargs={"note": f"python {n}"}, countdown=4) for n in range(10)]`);
      await Promise.all(keys.map((key) => record.enqueue({ path, key })));
      await redis.replicated();
      const started = performance.now();
      const failing = redis.failOver();
      // What is sent in the middle waits for the other one, or is refused.
      const middle = await Promise.allSettled(
        Array.from({ length: 10 }, (_, key) => note.enqueue({ note: `middle ${key}` })),
      );
      await failing;
      const took = performance.now() - started;
      const after = await note.enqueue({ note: "after" });
      expect(await after.result({ timeout })).toBe("after");
      expect(await later.result({ timeout })).toBe("later");
      const pythons = Array.from({ length: 10 }, (_, n) => `python ${n}`);
      await expect.poll(() => pythons.filter((each) => !ran.includes(each)), patience).toEqual([]);
      // What Python's worker took off its list the moment before, and had not put down yet, is Kombu's to lose.
      await expect
        .poll(() => keys.filter((key) => !lines("ran").includes(key)).length, patience)
        .toBeLessThanOrEqual(1);
      const accepted = middle.flatMap(({ status }, key) => (status === "fulfilled" ? [`middle ${key}`] : []));
      await expect.poll(() => accepted.filter((each) => !ran.includes(each)), patience).toEqual([]);
      expect(await client.value('call("ts.note", kwargs={"note": "on"}, timeout=30)')).toBe("'on'");
      process.stdout.write(
        `failed over in ${Math.round(took)} ms; ${accepted.length} of 10 sends were accepted meanwhile\n`,
      );
    },
  );
});
