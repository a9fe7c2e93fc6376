/** A prefix of all keys, and TLS: with a real Celery and both libraries' clients. */
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { Petiole, type Worker } from "petiole";
import { celery, celeryControl, chord, type CeleryOptions } from "petiole/engine/celery";
import type { Engine } from "petiole/engine";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noPython } from "../services/python.ts";
import { noOwnRabbitmq, startOwnRabbitmq } from "../services/rabbitmq.ts";
import { redisLibraries } from "../services/redis-clients.ts";
import { noOwnRedis, startOwnRedis, type OwnRedis } from "../services/redis.ts";
import { freePort } from "../services/server.ts";
import { makeCertificates, noTls, type Certificates } from "../services/tls.ts";
import {
  startCeleryWorker,
  startSiteClient,
  type CeleryWorker,
  type Outcome,
  type SiteClient,
  type SitePlaces,
} from "./site.ts";

const timeout = 20_000;
const patience = { timeout, interval: 20 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Both directions, and what all workers are told. */
class Site {
  readonly engine: Engine;
  readonly cancelled: string[] = [];
  readonly #stops: (() => unknown)[] = [];
  app!: Petiole;
  client!: SiteClient;
  python!: CeleryWorker;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  async start(places: SitePlaces): Promise<this> {
    const app = new Petiole({ engine: this.engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
    this.app = app;
    app.task("ts.echo", ({ value }: { value: unknown }) => value);
    app.task("ts.list", (list: readonly unknown[]) => list);
    app.task("ts.fail", () => {
      throw new RangeError("bang");
    });
    app.task("ts.hang", (_: object, job) => {
      return new Promise<never>((_resolve, reject) => {
        job.signal.addEventListener("abort", () => {
          this.cancelled.push(job.id);
          reject(new Error("called off"));
        });
      });
    });
    const worker: Worker = app.worker({ queues: ["ts"], watchdog: false, logger: quiet });
    await worker.start();
    this.#stops.push(() => worker.stop({ timeout: 0 }));
    [this.python, this.client] = await Promise.all([startCeleryWorker(places), startSiteClient(places)]);
    return this;
  }

  async works(): Promise<void> {
    expect(await this.client.value('call("ts.echo", kwargs={"value": 4}, countdown=0.4)')).toBe("4");
    const add = new Petiole({ engine: this.engine, defaults: { queue: "celery" } });
    const sum = await add.task<{ x: number; y: number }, number>("tasks.add").enqueue({ x: 2, y: 3 });
    expect(await sum.result({ timeout })).toBe(5);
  }

  /** Chords whose parts both languages count, and whose bodies either sends. */
  async countsChords(): Promise<void> {
    const t = (value: number): string => `signature("ts.echo", kwargs={"value": ${value}}, queue="ts")`;
    const run = (parts: string, body: string): Promise<Outcome> =>
      this.client.outcome(`repr(get(chord([${parts}], ${body}).apply_async().id))`);
    const [ours, theirs] = ['signature("ts.list", queue="ts")', 'signature("tasks.sum")'];
    expect((await run(`${t(1)}, add.s(1, 1), ${t(3)}`, ours)).plain).toBe("[1, 2, 3]");
    expect((await run(`add.s(1, 1), ${t(3)}.set(countdown=0.3)`, theirs)).plain).toBe("5");
    expect((await run(`${t(3)}, add.s(1, 1).set(countdown=0.3)`, ours)).plain).toBe("[3, 2]");
    expect(await run(`add.s(1, 1), signature("ts.fail", queue="ts")`, theirs)).toMatchObject({
      error: "celery.exceptions.ChordError",
      args: expect.stringContaining("raised ValueError('bang')"),
    });
    const part = { task: "tasks.add", args: [1, 1], queue: "celery" };
    const built = await chord([part, part], { task: "ts.list" }).enqueue(this.app);
    expect(await built.result({ timeout })).toEqual([2, 2]);
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops) await stop();
    await this.engine.close();
    await Promise.all([this.client?.stop(), this.python?.stop()]);
  }
}

const noPrefix = noPython ?? noOwnRedis;
describe.skipIf(noPrefix !== undefined)(
  `global_keyprefix${noPrefix ? ` (skipped: ${noPrefix})` : ""}`,
  () => {
    let server: OwnRedis;
    let look: Redis;
    beforeAll(async () => {
      server = await startOwnRedis();
      look = new Redis(server.port, "127.0.0.1");
    }, 30_000);
    afterAll(async () => {
      look?.disconnect();
      await server?.stop();
    });

    test.each([
      ["the same of broker and results, which ends in a colon", 1, "shop:", "shop:"],
      ["without an end, of which Celery makes one for results alone", 2, "shop", "shop"],
      ["of each another", 3, "tasks.", "answers"],
    ])("%s", { timeout: 60_000 }, async (_, database, keyPrefix, resultKeyPrefix) => {
      const client = redisLibraries[database % 2]!.make(server.url, database);
      const prefixes: Partial<CeleryOptions> =
        keyPrefix === resultKeyPrefix ? { keyPrefix } : { keyPrefix, resultKeyPrefix };
      const hostname = "ours@prefixed";
      const options = { hostname, visibilityTimeout: 3_600_000, ...prefixes };
      const site = new Site(celery({ broker: client.client, ...options }));
      try {
        await site.start({
          broker: `${server.url}/${database}`,
          backend: `${server.url}/${database}`,
          environment: {
            TRANSPORT: JSON.stringify({ visibility_timeout: 3600, global_keyprefix: keyPrefix }),
            CONF: JSON.stringify({ result_backend_transport_options: { global_keyprefix: resultKeyPrefix } }),
          },
        });
        await site.works();
        await site.countsChords();
        // Both ways of remote control, and both languages answer.
        const control = celeryControl({ broker: client.client, keyPrefix });
        const theirName = /(\S+@test) ready/.exec(site.python.said())![1]!;
        const everybody = [hostname, theirName];
        await expect
          .poll(
            async () => [...(await control.ping({ limit: 2, timeout: 5000 })).replies.keys()].toSorted(),
            patience,
          )
          .toEqual(everybody);
        await control.close();
        const answers = "sorted(name for reply in app.control.ping(timeout=5, limit=2) for name in reply)";
        expect(await site.client.value(answers)).toBe(`['${everybody.join("', '")}']`);
        const hung = await site.client.outcome('send("ts.hang")');
        await expect.poll(() => site.engine.find(String(hung.plain)), patience).toBeUndefined();
        await new Promise((resolve) => setTimeout(resolve, 300));
        await site.client.value(`app.control.revoke("${String(hung.plain)}", terminate=True)`);
        await expect.poll(() => site.cancelled, patience).toEqual([hung.plain]);
        const later = await new Petiole({ engine: site.engine })
          .task<{ x: number }>("tasks.add", { queue: "celery" })
          .enqueue({ x: 1 }, { delay: 1500 });
        await expect.poll(() => site.python.said(), patience).toContain(`tasks.add[${later.id}] received`);
        await later.cancel();
        await expect
          .poll(() => site.python.said(), patience)
          .toContain(`Discarding revoked task: tasks.add[${later.id}]`);
        await look.select(database);
        const keys = await look.keys("*");
        expect(keys.length).toBeGreaterThan(3);
        const [broker, results] = [
          keyPrefix,
          `${resultKeyPrefix}${/[:_.-]$/.test(resultKeyPrefix) ? "" : "_"}`,
        ];
        const strange = keys.filter((key) => {
          const [, kind] = /celery-(task|taskset)-meta-/.exec(key) ?? [];
          return !key.startsWith(kind === undefined ? broker : `${results}celery-${kind}-meta-`);
        });
        expect(strange).toEqual([]);
      } finally {
        await site.stop();
        client.close();
      }
    });
  },
);

const noRedisTls = noPython ?? noOwnRedis ?? noTls;
describe.skipIf(noRedisTls !== undefined)(
  `TLS to Redis${noRedisTls ? ` (skipped: ${noRedisTls})` : ""}`,
  () => {
    let server: OwnRedis;
    let certificates: Certificates;
    let port: number;
    beforeAll(async () => {
      certificates = await makeCertificates();
      port = await freePort();
      const { caFile, certFile, keyFile } = certificates;
      const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", caFile];
      server = await startOwnRedis({
        parameters: ["--tls-port", `${port}`, "--tls-auth-clients", "no", ...files],
      });
    }, 30_000);
    afterAll(async () => {
      await server?.stop();
      certificates?.remove();
    });

    test.each(["ioredis", "node-redis"])("by %s", { timeout: 60_000 }, async (library) => {
      const { ca, caFile } = certificates;
      const url = `rediss://localhost:${port}`;
      const [broker, close] =
        library === "ioredis"
          ? ((client) => [client, () => client.disconnect()] as const)(
              new Redis(url, { tls: { ca }, lazyConnect: true }),
            )
          : ((client) => [client, () => client.destroy()] as const)(
              createClient({ url, socket: { tls: true, ca } }),
            );
      const site = new Site(celery({ broker }));
      const own = `${url}/0?ssl_cert_reqs=required&ssl_ca_certs=${encodeURIComponent(caFile)}`;
      try {
        await site.start({ broker: own, backend: own });
        await site.works();
      } finally {
        await site.stop();
        close();
      }
    });

    test("a server whose certificate nobody vouches for is not talked to", async () => {
      const broker = new Redis(`rediss://localhost:${port}`, { lazyConnect: true });
      const engine = celery({ broker, timeout: 1000 });
      await expect(engine.open()).rejects.toMatchObject({
        code: "ERR_ENGINE_UNREACHABLE",
        message: expect.stringMatching(/certificate/),
      });
      await engine.close();
      broker.disconnect();
    });
  },
);

const noAmqps = noPython ?? noOwnRabbitmq ?? noTls;
describe.skipIf(noAmqps !== undefined)(`TLS to RabbitMQ${noAmqps ? ` (skipped: ${noAmqps})` : ""}`, () => {
  test("amqps", { timeout: 90_000 }, async () => {
    const certificates = await makeCertificates();
    const { ca, caFile, certFile, keyFile } = certificates;
    const port = await freePort();
    const server = await startOwnRabbitmq({
      config: [
        `listeners.ssl.1 = 127.0.0.1:${port}`,
        `ssl_options.cacertfile = ${caFile}`,
        `ssl_options.certfile = ${certFile}`,
        `ssl_options.keyfile = ${keyFile}`,
        "ssl_options.verify = verify_none",
      ],
    });
    const url = `amqps://guest:guest@localhost:${port}`;
    const site = new Site(celery({ broker: () => connect(url, { ca: [ca] }) }));
    const untrusted = celery({ broker: () => connect(url), timeout: 1000 });
    try {
      await expect(untrusted.open()).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
      const ssl = { broker_use_ssl: { ca_certs: caFile, cert_reqs: 2, server_hostname: "localhost" } };
      await site.start({
        broker: url.replace(/^amqps:/, "pyamqp:"),
        backend: "rpc://",
        environment: { CONF: JSON.stringify(ssl) },
      });
      await site.works();
    } finally {
      await untrusted.close();
      await site.stop();
      await server.stop();
      certificates.remove();
    }
  });
});
