/** The package petiole in Celery's workers: value classes in both languages, Celery's own pydantic, and what is parked. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { optional, Petiole, Value, type FieldsOf, type Worker } from "petiole";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const timeout = 30_000;

const fields = { sku: String, count: Number, at: Date, note: optional(String) } as const;

class Line extends Value("shop.Line", fields) {
  constructor(given: FieldsOf<typeof fields>) {
    super(given);
    if (this.count === 13) throw new RangeError("13 is unlucky");
  }

  doubled(): Line {
    return this.with({ count: this.count * 2 });
  }
}

class Price extends Value(
  "shop.Price",
  { amount: BigInt, currency: String },
  {
    version: 2,
    upgrade: { 1: ({ cents }: { cents: number }) => ({ amount: BigInt(cents), currency: "EUR" }) },
    aliases: ["old.Price"],
  },
) {}

/** The class above, as it was in its version 1. */
class OldPrice extends Value("shop.Price", { cents: Number }) {}

class Voucher extends Value("shop.Voucher", { code: String }) {}

/** What lies in a queue, oldest first, and is taken out of it. */
interface Lying {
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Puts it into another queue as it is: `RPOPLPUSH`, or a shovel. */
  readonly move: (queue: string, body?: string) => Promise<void>;
}

async function take(url: string, queue: string): Promise<Lying | undefined> {
  return url.startsWith("redis:")
    ? takeFromRedis(url, queue)
    : takeFromRabbitmq(url.replace(/^py/, ""), queue);
}

async function takeFromRedis(url: string, queue: string): Promise<Lying | undefined> {
  const client = new Redis(url);
  const text = await client.rpop(queue);
  client.disconnect();
  if (text === null) return undefined;
  const { body, headers, ...more } = JSON.parse(text) as { body: string; headers: Record<string, unknown> };
  const bytes = Buffer.from(body, "base64").toString();
  return {
    body: bytes,
    headers,
    async move(to, changed = bytes) {
      const again = new Redis(url);
      const moved = { ...more, headers, body: Buffer.from(changed).toString("base64") };
      await again.lpush(to, JSON.stringify(moved));
      again.disconnect();
    },
  };
}

async function takeFromRabbitmq(url: string, queue: string): Promise<Lying | undefined> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  // There is none before something was kept in it.
  channel.on("error", () => undefined);
  const found = await channel.get(queue, { noAck: true }).catch(() => false as const);
  await connection.close();
  if (found === false) return undefined;
  const { content, properties } = found;
  return {
    body: content.toString(),
    headers: properties.headers ?? {},
    async move(to, changed = content.toString()) {
      const again = await connect(url);
      const publisher = await again.createConfirmChannel();
      publisher.sendToQueue(to, Buffer.from(changed), properties as object);
      await publisher.waitForConfirms();
      await again.close();
    },
  };
}

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`with the package on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let python: CeleryWorker;
    let client: SiteClient;
    let engine: Engine;
    let worker: Worker;
    let folder: string;

    /** A task of Python's. */
    const site = <P extends object, R = unknown>(
      name: string,
      price: typeof Price | typeof OldPrice = Price,
    ) =>
      new Petiole({ engine, values: [Line, Voucher, price], defaults: { queue: "celery" } }).task<P, R>(name);

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "petiole-package-"));
      broker = await kind.start();
      const places = { ...broker.places, petiole: true };
      [python, client] = await Promise.all([
        startCeleryWorker({ ...places, app: "package_app" }),
        startSiteClient(places),
      ]);
      await client.value('globals().update(vars(__import__("package_app")))');
      engine = broker.engine({ dialect: "exact" });
      const app = new Petiole({
        engine,
        values: [Line, Price],
        defaults: { queue: "ts", retry: { attempts: 1 } },
      });
      app.task("ts.double", ({ line, prices }: { line: Line; prices: Price[] }) => ({
        kinds: [line instanceof Line, ...prices.map((price) => price instanceof Price)],
        line: line.doubled(),
        prices: prices.map(({ amount, currency }) => new Price({ amount: amount * 2n, currency })),
      }));
      const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
      worker = app.worker({ queues: ["ts"], watchdog: false, logger });
      await worker.start();
    }, 90_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await Promise.all([client?.stop(), python?.stop()]);
      await broker?.close();
      rmSync(folder, { recursive: true, force: true });
    }, 60_000);

    describe("value classes", () => {
      const at = new Date(1_767_323_045_678);
      const shown = "datetime.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc)";

      test("a pydantic model and a dataclass of version 2 go to Python and come back", async () => {
        const line = new Line({ sku: "pen", count: 2, at });
        const price = new Price({ amount: 2n ** 70n, currency: "EUR" });
        const value = { line, prices: [price, { deep: price }], noted: line.with({ note: "ä" }) };
        const described = await site<typeof value>("tasks.describe").enqueue(value);
        const python = `Price(amount=BigInt(${2n ** 70n}), currency='EUR')`;
        expect(await described.result({ timeout })).toEqual({
          line: ["Line", `Line(sku='pen', count=2, at=${shown}, note=None)`],
          prices: ["list", `[${python}, {'deep': ${python}}]`],
          noted: ["Line", `Line(sku='pen', count=2, at=${shown}, note='ä')`],
        });
        const echoed = await site<object, typeof value>("tasks.echo").enqueue({ value });
        const back = await echoed.result({ timeout });
        expect(back).toEqual(value);
        expect(back.line.doubled()).toBeInstanceOf(Line);
        expect(back.prices[0]).toBeInstanceOf(Price);
      });

      test("they go to TypeScript and come back", async () => {
        const line = `Line(sku="pen", count=2, at=${shown}, note="ä")`;
        const doubled = line.replace("count=2", "count=4");
        const sent = `call("ts.double", kwargs={"line": ${line}, "prices": [Price(petiole.BigInt(5), "EUR")]})`;
        const expected = `{"kinds": [True, True], "line": ${doubled}, "prices": [Price(petiole.BigInt(10), "EUR")]}`;
        expect(await client.value(`(${sent}) == (${expected})`)).toBe("True");
      });

      test("a version of before is upgraded, there and here, also by the name that it had then", async () => {
        const old = new OldPrice({ cents: 7 });
        const described = await site<{ old: OldPrice }>("tasks.describe", OldPrice).enqueue({ old });
        expect(await described.result({ timeout })).toEqual({
          old: ["Price", "Price(amount=BigInt(7), currency='EUR')"],
        });
        const prices = '[OldPrice(7), Price(petiole.BigInt(1), "USD")]';
        const sent = `call("ts.double", kwargs={"line": Line(sku="pen", count=2, at=${shown}), "prices": ${prices}})`;
        expect(await client.value(`${sent}["prices"]`)).toBe(
          "[Price(amount=BigInt(14), currency='EUR'), Price(amount=BigInt(2), currency='USD')]",
        );
      });

      test("what the class over there refuses is told with its place", async () => {
        // In order for TypeScript's class, and not for the model of pydantic.
        const handle = await site<object>("tasks.echo").enqueue({
          value: [new Line({ sku: "pen", count: 0, at })],
        });
        await expect(handle.result({ timeout })).rejects.toMatchObject({
          code: "ERR_TASK_FAILED",
          reason: {
            details: { name: "DecodeError", module: "petiole.errors" },
            message: expect.stringMatching(/body\[1\]\.value\[0\]: .*greater than 0/s) as string,
          },
        });
        expect((await take(broker.places.broker, "celery.parked"))?.headers).toMatchObject({ id: handle.id });
        // And the other way.
        const sent = `call("ts.double", kwargs={"line": Line(sku="pen", count=13, at=${shown}), "prices": []})`;
        expect(await client.outcome(sent)).toMatchObject({
          args: expect.stringMatching(/payload\.line: .*13 is unlucky/) as string,
        });
      });
    });

    describe("Celery's pydantic=True", () => {
      test("checks plain data, and says what is wrong", async () => {
        const order = { id: 1, at: new Date(0), lines: ["pen"] };
        const checked = await site<{ order: object }>("tasks.order").enqueue({ order });
        expect(await checked.result({ timeout })).toEqual({
          id: 1,
          at: "1970-01-01T00:00:00Z",
          lines: ["pen", "Order"],
        });
        const wrong = await site<{ order: object }>("tasks.order").enqueue({ order: { id: "no" } });
        await expect(wrong.result({ timeout })).rejects.toMatchObject({
          reason: { details: { name: "ValidationError" } },
        });
        const python = 'call("tasks.order", {"id": 1, "at": datetime.datetime(2026, 1, 2), "lines": []})';
        expect(await client.value(`${python}["lines"]`)).toBe("['Order']");
      });

      test("takes an instance of a value class as it is", async () => {
        const line = new Line({ sku: "pen", count: 2, at: new Date(0) });
        const more = await site<object>("package.line").enqueue({ line, more: 3 });
        expect(await more.result({ timeout })).toEqual({
          sku: "pen",
          count: 5,
          at: "1970-01-01T00:00:00Z",
          note: null,
        });
        const python = 'call("package.line", Line(sku="pen", count=2, at=datetime.datetime(2026, 1, 2)))';
        expect(await client.value(`${python}["count"]`)).toBe("3");
      });
    });

    describe("what cannot be decoded", () => {
      test("an unknown class: its sender is told, it is parked, and moved back it runs", async () => {
        const path = join(folder, "spent");
        const voucher = new Voucher({ code: "X" });
        // For a task as any, and for one that Celery has pydantic check, which has to know first.
        const spend = await site<object>("package.spend").enqueue({ path, voucher });
        await expect(spend.result({ timeout })).rejects.toMatchObject({
          code: "ERR_TASK_FAILED",
          reason: {
            details: { name: "DecodeError" },
            message: expect.stringContaining("shop.Voucher") as string,
          },
        });
        const checked = await site<object>("tasks.order").enqueue({ order: voucher });
        await expect(checked.result({ timeout })).rejects.toThrow(/shop\.Voucher/);
        const first = (await take(broker.places.broker, "celery.parked"))!;
        expect(first.headers).toMatchObject({ id: spend.id, task: "package.spend" });
        expect(JSON.parse(first.headers["petiole"] as string)).toMatchObject({ types: ["shop.Voucher"] });
        const second = (await take(broker.places.broker, "celery.parked"))!;
        expect(second.headers).toMatchObject({ id: checked.id, task: "tasks.order" });
        expect(existsSync(path)).toBe(false);
        await (await site<object>("package.learn").enqueue({})).result({ timeout });
        await first.move("celery");
        await expect.poll(() => existsSync(path) && readFileSync(path, "utf8")).toBe("Voucher X\n");
        await expect.poll(python.said).toContain(`Task package.spend[${spend.id}] succeeded`);
        expect(await take(broker.places.broker, "celery.parked")).toBeUndefined();
      });

      test("no JSON: its sender is told, it is parked byte for byte, and mended it runs", async () => {
        const path = join(folder, "mended");
        // Celery's own headers, and a body that ends too early.
        await client.value(
          '__import__("kombu").serialization.register("cut", lambda body: json.dumps(body)[:-1], None, "application/json", "utf-8")',
        );
        const kwargs = `{"path": ${JSON.stringify(path)}, "key": "mended"}`;
        const sent = await client.outcome(`send("tasks.record", kwargs=${kwargs}, serializer="cut")`);
        const id = sent.plain as string;
        expect(await client.outcome(`get("${id}")`)).toMatchObject({
          error: "kombu.exceptions.DecodeError",
        });
        const parked = (await take(broker.places.broker, "celery.parked"))!;
        expect(parked.headers).toMatchObject({ id, task: "tasks.record" });
        expect(parked.body).toMatch(/^\[\[\], \{"path": .*"mended"\}, \{[^}]*\}$/);
        // Moved as it is, it is parked again.
        await parked.move("celery");
        let again: Lying | undefined;
        await expect
          .poll(async () => (again ??= await take(broker.places.broker, "celery.parked")))
          .toBeDefined();
        expect(again!.body).toBe(parked.body);
        expect(again!.headers).toEqual(parked.headers);
        await again!.move("celery", `${parked.body}]`);
        await expect.poll(() => existsSync(path) && readFileSync(path, "utf8")).toBe("mended\n");
        expect(python.isAlive()).toBe(true);
      });
    });
  });
}
