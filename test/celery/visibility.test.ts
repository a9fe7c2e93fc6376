/**
 * Redis, where all workers of both languages restore what is not acknowledged within the visibility timeout: what a worker
 * of ours runs, or holds for later, is nobody else's, however long that takes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { Petiole, type Worker } from "petiole";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../services/eventually.ts";
import { brokers, type RunningBroker } from "./brokers.ts";
import { startSiteClient, type SiteClient } from "./site.ts";

const kind = brokers.find(({ name }) => name === "Redis")!;
/** Of all workers, in milliseconds. */
const visibilityTimeout = 1000;
/** Of our worker: so long its heart may stand still, on a machine that has much to do. */
const lease = 3000;
/** Longer than both. */
const long = 4500;

describe.skipIf(kind.missing !== undefined)(
  `the visibility timeout${kind.missing ? ` (skipped: ${kind.missing})` : ""}`,
  () => {
    let broker: RunningBroker;
    let engine: Engine;
    let client: SiteClient;
    let worker: Worker;
    let look: Redis;
    const ran: string[] = [];

    beforeAll(async () => {
      broker = await kind.start();
      look = broker.source() as Redis;
      engine = broker.engine({ visibilityTimeout });
      const app = new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
      app.task("ts.run", async ({ note, takes }: { note: string; takes: number }) => {
        ran.push(note);
        await sleep(takes);
        ran.push(`${note} ended`);
      });
      worker = app.worker({ queues: ["ts"], lease, watchdog: false });
      const environment = { TRANSPORT: JSON.stringify({ visibility_timeout: visibilityTimeout / 1000 }) };
      [client] = await Promise.all([startSiteClient({ ...broker.places, environment }), worker.start()]);
      await client.value("globals().update(channel=app.connection_for_read().default_channel)");
    }, 60_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await client?.stop();
      await broker?.close();
    });

    /** What each worker of Celery's does when it starts, and every so often after that. */
    const sweep = (): Promise<string> => client.value("channel.qos.restore_visible(interval=1)");

    test("what nobody extends is restored by Celery", async () => {
      await client.value('send("ts.lost", queue="lost")');
      const request = { queues: ["lost"], worker: "lost", limit: 1, lease: 200 };
      expect(await engine.claim(request)).toHaveLength(1);
      await sweep();
      expect(await look.llen("lost")).toBe(0);
      await eventually(async () => {
        await sweep();
        expect(await look.llen("lost")).toBe(1);
      });
    });

    test("what runs for longer, and what waits for longer, runs once", { timeout: 60_000 }, async () => {
      const begun = performance.now();
      await client.value(`send("ts.run", kwargs={"note": "running", "takes": ${long}})`);
      await client.value(`send("ts.run", kwargs={"note": "waiting", "takes": 0}, countdown=${long / 1000})`);
      await eventually(() => expect(ran).toEqual(["running"]));
      await eventually(async () => {
        await sweep();
        expect(ran).toHaveLength(4);
      });
      expect(performance.now() - begun).toBeGreaterThan(long);
      await eventually(async () => expect(await look.hlen("unacked")).toBe(0));
      expect(ran.toSorted()).toEqual(["running", "running ended", "waiting", "waiting ended"]);
      expect(await look.llen("ts")).toBe(0);
    });
  },
);
