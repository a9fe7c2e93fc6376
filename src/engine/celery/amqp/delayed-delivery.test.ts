import { describe, expect, test } from "vitest";
import type { CeleryMessage } from "../protocol/message.ts";
import { anyDelay, delayedKey, levelOptions, ownKeyOf } from "./delayed-delivery.ts";
import { Routing } from "./routing.ts";

describe("delayedKey", () => {
  test("is as Kombu's calculate_routing_key makes it", () => {
    const zeros = "0.".repeat(20);
    expect(delayedKey(225_000, "qt")).toBe(`${zeros}1.1.1.0.0.0.0.1.qt`);
    // Never late: less than a second is left over.
    expect(delayedKey(225_999, "qt")).toBe(`${zeros}1.1.1.0.0.0.0.1.qt`);
    expect(delayedKey(2 ** 28 * 1000 - 1, "a.b")).toBe(`${"1.".repeat(28)}a.b`);
  });

  test("what is longer comes back early", () => {
    expect(delayedKey(Number.MAX_SAFE_INTEGER, "q")).toBe(`${"1.".repeat(28)}q`);
  });

  test.each([
    ["less than a second", 999, "q"],
    ["no delay", -5, "q"],
    ["no number", Number.NaN, "q"],
    ["no routing key, which Kombu refuses", 5000, ""],
    ["a key that AMQP has no room for", 5000, "q".repeat(200)],
  ])("undefined for %s", (_, milliseconds, key) => {
    expect(delayedKey(milliseconds, key)).toBeUndefined();
  });
});

test("a queue's own key is one word, with no wildcards in it", () => {
  expect(ownKeyOf("a.#.*")).toBe("a%2E%23%2E%2A.petiole-queue");
  expect(anyDelay(ownKeyOf("q"))).toBe("#.q.petiole-queue");
  expect(anyDelay("#")).toBe("#");
});

test("a level is declared as Kombu declares it", () => {
  expect(levelOptions(0, "quorum").arguments).toStrictEqual({
    "x-queue-type": "quorum",
    "x-overflow": "reject-publish",
    "x-message-ttl": 1000,
    "x-dead-letter-exchange": "celery_delayed_delivery",
    "x-dead-letter-strategy": "at-least-once",
  });
  expect(levelOptions(27, "classic").arguments).toStrictEqual({
    "x-queue-type": "classic",
    "x-overflow": "reject-publish",
    "x-message-ttl": 134_217_728_000,
    "x-dead-letter-exchange": "celery_delayed_26",
  });
});

describe("where a message goes", () => {
  const now = Date.UTC(2026, 0, 1);
  const message = (queue: string, changes: Partial<CeleryMessage> = {}, wait?: number): CeleryMessage => ({
    queue,
    headers: {
      task: "t",
      id: "1",
      eta: wait === undefined ? null : new Date(now + wait).toISOString().replace("Z", "+00:00"),
    },
    contentType: "application/json",
    contentEncoding: "utf-8",
    body: Buffer.from("[]"),
    ...changes,
  });
  const qt = { type: "quorum", exchange: { name: "x", type: "topic" }, routingKey: "k" } as const;
  const bits = "0.".repeat(25) + "1.0.1.";

  test("to its queue, unless told", () => {
    const routing = new Routing({});
    expect(routing.of(message("q"), now)).toEqual({
      queue: "q",
      exchange: "",
      routingKey: "q",
      isDelayed: false,
    });
    expect(routing.of(message("q", {}, 5000), now)).toMatchObject({ exchange: "", routingKey: "q" });
    // A name that objects have, too.
    expect(routing.of(message("constructor"), now)).toMatchObject({
      exchange: "",
      routingKey: "constructor",
    });
  });

  test("to its exchange; what was in the queue before, to that alone", () => {
    const routing = new Routing({ qt });
    expect(routing.of(message("qt"), now)).toMatchObject({
      exchange: "x",
      routingKey: "k",
      isDelayed: false,
    });
    expect(routing.of(message("qt", { isAgain: true }), now)).toMatchObject({
      exchange: "",
      routingKey: "qt",
    });
  });

  test("to where it waits for its time, and from there to the same", () => {
    const routing = new Routing({ qt });
    const delayed = { exchange: "celery_delayed_27", queue: "qt", isDelayed: true };
    expect(routing.of(message("qt", {}, 5000), now)).toEqual({ ...delayed, routingKey: `${bits}k` });
    expect(routing.of(message("qt", { isAgain: true }, 5000), now)).toEqual({
      ...delayed,
      routingKey: `${bits}qt.petiole-queue`,
    });
    expect(routing.of(message("qt", {}, 999), now)).toMatchObject({ exchange: "x", isDelayed: false });
    // RabbitMQ delays nothing of which it was not told.
    expect(routing.of(message("other", {}, 5000), now)).toMatchObject({ exchange: "", isDelayed: false });
  });

  test("a quorum queue with a direct exchange, or none, has its own key", () => {
    const routing = new Routing({ a: { type: "quorum" }, b: { ...qt, exchange: { name: "b" } } });
    for (const queue of ["a", "b"])
      expect(routing.of(message(queue, {}, 5000), now).routingKey).toBe(`${bits}${queue}.petiole-queue`);
  });

  test("classic queues behind a topic exchange are delayed where there is a quorum queue, as in Celery", () => {
    const classic = { exchange: { name: "x", type: "topic" } } as const;
    expect(new Routing({ classic }).of(message("classic", {}, 5000), now).isDelayed).toBe(false);
    expect(new Routing({ classic, qt }).of(message("classic", {}, 5000), now)).toMatchObject({
      routingKey: `${bits}classic`,
    });
  });

  test("to where the send says", () => {
    const routing = new Routing({ qt });
    const route = { exchange: "media", routingKey: "media.video" };
    expect(routing.of(message("qt", { route }, 5000), now)).toEqual({ ...route, isDelayed: false });
    expect(routing.of(message("qt", { route: { exchange: "x", routingKey: "z" } }, 5000), now)).toMatchObject(
      {
        exchange: "celery_delayed_27",
        routingKey: `${bits}z`,
      },
    );
  });
});
