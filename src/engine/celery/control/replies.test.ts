/** What workers answer, of Celery's forms and of none. */
import { expect, test } from "vitest";
import { readScheduled, readTasks } from "./replies.ts";

const request = { id: "1", name: "tasks.add", type: "tasks.add", args: [], kwargs: {}, hostname: "w@h" };

test("what waits for no time is told without one, and what is none is left out", () => {
  const at = "2026-11-23T08:00:00.500000+00:00";
  const read = readScheduled([
    { eta: at, priority: 6, request },
    // As Celery tells of a request that has no time of its own.
    { eta: null, priority: 3, request: { ...request, id: "2" } },
    { eta: "soon", request },
    { eta: 7, request },
    { eta: null },
    7,
  ]);
  expect(read).toEqual([
    { runAt: Date.UTC(2026, 10, 23, 8, 0, 0, 500), request: expect.objectContaining({ id: "1" }) },
    { request: expect.objectContaining({ id: "2", task: "tasks.add", worker: "w@h" }) },
  ]);
  expect(read![1]).not.toHaveProperty("runAt");
  expect(readScheduled({ eta: at, request })).toBeUndefined();
});

test("a task's queue is told where its message says it, and not guessed", () => {
  const queueOf = (delivery: unknown): unknown =>
    readTasks([{ ...request, delivery_info: delivery }])![0]!.queue;
  expect(queueOf({ exchange: "", routing_key: "celery" })).toBe("celery");
  expect(queueOf({ exchange: "celery", routing_key: "celery" })).toBe("celery");
  expect(queueOf({ routing_key: "celery" })).toBe("celery");
  expect(queueOf({ exchange: "media", routing_key: "media.video" })).toBeUndefined();
  expect(queueOf({ exchange: "", routing_key: 7 })).toBeUndefined();
  expect(queueOf(null)).toBeUndefined();
});
