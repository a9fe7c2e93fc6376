import { connect, type ChannelModel } from "amqplib";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { expectTypeOf, test } from "vitest";
import type { Engine } from "../engine.ts";
import { Petiole } from "../task/petiole.ts";
import { celery, celeryOptions, type AmqpSource, type CeleryOptions } from "./celery.ts";

test("takes the clients of others as they are", () => {
  expectTypeOf(celery({ broker: new Redis({ lazyConnect: true }) })).toEqualTypeOf<Engine>();
  expectTypeOf(celery({ broker: createClient() })).toEqualTypeOf<Engine>();
  expectTypeOf<ChannelModel>().toExtend<AmqpSource>();
  expectTypeOf(celery({ broker: () => connect("amqp://localhost"), results: "rpc" })).toEqualTypeOf<Engine>();
  // @ts-expect-error a URL is no client
  celery({ broker: "redis://127.0.0.1" });
  // @ts-expect-error the broker is needed
  celery({});
  expectTypeOf<CeleryOptions["dialect"]>().toEqualTypeOf<"portable" | "exact" | undefined>();
});

test("celeryOptions are options of enqueue", () => {
  const app = new Petiole({ engine: celery({ broker: new Redis({ lazyConnect: true }) }) });
  const add = app.task<{ x: number }, number>("tasks.add");
  void add.enqueue(
    { x: 2 },
    { delay: "5m", ...celeryOptions({ priority: 6, link: [{ task: "tasks.log" }] }) },
  );
  // @ts-expect-error Celery has no such priority
  celeryOptions({ priority: "high" });
});
