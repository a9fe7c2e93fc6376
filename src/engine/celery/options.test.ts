import { Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { celery, celeryOptions } from "../celery.ts";
import { capabilities, rabbitmqCapabilities } from "./capabilities.ts";
import type { CeleryOptions } from "./options.ts";

const broker = new Redis({ lazyConnect: true });
afterAll(() => broker.disconnect());
const amqp = (): never => {
  throw new Error("nobody connects in this test");
};

describe("celery()", () => {
  const wrong: readonly [options: object, message: RegExp][] = [
    [{}, /broker is a client of Redis .* it got undefined\.$/],
    [{ broker: "redis://localhost" }, /broker is .* it got string "redis:/],
    [{ broker: { host: "localhost" } }, /broker is .* it got object\.$/],
    [{ broker: new Redis({ lazyConnect: true, keyPrefix: "a:" }) }, /`keyPrefix` to celery\(\)/],
    [{ broker, results: "rpc" }, /"rpc" with RabbitMQ alone/],
    [{ broker, results: true }, /results is a client of Redis, "rpc" or false; it got boolean true/],
    [{ broker, keyPrefix: 5 }, /keyPrefix is a text such as "shop:"; it got number 5/],
    [{ broker, keyPrefix: "\ud800" }, /keyPrefix is a text/],
    [{ broker, visibilityTimeout: 10 }, /visibilityTimeout is a number of milliseconds, 1000 or more/],
    [{ broker, resultExpires: -1 }, /resultExpires is a number of milliseconds/],
    [{ broker, timeout: "10s" }, /timeout is a number of milliseconds/],
    [{ broker, pollInterval: Number.NaN }, /pollInterval is a number of milliseconds/],
    [{ broker, dialect: "python" }, /dialect is "portable" or "exact"/],
    [{ broker, hostname: "a b" }, /hostname is a name/],
    [{ broker, tasks: [] }, /tasks is an object; it got Array/],
    [{ broker, tasks: { t: 5 } }, /tasks\["t"\] is an object; it got number 5/],
    [
      { broker, tasks: { t: { positional: ["a", "a"] } } },
      /positional is the names of properties, each once/,
    ],
    [{ broker, tasks: { t: { priority: 10 } } }, /priority is a whole number from 0 to 9/],
    [{ broker, tasks: { t: { timeLimit: 0 } } }, /timeLimit is milliseconds, more than 0/],
    [{ broker, tasks: { t: { compression: "gzip" } } }, /compression is "zlib"/],
    [{ broker, tasks: { t: { ignoreResult: 1 } } }, /ignoreResult is true or false/],
    [{ broker, tasks: { t: { retries: 3 } } }, /tasks\["t"\]\.retries is none of positional, queue, /],
    [{ broker, resultKeyPrefix: 5 }, /resultKeyPrefix is a text such as "shop:"; it got number 5/],
    [{ broker: amqp, delayedDelivery: "stream" }, /delayedDelivery is "quorum" or "classic"; it got string/],
    [{ broker: amqp, queues: [] }, /queues is an object; it got Array/],
    [{ broker: amqp, queues: { q: 5 } }, /queues\["q"\] is an object; it got number 5/],
    [{ broker: amqp, queues: { q: { durable: true } } }, /queues\["q"\]\.durable is none of type, exchange/],
    [
      { broker: amqp, queues: { q: { type: "stream" } } },
      /type is "classic" or "quorum"; it got string "stream"/,
    ],
    [{ broker: amqp, queues: { q: { exchange: "x" } } }, /exchange is \{ name, type \}/],
    [{ broker: amqp, queues: { q: { exchange: { name: "" } } } }, /exchange is \{ name, type \}/],
    [{ broker: amqp, queues: { q: { exchange: { name: "x", type: "headers" } } } }, /"topic" or "fanout"/],
    [
      { broker: amqp, queues: { q: { routingKey: "é".repeat(128) } } },
      /routingKey is a text of at most 255 bytes/,
    ],
    [{ broker: amqp, queues: { q: { routingKey: "k" } } }, /has a routingKey or bindings, and no exchange/],
    [
      { broker: amqp, queues: { q: { bindings: "#" } } },
      /bindings is texts, each a routing key or a pattern/,
    ],
    [{ broker: amqp, queues: { q: { arguments: { a: {} } } } }, /arguments is an object of texts, numbers/],
    [
      { broker: amqp, queues: { q: { arguments: { "x-queue-type": "quorum" } } } },
      /arguments\["x-queue-type"\] is said by its type/,
    ],
    [{ broker, queues: { q: { type: "quorum" } } }, /queues\["q"\]\.type is for RabbitMQ/],
    [
      { broker, queues: { q: { exchange: { name: "x", type: "fanout" } } } },
      /queues\["q"\]\.exchange is a fanout; with Redis/,
    ],
    [{ broker, exceptions: { OutOfStock: "OutOfStock" } }, /exceptions\.OutOfStock is a class of Python's/],
    [{ broker, exceptions: { OutOfStock: "os.system()" } }, /exceptions\.OutOfStock is a class of Python's/],
    [{ broker, exceptions: { Empty: "shop:Stock:Empty" } }, /exceptions\.Empty is a class of Python's/],
    [
      { broker, exceptions: { Empty: ":Empty" } },
      /"shop\.models:Stock\.Empty" where it is inside another one/,
    ],
    [{ broker, exceptions: { Empty: "shop:" } }, /exceptions\.Empty is a class of Python's/],
    [{ broker, exceptions: { Empty: "shop:Stock..Empty" } }, /exceptions\.Empty is a class of Python's/],
  ];

  test.each(wrong)("refuses %o", (options, message) => {
    expect(() => celery(options as CeleryOptions)).toThrow(message);
    expect(() => celery(options as CeleryOptions)).toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID" }),
    );
  });

  test("refuses an option that there is not", () => {
    expect(() => celery({ broker, visibility_timeout: 5 } as never)).toThrow(
      /options of celery\(\) must be among broker, .*"visibility_timeout"/,
    );
  });

  test.each([undefined, null, 5])("refuses %o in the place of options", (options) => {
    expect(() => celery(options as never)).toThrow(/^celery\(\): needs \{ broker \}/);
  });

  test("says what it can do, and in which dialect, by its broker and its results", () => {
    const portable = { dialect: "portable" };
    expect(celery({ broker }).capabilities).toStrictEqual({ ...capabilities, ...portable });
    expect(celery({ broker, dialect: "exact" }).capabilities).toStrictEqual(capabilities);
    expect(celery({ broker: amqp }).capabilities).toStrictEqual({ ...rabbitmqCapabilities, ...portable });
    const { lacks } = celery({ broker: amqp, results: broker }).capabilities;
    expect(Object.keys(lacks)).toContain("place");
    expect(lacks.sharedEnds).toBeUndefined();
    expect(celery({ broker, results: false }).capabilities.lacks.sharedEnds).toMatch(/nothing keeps results/);
  });

  test("connects with the first use, not before", async () => {
    const engine = celery({ broker: amqp, timeout: 100 });
    await expect(engine.open()).rejects.toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
    await engine.close();
    await expect(engine.find("1")).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
  });
});

describe("celeryOptions()", () => {
  test("is options of enqueue: plain JSON beside the payload", () => {
    const link = [{ task: "tasks.log", args: [1], queue: undefined as never }];
    expect(celeryOptions({ priority: 6, link, shadow: undefined as never })).toStrictEqual({
      headers: { celery: { priority: 6, link: [{ task: "tasks.log", args: [1] }] } },
    });
  });

  test.each([
    [{ priority: 10 }, /celeryOptions\.priority must be a whole number from 0 to 9/],
    [{ countdown: 5 }, /celeryOptions must be only /],
    [{ exchange: "media" }, /given both, exchange and routingKey, or none/],
    [{ exchange: "", routingKey: "a" }, /celeryOptions\.exchange must be a text/],
    [
      { exchange: "x".repeat(256), routingKey: "a" },
      /celeryOptions\.exchange must be a text of at most 255 bytes/,
    ],
    [{ retries: -1 }, /celeryOptions\.retries must be a whole number, 0 or more/],
    [{ link: [{ args: [] }] }, /celeryOptions\.link\[0\]\.task must be a text/],
    [{ timeLimit: 5, softTimeLimit: 6 }, /softTimeLimit must be at most the timeLimit/],
    [null, /celeryOptions must be an object/],
  ])("refuses %o", (options, message) => {
    expect(() => celeryOptions(options as never)).toThrow(message);
  });
});
