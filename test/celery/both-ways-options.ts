/**
 * What a sender in one language may say of a task, and what the other makes of it: time limits, priorities, ignored
 * results, retries, compression, numbers, and the end of what runs.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import type { Petiole } from "petiole";
import { celeryOptions, type CeleryOptions } from "petiole/engine/celery";
import { describe, expect, test } from "vitest";
import { eventually } from "../services/eventually.ts";
import { timeout, type BothWays } from "./both-ways-site.ts";

/** Queues of RabbitMQ that have priorities, one of each language. */
const ordered = ["py.order", "ts.order"];
const maxPriority = { "x-max-priority": 10 };

/** The same, for our engine. On Redis every queue has priorities. */
export function queuesOn(isRedis: boolean): NonNullable<CeleryOptions["queues"]> {
  if (isRedis) return {};
  return Object.fromEntries(ordered.map((queue) => [queue, { arguments: maxPriority }]));
}

/** The same, for Celery. */
export const conf = {
  task_queues: Object.fromEntries(
    ["celery", ...ordered].map((queue) => [
      queue,
      {
        exchange: queue,
        exchange_type: "direct",
        routing_key: queue,
        ...(ordered.includes(queue) && { queue_arguments: maxPriority }),
      },
    ]),
  ),
};

/** Our tasks. */
export function addOptionTasks(app: Petiole, ran: string[]): void {
  app.task("ts.hold", async ({ note }: { note: string }, job) => {
    ran.push(`${note} began`);
    await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
    ran.push(`${note} aborted`);
    job.signal.throwIfAborted();
  });
  app.task("ts.describe", (values: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        `${typeof value} ${Object.is(value, -0) ? "-0" : String(value)}`,
      ]),
    ),
  );
}

/** The tests. */
export function testOptions(isRedis: boolean, here: () => BothWays): void {
  describe("options of a send, TypeScript to Python", () => {
    const limits = [
      { timeLimit: 300, message: "it ran longer than its time limit of 0.3 s (TimeLimitExceeded)" },
      { softTimeLimit: 300, message: "it ran longer than its time limit (SoftTimeLimitExceeded)" },
    ];
    // Celery kills the process, and with RabbitMQ needs seconds for that: nothing of it is the broker's.
    test.each(isRedis ? limits : limits.slice(1))("$message", async ({ message, ...limit }) => {
      const path = here().file();
      const slow = here().site<{ path: string; seconds: number }>("tasks.slow");
      const handle = await slow.enqueue({ path, seconds: 60 }, celeryOptions(limit));
      await expect(handle.result({ timeout })).rejects.toMatchObject({
        code: "ERR_TASK_TIMEOUT",
        reason: { message },
      });
      // It is not run again, and the worker goes on.
      expect(await (await here().site("tasks.add").enqueue({ x: 1 })).result({ timeout })).toBe(1);
      expect(here().linesOf(path)).toHaveLength(1);
    });

    test("tasks run in the order of their priorities, which is the broker's own", async () => {
      const { site, file, linesOf } = here();
      const [path, gate] = [file(), file()];
      // All others are in the queue before the next is taken.
      await site("tasks.hold", "py.order").enqueue({ path, gate });
      await eventually(() => expect(linesOf(path)).toEqual(["held"]));
      for (const priority of [5, 9, 0])
        await site("tasks.record", "py.order").enqueue(
          { path, key: `${priority}` },
          celeryOptions({ priority }),
        );
      writeFileSync(gate, "");
      await eventually(() => expect(linesOf(path)).toHaveLength(4));
      expect(linesOf(path)).toEqual(["held", ...(isRedis ? ["0", "5", "9"] : ["9", "5", "0"])]);
    });

    test("ignoreResult: nothing is kept of it, nor sent", async () => {
      const { site, client, file, linesOf } = here();
      const path = file();
      const options = celeryOptions({ ignoreResult: true });
      const ignored = await site("tasks.record").enqueue({ path, key: "ran" }, options);
      const told = await site("tasks.record").enqueue({ path, key: "told" });
      // One after the other: results come in this order too.
      expect(await told.result({ timeout })).toBe("told");
      expect(linesOf(path)).toEqual(["ran", "told"]);
      await expect(ignored.result({ timeout: 100 })).rejects.toMatchObject({ code: "ERR_RESULT_TIMEOUT" });
      if (isRedis) expect(await kept(client, [ignored.id, told.id])).toBe("[0, 1]");
    });

    test("retries: the task is as far as it says", async () => {
      const { site, python } = here();
      const handle = await site("tasks.retry").enqueue({}, celeryOptions({ retries: 2 }));
      expect(await handle.result({ timeout })).toBe(2);
      const runs = `Task tasks.retry[${handle.id}] received`;
      await eventually(() => expect(python.said().split(runs)).toHaveLength(2));
    });

    test("compression: the same arrives and comes back", async () => {
      const value = "ä\u2028 5 kB ".repeat(600);
      const handle = await here()
        .site("tasks.compressed")
        .enqueue({ value }, celeryOptions({ compression: "zlib" }));
      expect(await handle.result({ timeout })).toEqual({ value, compression: "application/x-gzip" });
    });

    test("a task that runs is ended by cancel(), with its process", async () => {
      const { site, file, linesOf } = here();
      const path = file();
      const handle = await site("tasks.slow").enqueue({ path, seconds: 60 });
      await eventually(() => expect(linesOf(path)).toHaveLength(1));
      expect(await handle.cancel()).toBe(true);
      await expect(handle.result({ timeout })).rejects.toMatchObject({ code: "ERR_TASK_CANCELLED" });
      await eventually(() => expect(() => process.kill(Number(linesOf(path)[0]), 0)).toThrow("ESRCH"));
      // The message is gone: nobody runs it again.
      expect(await (await site("tasks.add").enqueue({ x: 1 })).result({ timeout })).toBe(1);
      expect(linesOf(path)).toHaveLength(1);
    });
  });

  describe("options of a send, Python to TypeScript", () => {
    test.each(["time_limit", "soft_time_limit"])("%s ends the run", async (limit) => {
      const { client, ran } = here();
      const outcome = await client.outcome(`call("ts.hold", kwargs={"note": "${limit}"}, ${limit}=0.3)`);
      expect(outcome).toMatchObject({
        error: "billiard.exceptions.TimeLimitExceeded",
        args: expect.stringContaining("300 ms"),
      });
      expect(ran).toContain(`${limit} aborted`);
    });

    test("tasks run in the order of their priorities, which is the broker's own", async () => {
      const { app, client, ran } = here();
      ran.length = 0;
      for (const priority of [5, 9, 0])
        await client.value(
          `send("ts.note", kwargs={"note": "${priority}"}, queue="ts.order", priority=${priority})`,
        );
      const worker = app.worker({ queues: ["ts.order"], concurrency: 1, watchdog: false });
      try {
        await worker.start();
        await eventually(() => expect(ran).toHaveLength(3));
      } finally {
        await worker.stop();
      }
      expect(ran).toEqual(isRedis ? ["0", "5", "9"] : ["9", "5", "0"]);
    });

    test("ignore_result: nothing is kept of it, nor sent", async () => {
      const { client, ran } = here();
      ran.length = 0;
      const note = (text: string, options: string): string =>
        `send("ts.note", kwargs={"note": "${text}"}${options})`;
      const ignored = (await client.outcome(note("ignored", ", ignore_result=True"))).plain;
      const told = (await client.outcome(note("told", ""))).plain;
      expect(await client.value(`get("${String(told)}")`)).toBe("None");
      await eventually(() => expect(ran.toSorted()).toEqual(["ignored", "told"]));
      if (isRedis) expect(await kept(client, [String(ignored), String(told)])).toBe("[0, 1]");
      else
        expect(await client.outcome(`get("${String(ignored)}", timeout=0.2)`)).toMatchObject({
          error: "celery.exceptions.TimeoutError",
        });
    });

    test("retries: the task is as far as it says", async () => {
      const { client, ran } = here();
      ran.length = 0;
      expect(await client.value('call("ts.later", retries=2)')).toBe("3");
      expect(ran).toEqual(["attempt 3"]);
    });

    test("compression: the same arrives and comes back", async () => {
      const value = '("ä\\u2028 5 kB " * 600)';
      for (const method of ["zlib", "gzip"])
        expect(
          await here().client.value(
            `call("ts.echo", kwargs={"value": ${value}}, compression="${method}") == ${value}`,
          ),
        ).toBe("True");
    });

    test("numbers that JSON.parse would change are exact, by position and by name", async () => {
      const kwargs =
        '{"big": 2**100, "less": -(2**64), "odd": 2**53 + 1, "safe": 2**53 - 1, "nan": math.nan, "inf": math.inf,' +
        ' "minus": -math.inf, "zero": -0.0, "tiny": 5e-324, "list": [2**100, math.nan]}';
      const told = await here().client.outcome(`json.dumps(call("ts.describe", 10**40, kwargs=${kwargs}))`);
      expect(JSON.parse(String(told.plain))).toEqual({
        first: `bigint ${10n ** 40n}`,
        big: `bigint ${2n ** 100n}`,
        less: `bigint ${-(2n ** 64n)}`,
        odd: `bigint ${2n ** 53n + 1n}`,
        safe: `number ${2 ** 53 - 1}`,
        nan: "number NaN",
        inf: "number Infinity",
        minus: "number -Infinity",
        zero: "number -0",
        tiny: "number 5e-324",
        list: `object ${2n ** 100n},NaN`,
      });
    });
  });
}

/** Whether there are keys of results. */
function kept(client: BothWays["client"], ids: readonly string[]): Promise<string> {
  return client.value(
    `[app.backend.client.exists("celery-task-meta-" + id) for id in ${JSON.stringify(ids)}]`,
  );
}
