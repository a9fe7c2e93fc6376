/** Exchanges that have names of their own, and patterns of routing keys: with a real Celery, on both brokers. */
import { connect, type Channel, type ChannelModel } from "amqplib";
import { Redis } from "ioredis";
import { Petiole, type Worker } from "petiole";
import { celeryOptions, chain, type CeleryOptions } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const timeout = 20_000;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** `video` and `all` share a topic exchange, `letters` has a direct one. */
const queues = {
  video: {
    exchange: { name: "media", type: "topic" },
    routingKey: "media.video",
    bindings: ["media.video.#"],
  },
  all: {
    exchange: { name: "media", type: "topic" },
    routingKey: "media.all",
    bindings: ["media.all", "sound.*", "*.odd~1"],
  },
  letters: { exchange: { name: "post", type: "direct" }, routingKey: "letter" },
  py: { exchange: { name: "media", type: "topic" }, routingKey: "python.tasks" },
} as const satisfies CeleryOptions["queues"];

const conf = {
  task_queues: {
    celery: { exchange: "celery", exchange_type: "direct", routing_key: "celery" },
    py: { exchange: "media", exchange_type: "topic", routing_key: "python.tasks" },
  },
  task_routes: {},
};

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`exchanges on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let engine: Engine;
    let worker: Worker;
    let client: SiteClient;
    let python: CeleryWorker;
    const ran: string[] = [];

    beforeAll(async () => {
      broker = await kind.start();
      engine = broker.engine({ queues });
      const app = new Petiole({ engine, defaults: { retry: { attempts: 1 } } });
      for (const queue of ["video", "all", "letters"])
        app.task(
          `ts.${queue}`,
          ({ note }: { note: string }) => {
            ran.push(`${queue} ${note}`);
            return queue;
          },
          { queue },
        );
      app.task(
        "media.any",
        ({ note }: { note: string }, job) => {
          ran.push(`${note} ${job.attempt}`);
          if (job.attempt === 1) throw new Error("again");
          return note;
        },
        { queue: "video", retry: { attempts: 2, delay: 10, jitter: 0 } },
      );
      worker = app.worker({ queues: ["video", "all", "letters"], watchdog: false, logger: quiet });
      await worker.start();
      const places = { ...broker.places, environment: { CONF: JSON.stringify(conf) } };
      [python, client] = await Promise.all([
        startCeleryWorker({ ...places, queues: ["py"] }),
        startSiteClient(places),
      ]);
    }, 90_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await Promise.all([client?.stop(), python?.stop()]);
      await broker?.close();
    }, 60_000);

    /** What Python sends to an exchange. */
    const publish = (
      task: string,
      note: string,
      exchange: string,
      type: string,
      key: string,
    ): Promise<string> =>
      client.value(
        // On Redis a process knows of an exchange's type only where it has declared it.
        `(lambda it: call("${task}", kwargs={"note": "${note}"}, exchange=it, declare=[it], exchange_type=it.type,` +
          ` routing_key="${key}"))(__import__("kombu").Exchange("${exchange}", "${type}"))`,
      );
    const sender = (queue: string): Petiole => new Petiole({ engine, defaults: { queue } });

    test("what Python publishes by a routing key reaches the queue that is bound by a pattern", async () => {
      expect(await publish("ts.video", "deep", "media", "topic", "media.video.hd.new")).toBe("'video'");
      expect(await publish("ts.all", "wide", "media", "topic", "sound.loud")).toBe("'all'");
      expect(await publish("ts.all", "odd", "media", "topic", "very.odd~1")).toBe("'all'");
      expect(await publish("ts.letters", "stamp", "post", "direct", "letter")).toBe("'letters'");
      expect(ran).toEqual(["video deep", "all wide", "all odd", "letters stamp"]);
    });

    test("what is sent to a queue of Python's goes through its exchange", async () => {
      const sum = await sender("py")
        .task<{ x: number; y: number }, number>("tasks.add")
        .enqueue({ x: 2, y: 3 });
      expect(await sum.result({ timeout })).toBe(5);
    });

    test("one send may name the exchange and the routing key", async () => {
      const note = sender("nowhere").task<{ note: string }, string>("ts.video");
      const options = celeryOptions({ exchange: "media", routingKey: "media.video.4k" });
      expect(await (await note.enqueue({ note: "named" }, options)).result({ timeout })).toBe("video");
      const lost = celeryOptions({ exchange: "media", routingKey: "nobody.hears" });
      await expect(note.enqueue({ note: "lost" }, lost)).rejects.toMatchObject({
        code: "ERR_ENGINE_FAILED",
        message: expect.stringContaining("the exchange media by the routing key nobody.hears"),
      });
      const none = celeryOptions({ exchange: "no-such", routingKey: "a" });
      await expect(note.enqueue({ note: "none" }, none)).rejects.toMatchObject({ code: "ERR_ENGINE_FAILED" });
    });

    describe("what follows goes to the exchange that it names", () => {
      /** A task of TypeScript's that looks at nothing before it. */
      const step = (queue: string, note: string, route: string): string =>
        `signature("ts.${queue}", kwargs={"note": "${note}"}, immutable=True, ${route})`;
      const first = (note: string): string => step("video", note, 'queue="video"');
      const letter = 'exchange="post", routing_key="letter"';

      test("the steps of a chain, through both languages", async () => {
        const steps = [
          first("begins"),
          'signature("tasks.echo", exchange="media", routing_key="python.tasks")',
          step("letters", "third", letter),
          step("all", "fourth", 'exchange="media", routing_key="sound.loud"'),
        ];
        const results = `(lambda it: [it.get(timeout=20), it.parent.parent.get(timeout=20)])`;
        expect(await client.value(`${results}(chain(${steps.join()}).apply_async())`)).toBe(
          "['all', 'video']",
        );
        expect(ran.slice(-3)).toEqual(["video begins", "letters third", "all fourth"]);
      });

      test("the steps of a chain of TypeScript's", async () => {
        const app = sender("nowhere");
        const to = (exchange: string, routingKey: string) => celeryOptions({ exchange, routingKey });
        const video = app.task<{ note: string }, string>("ts.video");
        const letters = app.task<{ note: string }, string>("ts.letters");
        const echo = app.task<unknown, unknown>("tasks.echo");
        const canvas = chain(
          video.signature({ note: "begins" }, to("media", "media.video.8k")),
          echo.with(to("media", "python.tasks")),
          letters.signature({ note: "ends" }, to("post", "letter")),
        );
        const handle = await canvas.enqueue(app);
        expect(await handle.result({ timeout })).toBe("letters");
        expect(await handle.tasks[1]!.result({ timeout })).toBe("video");
        expect(ran.slice(-2)).toEqual(["video begins", "letters ends"]);
      });

      test("links and error links", async () => {
        const link = step("all", "linked", 'exchange="media", routing_key="very.odd~1"');
        await client.value(`${first("succeeds")}.set(link=[${link}]).apply_async().get(timeout=20)`);
        await expect.poll(() => ran.at(-1), { timeout }).toBe("all linked");
        const fails = `signature("ts.unheard_of", queue="video", link_error=[${step("letters", "told", letter)}])`;
        expect(await client.outcome(`${fails}.apply_async().get(timeout=20)`)).toMatchObject({
          error: "celery.exceptions.NotRegistered",
        });
        await expect.poll(() => ran.at(-1), { timeout }).toBe("letters told");
      });

      test.skipIf(kind.name !== "Redis")("the body of a chord (which needs results in Redis)", async () => {
        const header = `[${first("part 1")}, ${first("part 2")}]`;
        const body = step("letters", "body", letter);
        expect(await client.value(`chord(${header}, ${body}).apply_async().get(timeout=20)`)).toBe(
          "'letters'",
        );
        expect(ran.at(-1)).toBe("letters body");
      });

      test("where no queue is bound, the step before it fails, and says why", async () => {
        const lost = 'signature("tasks.echo", exchange="media", routing_key="nobody.hears")';
        const outcome = await client.outcome(
          `chain(${first("last")}, ${lost}).apply_async().get(timeout=20)`,
        );
        expect(outcome.args).toMatch(
          /what follows it cannot be sent: .*media by the routing key nobody.hears/,
        );
      });
    });

    describe.skipIf(kind.name !== "Redis")(
      "a fanout, of which Redis alone keeps nothing (not on RabbitMQ)",
      () => {
        test("is refused, also where Python has bound a queue that nobody looks into", async () => {
          const declared = "(lambda it: (it.declare(), globals().update(kept=it), it.name)[2])";
          const queue = await client.value(
            `${declared}(__import__("kombu.common", fromlist=["Broadcast"]).Broadcast("news", routing_key="tell")(` +
              "app.connection_for_write().default_channel))",
          );
          const look = new Redis(broker.places.broker);
          const name = queue.slice(1, -1);
          expect(await look.smembers("_kombu.binding.news")).toEqual([
            ["tell", "", name].join("\u0006\u0016"),
          ]);
          const note = sender("nowhere").task<{ note: string }, string>("ts.video");
          const options = celeryOptions({ exchange: "news", routingKey: "tell" });
          await expect(note.enqueue({ note: "lost" }, options)).rejects.toMatchObject({
            code: "ERR_ENGINE_FAILED",
            message: expect.stringMatching(
              /news by the routing key tell, but those of a fanout.*topic exchange/,
            ),
          });
          const last = 'signature("tasks.echo", exchange="news", routing_key="tell")';
          const begun = 'signature("ts.video", kwargs={"note": "begun"}, queue="video")';
          expect(
            (await client.outcome(`chain(${begun}, ${last}).apply_async().get(timeout=20)`)).args,
          ).toMatch(/what follows it cannot be sent: .*those of a fanout/);
          expect(await look.exists(name)).toBe(0);
          look.disconnect();
        });

        test("a step that says that it is for one is refused at the send, and parked where Python has sent it", async () => {
          const app = sender("video");
          const video = app.task<{ note: string }, string>("ts.video");
          const tell = app.task<unknown>("ts.tell");
          const canvas = chain(
            video.signature({ note: "never" }),
            tell.with(celeryOptions({ exchange: "news", routingKey: "" })),
          );
          await expect(canvas.enqueue(app)).rejects.toMatchObject({
            code: "ERR_ENGINE_UNSUPPORTED",
            message: expect.stringContaining('is for the fanout exchange "news"'),
          });
          const first = 'signature("ts.video", kwargs={"note": "never"}, queue="video")';
          const last = 'signature("ts.tell", exchange="news", exchange_type="fanout")';
          expect(
            (await client.outcome(`chain(${first}, ${last}).apply_async().get(timeout=20)`)).args,
          ).toMatch(/body\[2\].chain\[0\] is for the fanout exchange "news"/);
          expect(ran).not.toContain("video never");
        });
      },
    );

    test("Celery's retries may be told: so many runs have ended", async () => {
      const again = sender("video").task<{ note: string }, string>("media.any");
      const handle = await again.enqueue({ note: "last" }, celeryOptions({ retries: 1 }));
      expect(await handle.result({ timeout })).toBe("last");
      expect(ran.filter((each) => each.startsWith("last"))).toEqual(["last 2"]);
    });

    test("a retry is for the queue that it was in, not for all that are bound", async () => {
      const copies = await bindCopies(broker);
      const handle = await sender("video")
        .task<{ note: string }, string>("media.any")
        .enqueue({ note: "twice" });
      expect(await handle.result({ timeout })).toBe("twice");
      expect(ran.filter((each) => each.startsWith("twice"))).toEqual(["twice 1", "twice 2"]);
      expect(await copies.count()).toBe(1);
      await copies.close();
    });
  });
}

/** A queue that gets a copy of everything that is published to the exchange `media`. */
async function bindCopies({
  places,
}: RunningBroker): Promise<{ count(): Promise<number>; close(): Promise<void> }> {
  if (places.broker.startsWith("redis:")) {
    const client = new Redis(places.broker);
    await client.sadd("_kombu.binding.media", ["#", "^.*?$", "copies"].join("\u0006\u0016"));
    return { count: () => client.llen("copies"), close: async () => client.disconnect() };
  }
  const connection: ChannelModel = await connect(places.broker.replace(/^pyamqp:/, "amqp:"));
  const channel: Channel = await connection.createChannel();
  await channel.assertQueue("copies");
  await channel.bindQueue("copies", "media", "#");
  return {
    count: async () => (await channel.checkQueue("copies")).messageCount,
    close: () => connection.close(),
  };
}
