/** What is known by events, from anyone and in any order. */
import { describe, expect, test, vi } from "vitest";
import { readEvent } from "./event.ts";
import { CeleryState } from "./state.ts";

const limits = { tasks: 3, workers: 2 };

function state(...told: readonly object[]): CeleryState {
  const known = new CeleryState(limits);
  for (const each of told)
    known.add(readEvent({ hostname: "w@1", timestamp: 1, clock: 1, pid: 7, utcoffset: 0, ...each })!);
  return known;
}

describe("an event", () => {
  test("is read, with all that it told", () => {
    const told = {
      type: "task-started",
      uuid: "1",
      hostname: "w",
      timestamp: 1.5,
      clock: 3,
      pid: 7,
      more: [1],
    };
    expect(readEvent(told)).toEqual({
      type: "task-started",
      id: "1",
      worker: "w",
      at: 1500,
      clock: 3,
      pid: 7,
      fields: told,
    });
  });

  test.each([
    undefined,
    null,
    7,
    [],
    {},
    { type: "task-started", hostname: "w", timestamp: 1 },
    { type: "task-started", uuid: 7, hostname: "w", timestamp: 1 },
    { type: "worker-online", hostname: 7, timestamp: 1 },
    { type: "worker-online", hostname: "", timestamp: 1 },
    { type: "worker-online", hostname: "w" },
    { type: "worker-online", hostname: "w", timestamp: "1" },
    { type: "worker-online", hostname: "w", timestamp: 1e300 },
    { type: "x".repeat(2000), hostname: "w", timestamp: 1 },
  ])("that is none is left alone: %j", (told) => {
    expect(readEvent(told)).toBeUndefined();
  });
});

describe("tasks", () => {
  const of = (type: string, more: object = {}): object => ({ type: `task-${type}`, uuid: "1", ...more });

  test("have the state that they came to, whatever order their events came in", () => {
    const known = state(
      of("succeeded", { result: "5", runtime: 0.5 }),
      of("started"),
      of("received", { name: "tasks.add", args: "(2, 3)", kwargs: "{}" }),
    );
    expect(known.task("1")).toEqual({
      id: "1",
      state: "SUCCESS",
      at: 1000,
      worker: "w@1",
      name: "tasks.add",
      args: "(2, 3)",
      kwargs: "{}",
      result: "5",
      runtime: 0.5,
    });
  });

  test("that are tried again begin anew", () => {
    const events = [of("received"), of("started"), of("retried", { exception: "E()" }), of("received")];
    expect(state(...events).task("1")).toMatchObject({ state: "RECEIVED", exception: "E()" });
    expect(state(...events, of("started"), of("failed")).task("1")).toMatchObject({ state: "FAILURE" });
  });

  test("are remembered as many as was told: the latest heard of", () => {
    const known = state(...["1", "2", "1", "3", "4"].map((uuid) => ({ type: "task-received", uuid })));
    expect(known.tasks().map(({ id }) => id)).toEqual(["1", "3", "4"]);
    expect(known.task("2")).toBeUndefined();
  });

  test("keep of texts the beginning alone", () => {
    const long = `\ud800é${"x".repeat(20_000)}`;
    const known = state(of("received", { args: long, result: "short" })).task("1");
    expect(known?.args).toBe(long.slice(0, 10_000));
    expect(known?.result).toBe("short");
    const [worker] = state({ type: "worker-online", sw_ident: long, sw_ver: "1" }).workers();
    expect(worker?.software).toHaveLength(1000);
  });

  test("with odd fields, or names as those of objects, do no harm", () => {
    const known = state(
      of("received", { uuid: "__proto__", name: 7, args: {}, runtime: "x" }),
      of("of-my-own"),
    );
    expect(known.task("__proto__")).toEqual({ id: "__proto__", state: "RECEIVED", at: 1000, worker: "w@1" });
    expect(known.task("1")).toMatchObject({ state: "OF-MY-OWN" });
  });
});

test("workers are alive while they say so, and not after", () => {
  vi.useFakeTimers();
  try {
    const known = state({
      type: "worker-online",
      freq: 2,
      active: 1,
      processed: 5,
      sw_ident: "py-celery",
      sw_ver: "5",
    });
    const [worker] = known.workers();
    expect(worker).toMatchObject({
      name: "w@1",
      pid: 7,
      isAlive: true,
      active: 1,
      processed: 5,
      software: "py-celery 5",
    });
    vi.advanceTimersByTime(3900);
    expect(known.workers()[0]?.isAlive).toBe(true);
    vi.advanceTimersByTime(200);
    expect(known.workers()[0]?.isAlive).toBe(false);
    known.add(readEvent({ type: "worker-heartbeat", hostname: "w@1", timestamp: 1, freq: 2 })!);
    expect(known.workers()[0]?.isAlive).toBe(true);
    known.add(readEvent({ type: "worker-offline", hostname: "w@1", timestamp: 1, freq: 2 })!);
    expect(known.workers()[0]?.isAlive).toBe(false);
    for (const hostname of ["w@2", "w@3"])
      known.add(readEvent({ type: "worker-online", hostname, timestamp: 1 })!);
    expect(known.workers().map(({ name }) => name)).toEqual(["w@2", "w@3"]);
    // The one that says so still is not the one that is forgotten, though it was the first.
    known.add(readEvent({ type: "worker-heartbeat", hostname: "w@2", timestamp: 1 })!);
    known.add(readEvent({ type: "worker-online", hostname: "w@4", timestamp: 1 })!);
    expect(known.workers().map(({ name }) => name)).toEqual(["w@2", "w@4"]);
  } finally {
    vi.useRealTimers();
  }
});
