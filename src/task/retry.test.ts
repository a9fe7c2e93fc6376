import { expect, test } from "vitest";
import { newId } from "./id.ts";
import { milliseconds } from "./duration.ts";
import { afterFailure, backoff } from "./retry.ts";
import { settingsOf } from "./options.ts";
import type { Delivery } from "../engine.ts";

test("backoff is exponential, bounded, and jitter only takes off", () => {
  const policy = { delay: 100, factor: 3, maxDelay: 2000, jitter: 0 };
  expect([1, 2, 3, 4, 9].map((attempts) => backoff(attempts, policy))).toStrictEqual([
    100, 300, 900, 2000, 2000,
  ]);
  expect(backoff(1, { ...policy, jitter: 0.5 }, 0)).toBe(100);
  expect(backoff(1, { ...policy, jitter: 0.5 }, 1)).toBe(50);
  expect(backoff(1, { ...policy, jitter: 1 }, 1)).toBe(0);
});

test("afterFailure, at the edge of the policy", () => {
  const settings = settingsOf("t", { retry: { attempts: 2, delay: "1s", jitter: 0 } }, {});
  const delivery = (attempts: number) => ({ attempts, lease: { id: "i", token: "t" } }) as Delivery;
  expect(afterFailure(delivery(0), new Error("x"), settings, 5000)).toMatchObject({
    kind: "retryAt",
    at: 6000,
  });
  expect(afterFailure(delivery(1), new Error("x"), settings, 5000)).toMatchObject({ kind: "fail" });
});

test("rules may be classes of any kind and functions", () => {
  class Mine extends Error {}
  function Old(this: object) {}
  const delivery = { attempts: 0, lease: { id: "i", token: "t" } } as Delivery;
  const outcome = (error: unknown, ...discardOn: never[]) =>
    afterFailure(delivery, error, settingsOf("t", { discardOn }, {}), 0).kind;
  expect(outcome(new Mine(), Mine as never)).toBe("discard");
  expect(outcome(new TypeError(), TypeError as never)).toBe("discard");
  expect(outcome(new Mine(), TypeError as never)).toBe("retryAt");
  expect(outcome(5, ((error: unknown) => error === 5) as never)).toBe("discard");
  expect(outcome(5, Old as never)).toBe("retryAt");
});

test("durations", () => {
  expect(
    [5, "250ms", "2s", "1.5m", "1h", "2d"].map((duration) => milliseconds(duration as never, "x")),
  ).toStrictEqual([5, 250, 2000, 90_000, 3_600_000, 172_800_000]);
  for (const wrong of [-1, NaN, "5", "5 m", "m", null])
    expect(() => milliseconds(wrong as never, "delay")).toThrow(/^delay must be a duration/);
});

test("ids are version 7 UUIDs and sort by time", () => {
  const ids = [1, 2 ** 40, Date.now(), Date.now() + 1].map(newId);
  for (const id of ids)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(ids.toSorted()).toStrictEqual(ids);
  expect(Number.parseInt(ids[1]!.replace("-", "").slice(0, 12), 16)).toBe(2 ** 40);
  expect(new Set(Array.from({ length: 1000 }, () => newId())).size).toBe(1000);
});
