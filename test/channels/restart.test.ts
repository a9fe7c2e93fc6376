/**
 * Redis is killed and started again in the middle of it: messages of both languages on their way, Django's `runworker` and a
 * consumer in TypeScript that listen, and groups with members of both.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { channelLayer, type ChannelConsumer, type ChannelLayer } from "petiole/channels";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SiteClient } from "../celery/site.ts";
import { noPython } from "../services/python.ts";
import { redisLibraries, type MadeClient } from "../services/redis-clients.ts";
import { noOwnRedis, startOwnRedis, type OwnRedis } from "../services/redis.ts";
import { startChannelsClient, startRunworker, type LayerConfig, type Runworker } from "./site.ts";

const missing = noPython ?? noOwnRedis;
const skipped = missing === undefined ? "" : ` (skipped: ${missing})`;
const patience = { timeout: 20_000, interval: 50 };
const soon = (): AbortSignal => AbortSignal.timeout(20_000);
/** At least so many messages of each language. */
const count = 40;
const numbers = Array.from({ length: count }, (_, number) => number);

describe.skipIf(missing !== undefined).each(redisLibraries)(
  `Redis is started again, with $name${skipped}`,
  (library) => {
    let redis: OwnRedis;
    let config: LayerConfig;
    let worker: Runworker;
    let client: SiteClient;
    let made: MadeClient;
    let layer: ChannelLayer;
    let consumer: ChannelConsumer;
    const heard: unknown[] = [];

    beforeAll(async () => {
      redis = await startOwnRedis({ durable: true });
      config = { hosts: [`${redis.url}/0`], capacity: 1000 };
      [worker, client] = await Promise.all([startRunworker(config), startChannelsClient(config)]);
      made = library.make(redis.url);
      layer = channelLayer(made.client, { capacity: 1000, onError: () => undefined });
      consumer = layer.consume("ts", { "news.said": ({ news }) => heard.push(news) });
    }, 90_000);

    afterAll(async () => {
      await consumer?.close();
      await layer?.close();
      made?.close();
      await Promise.all([worker?.stop(), client?.stop()]);
      await redis?.stop();
    }, 60_000);

    /** Has runworker's own channel join a group. */
    async function join(group: string): Promise<void> {
      const reply = layer.newChannel();
      await layer.send("jobs", { type: "group.join", group, reply });
      expect(await layer.receive(reply, { signal: soon() })).toMatchObject({ type: "has.joined" });
    }

    test("what was accepted arrives, and all find each other again", { timeout: 60_000 }, async () => {
      const own = layer.newChannel();
      for (const channel of ["ts", own]) await layer.groupAdd("all", channel);
      const theirs = (await client.outcome('joined("all")')).plain as string;
      await join("all");

      // Across the restart, each until it is accepted. Nobody listens to that channel yet.
      let accepted = 0;
      let isBack = false;
      const isEnough = (): boolean => isBack && accepted >= count;
      const ours = (async () => {
        while (!isEnough()) {
          try {
            await layer.send("waiting", { type: "x", from: "ours", number: accepted });
            accepted += 1;
          } catch {
            // It may have been accepted all the same: then it arrives twice.
          }
          await sleep(20);
        }
      })();
      const pythons = client.value(`until_accepted("waiting", ${count}, 0.02)`);
      await expect.poll(() => accepted, patience).toBeGreaterThan(3);
      await redis.restart(300);
      isBack = true;
      await Promise.all([ours, pythons]);
      const sent = [
        ...Array.from({ length: accepted }, (_, number) => `ours ${number}`),
        ...numbers.map((number) => `pythons ${number}`),
      ];
      const arrived = new Set<string>();
      while (arrived.size < sent.length) {
        const { from, number } = await layer.receive("waiting", { signal: soon() });
        arrived.add(`${from as string} ${number as number}`);
      }
      expect(arrived).toEqual(new Set(sent));

      // With its connection runworker ends, so that whoever watches over it starts it anew: what was sent meanwhile waits.
      await worker.stop();
      const reply = layer.newChannel();
      for (const value of numbers) await layer.send("jobs", { type: "do.echo", reply, value });
      worker = await startRunworker(config);
      for (const value of numbers)
        expect(await layer.receive(reply, { signal: soon() })).toMatchObject({ value });

      // Of the group, the old runworker's channel is left over, and heard by nobody.
      await join("all");
      expect(await layer.groupSend("all", { type: "news.said", news: "ours", reply })).toMatchObject({
        channels: 5,
        full: [],
      });
      await client.value(`tell("all", type="news.said", news="theirs", reply="${reply}")`);
      for (const news of ["ours", "theirs"]) {
        expect(await layer.receive(own, { signal: soon() })).toMatchObject({ news });
        expect(await layer.receive(reply, { signal: soon() })).toEqual({ type: "news.heard", news });
        expect(await client.value(`receive("${theirs}")["news"]`)).toBe(`'${news}'`);
      }
      await expect.poll(() => heard, patience).toEqual(["ours", "theirs"]);
    });
  },
);
