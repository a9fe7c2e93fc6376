/** Quorum queues of RabbitMQ, and Celery's native delayed delivery: with a real Celery that uses both. */
import { mkdtempSync, rmSync, readFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type Channel, type ChannelModel } from "amqplib";
import { Petiole, type Worker } from "petiole";
import { celery, type CeleryOptions } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../services/eventually.ts";
import { noPython } from "../services/python.ts";
import { noOwnRabbitmq, startOwnRabbitmq, type OwnRabbitmq } from "../services/rabbitmq.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";
import { startTypescriptWorker, type TypescriptWorker } from "./typescript-worker.ts";

const missing = noPython ?? noOwnRabbitmq;
const timeout = 30_000;
const patience = { timeout, interval: 20 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A quorum queue behind a topic exchange of its name, as both languages are told of it. */
const pythons = (...names: readonly string[]): string =>
  JSON.stringify({
    task_queues: Object.fromEntries(
      names.map((name) => [
        name,
        {
          exchange: name,
          exchange_type: "topic",
          routing_key: name,
          queue_arguments: { "x-queue-type": "quorum" },
        },
      ]),
    ),
    task_default_queue: names[0],
    worker_detect_quorum_queues: true,
    task_routes: {},
  });
const ours = (...names: readonly string[]): NonNullable<CeleryOptions["queues"]> =>
  Object.fromEntries(
    names.map((name) => [name, { type: "quorum" as const, exchange: { name, type: "topic" as const } }]),
  );

describe.skipIf(missing !== undefined)(`quorum queues${missing ? ` (skipped: ${missing})` : ""}`, () => {
  let server: OwnRabbitmq;
  let connection: ChannelModel;
  let channel: Channel;
  let engine: Engine;
  let app: Petiole;
  let worker: Worker;
  let client: SiteClient;
  let python: CeleryWorker;
  let folder: string;
  const stops: (() => Promise<unknown>)[] = [];
  const ran: { note: string; at: number; attempt: number }[] = [];

  /** How many messages wait in a queue. */
  const count = async (queue: string): Promise<number> => (await channel.checkQueue(queue)).messageCount;
  /** How many messages wait for their time. */
  const delayed = async (): Promise<number> => {
    const counts = await Promise.all(
      Array.from({ length: 28 }, (_, level) => count(`celery_delayed_${level}`)),
    );
    return counts.reduce((sum, each) => sum + each);
  };
  const timesOf = (note: string): number[] => ran.filter((each) => each.note === note).map(({ at }) => at);

  /** As if nobody had ever used native delayed delivery here. */
  const removeDelayed = async (): Promise<void> => {
    for (let level = 27; level >= 0; level--) {
      await channel.deleteQueue(`celery_delayed_${level}`);
      await channel.deleteExchange(`celery_delayed_${level}`);
    }
    await channel.deleteExchange("celery_delayed_delivery");
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "petiole-celery-quorum-"));
    server = await startOwnRabbitmq();
    connection = await connect(server.url);
    channel = await connection.createChannel();
    // What Celery's worker knows of must be there, or it gives up on delays altogether.
    await channel.assertQueue("theirs", { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.assertExchange("theirs", "topic");
    await channel.bindQueue("theirs", "theirs", "theirs");
    engine = celery({ broker: () => connect(server.url), queues: ours("tsq", "qt"), timeout: 20_000 });
    app = new Petiole({ engine, defaults: { queue: "tsq", retry: { attempts: 1 } } });
    app.task("ts.note", ({ note }: { note: string }, job) => {
      ran.push({ note, at: Date.now(), attempt: job.attempt });
      return note;
    });
    app.task(
      "ts.again",
      ({ note }: { note: string }, job) => {
        ran.push({ note, at: Date.now(), attempt: job.attempt });
        if (job.attempt === 1) throw new Error("again");
        return job.attempt;
      },
      { retry: { attempts: 2, delay: 2100, jitter: 0 } },
    );
    worker = app.worker({ queues: ["tsq"], watchdog: false, logger: quiet });
    const started = performance.now();
    await worker.start();
    // The last thing that is declared.
    await eventually(async () => {
      const look = await connection.createChannel();
      look.on("error", () => undefined);
      await look.checkExchange("celery_delayed_delivery");
      await look.close();
    }, timeout);
    const { product, version } = connection.connection.serverProperties;
    process.stdout.write(
      `${product} ${version}: declared in ${Math.round(performance.now() - started)} ms\n`,
    );
    const places = {
      broker: server.url.replace(/^amqp:/, "pyamqp:"),
      backend: "rpc://",
      environment: { CONF: pythons("qt", "tsq", "theirs") },
    };
    [python, client] = await Promise.all([
      startCeleryWorker({ ...places, queues: ["qt"] }),
      startSiteClient(places),
    ]);
  }, 90_000);

  afterAll(async () => {
    await worker?.stop({ timeout: 0 });
    for (const stop of stops) await stop();
    await engine?.close();
    await Promise.all([client?.stop(), python?.stop()]);
    await connection?.close().catch(() => undefined);
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test("Celery takes what was declared here for its own, and both directions work", async () => {
    expect(python.said()).not.toMatch(/PRECONDITION|Failed to/);
    expect(await client.value(`call("ts.note", kwargs={"note": "now"}, queue="tsq")`)).toBe("'now'");
    const sender = new Petiole({ engine, defaults: { queue: "qt" } });
    const sum = await sender.task<{ x: number; y: number }, number>("tasks.add").enqueue({ x: 2, y: 3 });
    expect(await sum.result({ timeout })).toBe(5);
  });

  // Of an answer that comes when whole seconds of waiting are over, py-amqp loses every third: hence the fractions.
  test("a countdown of Python's waits in RabbitMQ, and in no worker", async () => {
    const at = Date.now();
    const told = client.outcome(`call("ts.note", kwargs={"note": "theirs"}, queue="tsq", countdown=3.4)`);
    await expect.poll(delayed, patience).toBe(1);
    expect(timesOf("theirs")).toEqual([]);
    expect(await told).toMatchObject({ plain: "theirs" });
    const [ranAt = 0] = timesOf("theirs");
    expect(ranAt - at).toBeGreaterThanOrEqual(3390);
    expect(await delayed()).toBe(0);
  });

  test("a delay of ours waits there too, for a Python worker and for ours", async () => {
    const sender = new Petiole({ engine, defaults: { queue: "qt" } });
    const record = sender.task<{ path: string; key: string }, string>("tasks.record");
    const path = join(folder, "delayed");
    const at = Date.now();
    const toPython = await record.enqueue({ path, key: "python" }, { delay: 3000 });
    const note = new Petiole({ engine }).task<{ note: string }, string>("ts.note", { queue: "tsq" });
    const toUs = await note.enqueue({ note: "ours" }, { delay: 3000 });
    await expect.poll(delayed, patience).toBe(2);
    expect(await count("qt")).toBe(0);
    expect(await toPython.result({ timeout })).toBe("python");
    expect(Date.now() - at).toBeGreaterThanOrEqual(2990);
    expect(await toUs.result({ timeout })).toBe("ours");
    expect(timesOf("ours")[0]! - at).toBeGreaterThanOrEqual(2990);
  });

  test("a retry waits there, for its queue alone, and loses what RabbitMQ wrote into it", async () => {
    // Somebody else listens to all of the exchange.
    const { queue: copies } = await channel.assertQueue("", { exclusive: true });
    await channel.bindQueue(copies, "tsq", "#");
    const told = client.outcome(`call("ts.again", kwargs={"note": "again"}, queue="tsq", countdown=1.4)`);
    await expect.poll(() => timesOf("again").length, patience).toBe(1);
    await expect.poll(delayed, patience).toBe(1);
    expect(await told).toMatchObject({ plain: 2 });
    const [first = 0, second = 0] = timesOf("again");
    expect(second - first).toBeGreaterThanOrEqual(2090);
    expect(ran.filter(({ note }) => note === "again").map(({ attempt }) => attempt)).toEqual([1, 2]);
    // Of the task itself they got theirs.
    expect(await count(copies)).toBe(1);
  });

  test("a delay longer than all levels is as long as they last; less than a second is not delayed there", async () => {
    const note = new Petiole({ engine }).task<{ note: string }, string>("ts.note", { queue: "tsq" });
    const at = Date.now();
    const soon = await note.enqueue({ note: "soon" }, { delay: 600 });
    expect(await soon.result({ timeout })).toBe("soon");
    expect(timesOf("soon")[0]! - at).toBeGreaterThanOrEqual(600);
    await note.enqueue({ note: "in twenty years" }, { delay: 20 * 365 * 86_400_000 });
    await expect.poll(() => count("celery_delayed_27"), patience).toBe(1);
    await channel.purgeQueue("celery_delayed_27");
  });

  test("a quorum queue that somebody has declared is taken from, without options", async () => {
    const plain = celery({ broker: () => connect(server.url) });
    const other = new Petiole({ engine: plain, defaults: { queue: "theirs", retry: { attempts: 1 } } });
    const echo = other.task("ts.echo", ({ value }: { value: number }) => value);
    const there = other.worker({ queues: ["theirs"], watchdog: false, logger: quiet });
    await there.start();
    stops.push(
      () => there.stop({ timeout: 0 }),
      () => plain.close(),
    );
    expect(await client.value(`call("ts.echo", kwargs={"value": 4}, queue="theirs")`)).toBe("4");
    expect(await (await echo.enqueue({ value: 5 })).result({ timeout })).toBe(5);
    // Not told that RabbitMQ can, the worker holds it until its time.
    const at = Date.now();
    expect(await (await echo.enqueue({ value: 6 }, { delay: 1200 })).result({ timeout })).toBe(6);
    expect(Date.now() - at).toBeGreaterThanOrEqual(1200);
  });

  test("what delays is declared again where somebody has removed it", async () => {
    await removeDelayed();
    const at = Date.now();
    const note = new Petiole({ engine }).task<{ note: string }, string>("ts.note", { queue: "tsq" });
    const handle = await note.enqueue({ note: "anew" }, { delay: 1500 });
    await expect.poll(delayed, patience).toBe(1);
    expect(await handle.result({ timeout })).toBe("anew");
    expect(timesOf("anew")[0]! - at).toBeGreaterThanOrEqual(1500);
  });

  test.each(["quorum", "classic"])(
    "what Celery has declared to delay, of %s queues, is used",
    async (type) => {
      await python.stop();
      await removeDelayed();
      const conf = {
        ...JSON.parse(pythons("qt", "tsq", "theirs")),
        broker_native_delayed_delivery_queue_type: type,
      };
      const broker = server.url.replace(/^amqp:/, "pyamqp:");
      const environment = { CONF: JSON.stringify(conf) };
      python = await startCeleryWorker({ broker, backend: "rpc://", environment, queues: ["qt"] });
      expect(python.said()).not.toMatch(/PRECONDITION|Failed to/);
      const fresh = celery({ broker: () => connect(server.url), queues: ours("tsq", "qt") });
      stops.push(() => fresh.close());
      const sender = new Petiole({ engine: fresh, defaults: { queue: "qt" } });
      const handle = await sender
        .task<{ x: number; y: number }, number>("tasks.add")
        .enqueue({ x: 1, y: 1 }, { delay: 1500 });
      await expect.poll(delayed, patience).toBe(1);
      expect(await handle.result({ timeout })).toBe(2);
      expect(
        await client.value(`call("ts.note", kwargs={"note": "${type}"}, queue="tsq", countdown=1.4)`),
      ).toBe(`'${type}'`);
    },
  );

  test("a worker that dies in a task of a quorum queue is counted, and another runs it", async () => {
    const crashing: TypescriptWorker[] = [];
    stops.push(() => Promise.all(crashing.map((each) => each.kill())));
    const start = async (): Promise<TypescriptWorker> => {
      const options = { broker: server.url, queues: ["dying"], visibilityTimeout: 3000, lease: 1500 };
      const started = await startTypescriptWorker(options);
      crashing.push(started);
      return started;
    };
    await channel.assertQueue("dying", { durable: true, arguments: { "x-queue-type": "quorum" } });
    const first = await start();
    const path = join(folder, "dying");
    const hang = new Petiole({ engine }).task<{ path: string }, number>("ts.hangOnce", { queue: "dying" });
    const hung = await hang.enqueue({ path });
    await expect
      .poll(() => (existsSync(path) ? readFileSync(path, "utf8") : ""), patience)
      .toBe(`${first.pid}\n`);
    await first.kill();
    const second = await start();
    expect(await hung.result({ timeout })).toBe(second.pid);
    expect(await engine.find(hung.id)).toMatchObject({ state: "succeeded", crashes: 1 });
  });
});
