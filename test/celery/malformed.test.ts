/**
 * What is malformed does no harm: neither to a TypeScript worker or one of Celery's that has the Python package, whoever
 * sends it, nor to Celery's alone, whatever ours are made to send.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Petiole, PetioleError, type Worker } from "petiole";
import type { Engine, TaskRecord } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startOwnRedis, type OwnRedis } from "../services/redis.ts";
import { brokers, type RunningBroker } from "./brokers.ts";
import { cases, good, textCases } from "./malformed-messages.ts";
import { isEnvelope, pythonOutcomes } from "./malformed-python.ts";
import { openRaw, type RawBroker } from "./raw.ts";
import { oddSends } from "./odd-sends.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

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

    test("the reason is told, to people and to whoever waits", async () => {
      const pickled = cases.find(({ name }) => name === "pickle");
      await raw.put("ts", pickled!.message("case-9999"));
      await expect
        .poll(async () => (await kept()).find(({ message }) => message.id === "case-9999"), { timeout })
        .toMatchObject({
          state: "parked",
          reason: { code: "ERR_ENGINE_UNSUPPORTED", message: expect.stringContaining("x-python-serialize") },
        });
      // Celery itself would never answer.
      expect(await client.outcome('call("ts.mark", serializer="pickle", timeout=60)')).toMatchObject({
        args: expect.stringContaining("x-python-serialize"),
      });
      expect(await client.outcome('call("ts.mark", headers={"timelimit": "no"}, timeout=60)')).toMatchObject({
        args: expect.stringContaining("timelimit"),
      });
    });

    test.skipIf(kind.name !== "Redis")(
      `goes on after ${textCases.length} texts that no list of Kombu's has (RabbitMQ has no such lists)`,
      { timeout: 2 * timeout },
      async () => {
        const markers = new Map<string, string>();
        const texts: string[] = [];
        for (const [index, { name, text }] of textCases.entries()) {
          const marker = `case-${5000 + index}`;
          const made = text("ts", marker);
          if (typeof made === "string" && !made.includes(marker)) texts.push(made);
          else markers.set(marker, name);
          await raw.putText!("ts", made);
        }
        expect(await client.value('call("ts.mark", kwargs={"marker": "after"}, timeout=60)')).toBe("'after'");
        expect(await unaccounted(markers)).toEqual([]);
        await expect
          .poll(
            async () => {
              const payloads = new Set((await kept()).map(({ message }) => message.payload));
              return texts.filter((text) => !payloads.has(text));
            },
            { timeout },
          )
          .toEqual([]);
      },
    );
  });

  describe.skipIf(kind.missing !== undefined)(`a Celery worker on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let python: CeleryWorker;
    let engine: Engine;

    beforeAll(async () => {
      broker = await kind.start();
      python = await startCeleryWorker({ ...broker.places, pool: "prefork", concurrency: 2 });
      engine = broker.engine();
    }, 90_000);

    afterAll(async () => {
      await engine?.close();
      await python?.kill();
      await broker?.close();
    }, 60_000);

    test(
      `lives on after ${oddSends.length} odd sends, each of which is refused or answered`,
      { timeout: 4 * timeout },
      async () => {
        const taskOf = (name: string) =>
          new Petiole({ engine, defaults: { queue: "celery" } }).task<never>(name);
        const refused: string[] = [];
        const answered: string[] = [];
        const unexpected: string[] = [];
        const waiting: Promise<void>[] = [];
        for (const {
          name,
          task = "tasks.describe",
          payload,
          options = () => ({}),
          isAnswered = true,
        } of oddSends) {
          try {
            const handle = await taskOf(task).enqueue(payload() as never, options());
            if (!isAnswered) continue;
            waiting.push(
              handle.result({ timeout }).then(
                () => void answered.push(name),
                (error: unknown) => {
                  const isAnswer = error instanceof PetioleError && error.code !== "ERR_RESULT_TIMEOUT";
                  (isAnswer ? answered : unexpected).push(isAnswer ? name : `${name}: ${String(error)}`);
                },
              ),
            );
          } catch (error) {
            if (error instanceof PetioleError) refused.push(`${name}: ${error.message}`);
            else unexpected.push(`${name}: ${String(error)}`);
          }
        }
        await Promise.all(waiting);
        expect(unexpected).toEqual([]);
        const sum = await taskOf("tasks.add").enqueue({ x: 2, y: 3 } as never);
        expect(await sum.result({ timeout })).toBe(5);
        expect(python.isAlive()).toBe(true);
        expect(python.said()).not.toMatch(/Unrecoverable error|CRITICAL/);
        process.stdout.write(
          `${kind.name}: ${refused.length} odd sends were refused, ${answered.length} answered\n`,
        );
      },
    );

    test(
      "with the package, it goes on after messages that are malformed, and loses none",
      { timeout: 2 * timeout },
      async () => {
        const folder = mkdtempSync(join(tmpdir(), "petiole-malformed-"));
        // Of those by rpc, nobody would know.
        const results: OwnRedis | undefined = kind.name === "Redis" ? undefined : await startOwnRedis();
        const raw = await openRaw(broker.places.broker);
        const marks = join(folder, "marks");
        const places = {
          ...broker.places,
          backend: results?.url ?? broker.places.backend,
          petiole: true,
          environment: { MARKS: marks },
        };
        const outcomes = await pythonOutcomes("ts", marks, places.broker, places.backend);
        const pool = kind.name === "Redis" ? "solo" : "prefork";
        const worker = await startCeleryWorker({ ...places, app: "malformed_app", queues: ["ts"], pool });
        try {
          const markers = new Map<string, string>();
          for (const [index, { name, message }] of cases.entries()) {
            const marker = `case-${String(index).padStart(4, "0")}`;
            markers.set(marker, name);
            await raw.put("ts", message(marker));
          }
          if (raw.putText !== undefined) {
            for (const [index, { name, text }] of textCases.entries()) {
              const marker = `case-${5000 + index}`;
              const made = text("ts", marker);
              if (!isEnvelope(made)) continue;
              markers.set(marker, name);
              await raw.putText("ts", made);
            }
          }
          await raw.put("ts", good("after"));
          markers.set("after", "one that is in order, after them");
          const deadline = Date.now() + timeout;
          let left = new Map(markers);
          while (left.size > 0 && Date.now() < deadline && worker.isAlive()) {
            await sleep(200);
            const found = await outcomes.read();
            left = new Map([...left].filter(([marker]) => !found.has(marker)));
          }
          expect(worker.isAlive(), worker.said().slice(-3000)).toBe(true);
          expect([...left.values()]).toEqual([]);
          expect(worker.said()).not.toMatch(/Unrecoverable error/);
        } finally {
          await worker.kill();
          await outcomes.close();
          await raw.close();
          await results?.stop();
          rmSync(folder, { recursive: true });
        }
      },
    );
  });
}

/** What a text in base64 says: the body of an envelope of Redis, or all that is kept. */
function insideOf(text: string): string {
  const body = /"body":"([\w+/=]+)"/.exec(text)?.[1] ?? (text.length < 1000 ? text : "");
  return Buffer.from(body, "base64").toString();
}
