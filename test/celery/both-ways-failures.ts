/**
 * Every way in which a task can fail in one language, as the other is told of it.
 *
 * @module
 */
import type { Petiole } from "petiole";
import { describe, expect, test } from "vitest";
import { timeout, type BothWays } from "./both-ways-site.ts";

/** An error of that name. */
function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

/** What our task throws; and what Python raises for it, with which arguments. */
const thrown: readonly (readonly [make: () => unknown, error: string, args: string])[] = [
  [() => new Error("plain"), "builtins.Exception", "('plain',)"],
  [() => new TypeError("not a pen"), "builtins.TypeError", "('not a pen',)"],
  [() => new RangeError("out of range"), "builtins.ValueError", "('out of range',)"],
  [() => new SyntaxError("no pen"), "builtins.SyntaxError", "('no pen',)"],
  [() => new ReferenceError("which pen"), "builtins.NameError", "('which pen',)"],
  [() => "pens", "builtins.Exception", `('the handler threw string "pens", which is not an Error',)`],
  // Classes that the engine's option `exceptions` names.
  [() => named("NoPens", "no pens"), "site_app.NoPens", "('no pens',)"],
  // A class inside another is told from a module by a colon alone.
  [() => named("Closed", "on Sundays"), "site_app.Shop.Closed", "('on Sundays',)"],
  [() => named("Shut", "on Sundays"), "celery.exceptions.Closed", "('on Sundays',)"],
  [() => named("Lost", "no class"), "celery.exceptions.Shop.Lost", "('no class',)"],
  // Celery cannot make one of a message alone, and raises what it has.
  [
    () => named("OutOfStock", "no pens"),
    "builtins.Exception",
    `("<class 'site_app.OutOfStock'>(['no pens'])",)`,
  ],
  [() => named("Gone", "no module"), "celery.exceptions.Gone", "('no module',)"],
  // Celery makes up a class.
  [() => named("PenMissing", "ä\u2028"), "celery.exceptions.PenMissing", "('ä\\u2028',)"],
  [() => named("1 pen, please!", "odd"), "celery.backends.base._1_pen__please_", "('odd',)"],
  // Names of what is no exception, or ends whoever raises it, or tells Celery to run it again.
  [() => named("eval", "1 + 1"), "celery.exceptions.eval", "('1 + 1',)"],
  [() => named("SystemExit", "end"), "celery.exceptions.SystemExit", "('end',)"],
  [() => named("WorkerShutdown", "end"), "celery.backends.base.WorkerShutdown", "('end',)"],
  [() => named("Retry", "again"), "celery.backends.base.Retry", "('again',)"],
  [() => named("Evil", "1 + 1"), "celery.backends.base.eval", "('1 + 1',)"],
  [() => named("End", "end"), "celery.backends.base.KeyboardInterrupt", "('end',)"],
];

/** The engine's option. */
export const exceptions = {
  NoPens: "site_app.NoPens",
  OutOfStock: "site_app.OutOfStock",
  Closed: "site_app:Shop.Closed",
  Shut: "site_app.Shop.Closed",
  Lost: "site_app:Shop.Lost",
  Gone: "no_module.Gone",
  Evil: "builtins.eval",
  End: "builtins.KeyboardInterrupt",
};

/** Our tasks. */
export function addFailing(app: Petiole): void {
  app.task("ts.throw", ({ which }: { which: number }) => {
    throw thrown[which]![0]();
  });
  app.task(
    "ts.discarded",
    () => {
      throw new RangeError("not wanted");
    },
    { discardOn: [RangeError] },
  );
}

/** What Python raises, and what its sender here is told of it. */
const raised: readonly {
  readonly task: string;
  readonly kind?: string;
  readonly code?: string;
  readonly message: unknown;
  readonly details: object;
}[] = [
  {
    task: "tasks.raise",
    kind: "chained",
    message: "RuntimeError",
    details: {
      name: "RuntimeError",
      module: "builtins",
      args: [],
      stack: expect.stringMatching(/KeyError: 'missing'[^]*direct cause[^]*RuntimeError/),
    },
  },
  {
    task: "tasks.raise",
    kind: "odd arguments",
    message: `("<class 'object'>", "{1}", "/w==", "2026-01-02", "1.10", "${2n ** 100n}", "NaN", "ä")`,
    details: {
      name: "ValueError",
      args: [
        "<class 'object'>",
        "{1}",
        { __type__: "base64", __value__: "/w==" },
        { __type__: "date", __value__: "2026-01-02" },
        { __type__: "decimal", __value__: "1.10" },
        { __type__: "bigint", __value__: `${2n ** 100n}` },
        { __type__: "number", __value__: "NaN" },
        "ä",
      ],
    },
  },
  {
    task: "tasks.raise",
    kind: "builtins.eval",
    message: "1 + 1",
    details: { name: "eval", module: "builtins", args: ["1 + 1"] },
  },
  {
    task: "tasks.raise",
    kind: "inner class",
    message: "on Sundays",
    details: { name: "Shop.Closed", module: "site_app", args: ["on Sundays"] },
  },
  {
    task: "tasks.raise",
    kind: "no pickle",
    message: "no pens left",
    details: { name: "Stubborn", module: "site_app", args: ["no pens left"] },
  },
  {
    task: "tasks.give_up",
    message: expect.stringMatching(/^Can't retry tasks.give_up\[.*\] args:\(\) kwargs:{}$/),
    details: { name: "MaxRetriesExceededError", module: "celery.exceptions" },
  },
  {
    task: "tasks.soft",
    code: "ERR_TASK_TIMEOUT",
    message: "it ran longer than its time limit (SoftTimeLimitExceeded)",
    details: { name: "SoftTimeLimitExceeded", module: "billiard.exceptions" },
  },
  {
    task: "tasks.lost",
    message: expect.stringMatching(/^Worker exited prematurely: signal 9 \(SIGKILL\)/),
    details: { name: "WorkerLostError", module: "billiard.exceptions" },
  },
];

/** The tests. */
export function testFailures(isRedis: boolean, here: () => BothWays): void {
  describe("failures of TypeScript, in Python", () => {
    test.each(thrown.map(([, error, args], which) => ({ which, error, args })))(
      "$error of $args",
      async ({ which, error, args }) => {
        const outcome = await here().client.outcome(`call("ts.throw", kwargs={"which": ${which}})`);
        expect(outcome).toMatchObject({ error, args });
      },
    );

    test("what was thrown has its stack", async () => {
      const told = await here().client.outcome(
        '(lambda sent: (sent.get(timeout=20, propagate=False), sent.traceback)[1])(AsyncResult(send("ts.throw", kwargs={"which": 1}), app=app))',
      );
      expect(told.plain).toMatch(/^TypeError: not a pen\n +at .*both-ways-failures\.ts/);
    });

    test("what is discarded is revoked, and says why", async () => {
      expect(await here().client.outcome('call("ts.discarded")')).toMatchObject({
        error: "celery.exceptions.TaskRevokedError",
        args: "('not wanted',)",
      });
    });
  });

  describe("failures of Python, in TypeScript", () => {
    // A process that dies: with RabbitMQ Celery needs seconds to hear of it, and nothing of it is the broker's.
    const told = isRedis ? raised : raised.filter(({ task }) => task !== "tasks.lost");
    test.each(told)("$details.name", async ({ task, kind, code = "ERR_TASK_FAILED", message, details }) => {
      const handle = await here()
        .site(task)
        .enqueue(kind === undefined ? {} : { kind });
      await expect(handle.result({ timeout })).rejects.toMatchObject({ code, reason: { message, details } });
    });

    // Celery keeps nothing of these, and tells nobody.
    test.each(["reject", "ignore"])("%s: its sender waits, and the worker goes on", async (kind) => {
      const { site } = here();
      const handle = await site("tasks.raise").enqueue({ kind });
      expect(await (await site("tasks.add").enqueue({ x: 1 })).result({ timeout })).toBe(1);
      await expect(handle.result({ timeout: 50 })).rejects.toMatchObject({ code: "ERR_RESULT_TIMEOUT" });
    });
  });
}
