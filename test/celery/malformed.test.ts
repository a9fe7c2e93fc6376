/** What is malformed does no harm: neither to a TypeScript worker, whoever sends it, nor to Celery's, whatever ours are made to send. */
import { setTimeout as sleep } from "node:timers/promises";
import { Petiole, type Worker } from "petiole";
import type { Engine, TaskRecord } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { cases, good, textCases } from "./malformed-messages.ts";
import { openRaw, type RawBroker } from "./raw.ts";
import { startSiteClient, type SiteClient } from "./site.ts";

const timeout = 60_000;

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`a TypeScript worker on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let raw: RawBroker;
    let client: SiteClient;
    let engine: Engine;
    let worker: Worker;
    const ran = new Set<unknown>();
    const expired = new Set<unknown>();

    beforeAll(async () => {
      broker = await kind.start();
      raw = await openRaw(broker.places.broker);
      client = await startSiteClient(broker.places);
      // There is a queue, before anybody listens to it.
      await client.value('send("ts.mark", kwargs={"marker": "before"})');
      engine = broker.engine();
      const app = new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
      app.task("ts.mark", ({ marker }: { marker?: string }, job) => {
        ran.add(marker).add(job.id);
        return marker ?? null;
      });
      const logger = {
        info: () => undefined,
        warn: (said: string) => void expired.add(/\((case-\d{4})\): expire/.exec(said)?.[1]),
        error: () => undefined,
      };
      worker = app.worker({ queues: ["ts"], watchdog: false, logger, concurrency: 4 });
      await worker.start();
    }, 90_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await client?.stop();
      await raw?.close();
      await broker?.close();
    }, 60_000);

    /** All that waits for a person. */
    const kept = async (): Promise<readonly TaskRecord[]> => {
      const all: TaskRecord[] = [];
      for (let after: string | undefined; ;) {
        const page = await engine.list({
          states: ["failed", "parked"],
          limit: 1000,
          ...(after !== undefined && { after }),
        });
        all.push(...page.records);
        after = page.next;
        if (after === undefined) return all;
      }
    };

    /** Waits until each of these ran, is kept, or has expired: those that did not. */
    const unaccounted = async (markers: ReadonlyMap<string, string>): Promise<readonly string[]> => {
      const deadline = Date.now() + timeout;
      for (;;) {
        const left = new Map([...markers].filter(([marker]) => !ran.has(marker) && !expired.has(marker)));
        for (const { message } of await kept()) {
          const text = `${message.id} ${message.payload} ${insideOf(message.payload)}`;
          for (const [marker] of text.matchAll(/case-\d{4}/g)) left.delete(marker);
        }
        if (left.size === 0 || Date.now() > deadline) return [...left.values()];
        await sleep(200);
      }
    };

    test(
      `goes on after ${cases.length} messages that are malformed, and loses none`,
      { timeout: 2 * timeout },
      async () => {
        const markers = new Map<string, string>();
        for (const [index, { name, message }] of cases.entries()) {
          const marker = `case-${String(index).padStart(4, "0")}`;
          markers.set(marker, name);
          await raw.put("ts", message(marker));
        }
        expect(await client.value('call("ts.mark", kwargs={"marker": "after"}, timeout=60)')).toBe("'after'");
        expect(await unaccounted(markers)).toEqual([]);
        expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
      },
    );
  });
}

/** The body of an envelope of Redis. */
function insideOf(text: string): string {
  const body = /"body":"([\w+/=]+)"/.exec(text)?.[1] ?? "";
  return Buffer.from(body, "base64").toString();
}
