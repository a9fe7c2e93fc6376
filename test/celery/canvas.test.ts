/** Canvas built in TypeScript, run by Python, by TypeScript, and by both: on real brokers, with Celery as it is. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Petiole, type Worker } from "petiole";
import { celeryOptions, chain, chord, chunks, group, signature, stampsOf } from "petiole/engine/celery";
import { memory } from "petiole/engine/memory";
import type { Engine } from "petiole/engine";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { startCeleryWorker, type CeleryWorker } from "./site.ts";

const timeout = 15_000;
const folder = mkdtempSync(join(tmpdir(), "petiole-canvas-"));
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

afterAll(() => rmSync(folder, { recursive: true }));

/** What Python has written, in the order of the alphabet. */
const linesOf = (path: string): readonly string[] =>
  existsSync(path) ? readFileSync(path, "utf8").trim().split("\n").toSorted() : [];

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  const isRedis = kind.name === "Redis";
  describe.skipIf(kind.missing !== undefined)(`canvas of TypeScript's on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let python: CeleryWorker;
    let engine: Engine;
    let worker: Worker;
    let tasks: ReturnType<typeof makeTasks>;
    const noted: unknown[] = [];
    const seen: Record<string, unknown> = {};

    /** The same tasks in both languages. */
    const makeTasks = (app: Petiole) => {
      const sum = (list: readonly number[]): number => list.reduce((all, each) => all + each, 0);
      const inPython = { queue: "celery" };
      return {
        app,
        add: app.task("ts.add", ({ x, y = 0 }: { x: number; y?: number }) => x + y),
        double: app.task("ts.double", (x: number) => 2 * x),
        sum: app.task("ts.sum", sum),
        echo: app.task("ts.echo", (value: unknown) => value),
        tags: app.task("ts.tags", (_: unknown) => ({ ...seen })),
        fail: app.task("ts.fail", (_: unknown): number => {
          throw new RangeError("bang");
        }),
        note: app.task("ts.note", (what: unknown) => void noted.push(what)),
        padd: app.task<{ x: number; y?: number }, number>("tasks.add", inPython),
        psum: app.task<readonly number[], number>("tasks.sum", inPython),
        pecho: app.task<unknown, unknown>("tasks.echo", inPython),
        pfail: app.task<{ kind: string }, number>("tasks.fail", inPython),
        pinc: app.task<number, number>("tasks.inc", inPython),
        stamps: app.task<unknown, object>("tasks.stamps", inPython),
        stamped: app.task("ts.stamped", (_: unknown, job) => stampsOf(job)),
        noteStamps: app.task("ts.noteStamps", (_: unknown, job) => void noted.push(stampsOf(job))),
        request: app.task<unknown, object>("tasks.request", inPython),
      };
    };

    beforeAll(async () => {
      broker = await kind.start();
      python = await startCeleryWorker(broker.places);
      engine = broker.engine({ tasks: { "tasks.pair": { positional: ["x", "y"] } } });
      tasks = makeTasks(new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } }));
      tasks.app.use({
        run({ job, headers }, next) {
          if (job.task === "ts.tags") Object.assign(seen, headers);
          return next();
        },
      });
      worker = tasks.app.worker({ queues: ["ts"], watchdog: false, logger: quiet, concurrency: 4 });
      await worker.start();
    }, 60_000);

    afterAll(async () => {
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await python?.stop();
      await broker?.close();
    }, 60_000);

    test("a chain run by TypeScript, by Python, and by both", async () => {
      const { app, add, padd, double, pinc } = tasks;
      const ours = await chain(add, double, double).enqueue(app, { x: 1, y: 2 });
      expect(await ours.result({ timeout })).toBe(12);
      expect(ours.tasks).toHaveLength(3);
      expect(await ours.tasks[0]!.result()).toBe(3);
      const theirs = await chain(padd.signature({ x: 1, y: 2 }), pinc, pinc).enqueue(app);
      expect(await theirs.result({ timeout })).toBe(5);
      const both = await chain(padd, double, pinc, double).enqueue(app, { x: 1, y: 2 });
      expect(await both.result({ timeout })).toBe(14);
    });

    test("a task by its name, after its own arguments' predecessor; a signature does not look at that", async () => {
      const { app, double, add } = tasks;
      const named = await chain(double, { task: "tasks.add", args: [10] }, double).enqueue(app, 1);
      expect(await named.result({ timeout })).toBe(24);
      const own = await chain(double, add.signature({ x: 5 }), {
        task: "tasks.add",
        args: [7],
        immutable: true,
      }).enqueue(app, 1);
      expect(await own.result({ timeout })).toBe(7);
      expect(await own.tasks[1]!.result()).toBe(5);
    });

    test("a group, also at the end of a chain, and groups in it", async () => {
      const { app, double, pinc } = tasks;
      const both = await group(double.signature(4), pinc.signature(4)).enqueue(app);
      expect(await both.result({ timeout })).toEqual([8, 5]);
      const end = await chain(double, group(double, pinc, group(pinc))).enqueue(app, 4);
      expect(await end.result({ timeout })).toEqual([16, 9, [9]]);
      const empty = group();
      await expect(empty.enqueue(app)).rejects.toMatchObject({ code: "ERR_OPTION_INVALID" });
    });

    test("payloads of all kinds, headers and options of each step", async () => {
      const { app, echo, pecho, tags } = tasks;
      const value = { at: new Date(0), bytes: new Uint8Array([0, 255]), list: [1, null, "ä"] };
      const handle = await chain(echo, pecho, echo).enqueue(app, value);
      expect(await handle.result({ timeout })).toEqual(value);
      const tagged = await chain(
        echo.signature(1, { headers: { own: "1", ...celeryOptions({ timeLimit: 60_000 }).headers } }),
        tags.with({ headers: { own: "2" }, delay: 300 }),
      ).enqueue(app, undefined, { headers: { tenant: "ada" } });
      expect(await tagged.result({ timeout })).toMatchObject({ tenant: "ada", own: "2" });
    });

    test("what only Celery has, of each step", async () => {
      const { app, double, pinc, request } = tasks;
      const only = celeryOptions({
        priority: 3,
        retries: 2,
        timeLimit: 60_000,
        softTimeLimit: 30_000,
        shadow: "shown",
        headers: { tenant: "ada" },
      });
      const told = { priority: 3, retries: 2, timelimit: [60, 30], shadow: "shown", tenant: "ada" };
      // What begins, what TypeScript sends, what Python sends.
      for (const before of [[], [double.signature(1)], [pinc.signature(1)]])
        expect(
          await (await chain(...(before as []), request.signature(1, only)).enqueue(app)).result({ timeout }),
        ).toEqual(told);
    });

    test("stamps are seen by both languages, on what is linked, too", async () => {
      const { app, double, pinc, stamps, stamped, noteStamps } = tasks;
      noted.length = 0;
      const marks = { tenant: "ada", numbers: [1, 2], deep: { a: null } };
      for (const before of [double, pinc])
        for (const reader of [stamps, stamped]) {
          const handle = await chain(before, reader).link(noteStamps).stamp(marks).enqueue(app, 1);
          expect(await handle.result({ timeout })).toEqual(marks);
        }
      await expect.poll(() => noted, { timeout }).toEqual([marks, marks, marks, marks]);
      expect(await (await chain(double, stamped).enqueue(app, 1)).result({ timeout })).toEqual({});
    });

    test("links and error links, of both languages", async () => {
      const { app, double, note, fail, pfail } = tasks;
      noted.length = 0;
      const linked = await chain(double, double).link(note).linkError(note).enqueue(app, 1);
      expect(await linked.result({ timeout })).toBe(4);
      await expect.poll(() => noted, { timeout }).toEqual([4]);
      noted.length = 0;
      const failed = await chain(double, fail, double).linkError(note).enqueue(app, 1);
      await expect(failed.result({ timeout })).rejects.toMatchObject({
        code: "ERR_TASK_FAILED",
        reason: { message: "bang" },
      });
      await expect.poll(() => noted, { timeout }).toEqual([failed.tasks[1]!.id]);
      noted.length = 0;
      const theirs = await chain(pfail.signature({ kind: "key" }), double)
        .linkError(signature(note))
        .enqueue(app);
      await expect(theirs.result({ timeout })).rejects.toMatchObject({
        reason: { details: { name: "KeyError" } },
      });
      await expect.poll(() => noted, { timeout }).toEqual([theirs.tasks[0]!.id]);
    });

    test("a link that Python runs gets the result before its own arguments, unless it is immutable", async () => {
      const { app, echo, pecho } = tasks;
      for (const [name, task] of Object.entries({ ours: echo, theirs: pecho })) {
        const path = join(folder, `${kind.name} ${name}`);
        const handle = await signature(
          task.signature(path, celeryOptions({ link: [{ task: "tasks.record", args: ["option"] }] })),
        )
          .link({ task: "tasks.record", args: ["result"] })
          .link({ task: "tasks.record", args: [path, "immutable"], immutable: true })
          .enqueue(app);
        expect(await handle.result({ timeout })).toBe(path);
        await expect.poll(() => linesOf(path), { timeout }).toEqual(["immutable", "option", "result"]);
      }
    });

    test("an error link that Python runs gets the id; only where Python has failed, the exception too", async () => {
      const { app, fail, pfail } = tasks;
      for (const failing of [fail.signature(1), pfail.signature({ kind: "key" })]) {
        const isOurs = failing.task === fail;
        const path = join(folder, `${kind.name} ${isOurs ? "our" : "their"} failure`);
        const kwargs = { path };
        const handle = await signature(failing)
          .linkError({ task: "tasks.record", args: [path, "immutable"], immutable: true })
          .linkError({ task: "tasks.failed", kwargs })
          .linkError({ task: "tasks.report", kwargs })
          .linkError({ task: "tasks.on_error", kwargs })
          .enqueue(app);
        await expect(handle.result({ timeout })).rejects.toMatchObject({ code: "ERR_TASK_FAILED" });
        const { id } = handle.tasks[0]!;
        const lines = isOurs
          ? [`failed ${id}`, "immutable", `report ${id} None`]
          : [
              `failed ${id}`,
              "immutable",
              `on_error ${id} KeyError('missing')`,
              `report ${id} KeyError('missing')`,
            ];
        await expect.poll(() => linesOf(path), { timeout }).toEqual(lines);
        if (isOurs)
          await expect
            .poll(() => python.said(), { timeout })
            .toContain("on_error() missing 2 required positional arguments: 'exc' and 'traceback'");
      }
    });

    test("chunks are run by Python", async () => {
      const { app, padd, pinc } = tasks;
      const named = await chunks(
        { task: "tasks.add" },
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        2,
      ).enqueue(app);
      expect(await named.result({ timeout })).toEqual([[3, 7], [11]]);
      const typed = await chunks(pinc, [1, 2, 3], 2).enqueue(app);
      expect(await typed.result({ timeout })).toEqual([[2, 3], [4]]);
      await expect(chunks(padd, [{ x: 1, y: 2 }], 2).enqueue(app)).rejects.toThrow(/positional/);
    });

    test("what cannot be is refused before anything is sent", async () => {
      const { app, double, note } = tasks;
      expect(() => (chain as () => unknown)()).toThrow(/at least one step/);
      expect(() => chain(5 as never)).toThrow(/chain\(\): step 0 must be a task.*number 5/);
      expect(() => chain({ task: "" })).toThrow(/step 0\.task must be a task's name/);
      expect(() => chain({ task: "a", arguments: [] } as never)).toThrow(
        /task, args, kwargs, immutable, queue/,
      );
      expect(() => group(double).link(note)).toThrow(/Make a chord of it/);
      expect(() => signature(double).stamp({ queue: "x" })).toThrow(/no option for.*queue/);
      expect(() => chunks({ task: "a" }, [[1]], 0)).toThrow(/from 1 on/);
      const chained = celeryOptions({ chain: [{ task: "a" }] });
      for (const canvas of [
        chain(double, double.with(chained)),
        chain({ task: "a" }),
        chunks({ task: "a" }, [[1]], 1),
      ])
        await expect(
          canvas.enqueue(app, undefined as never, { headers: chained.headers }),
        ).rejects.toMatchObject({
          code: "ERR_OPTION_INVALID",
          message: expect.stringMatching(/^canvas.* must be a task whose celeryOptions have no chain/),
        });
      await expect(chain(double, double.with(chained)).enqueue(app, 1)).rejects.toThrow(
        /^canvas\.steps\[1\] must be/,
      );
      await expect(chain({ task: "a", args: [new Map()] }).enqueue(app)).rejects.toMatchObject({
        code: "ERR_PAYLOAD_REFUSED",
        message: expect.stringContaining("canvas.steps[0].args[0]"),
      });
      await expect(chain(double).enqueue({} as never, 1)).rejects.toThrow(/given the app first/);
      const other = new Petiole({ engine, defaults: { queue: "ts" } });
      await expect(chain(double).enqueue(other, 1)).rejects.toThrow(/a task of this app/);
      const elsewhere = new Petiole({ engine: memory() });
      await expect(chain(elsewhere.task("a", (x: number) => x)).enqueue(elsewhere, 1)).rejects.toMatchObject({
        code: "ERR_ENGINE_UNSUPPORTED",
      });
      await elsewhere.close();
    });

    test.skipIf(isRedis)("chords are refused where results go by rpc", async () => {
      const { app, double, sum } = tasks;
      await expect(chord([double.signature(1)], sum).enqueue(app)).rejects.toMatchObject({
        code: "ERR_ENGINE_UNSUPPORTED",
        message: expect.stringContaining("results: redis"),
      });
    });

    describe.skipIf(!isRedis)("chords (which need results in Redis)", () => {
      test("run by TypeScript, by Python, and by both", async () => {
        const { app, double, pinc, sum, psum, echo } = tasks;
        const ours = await chord(
          [1, 2, 3].map((each) => double.signature(each)),
          sum,
        ).enqueue(app);
        expect(await ours.result({ timeout })).toBe(12);
        expect(ours.tasks).toHaveLength(4);
        const theirs = await chord([pinc.signature(1), pinc.signature(2)], psum).enqueue(app);
        expect(await theirs.result({ timeout })).toBe(5);
        const both = await chord([double, pinc, double, pinc], echo).enqueue(app, 5);
        expect(await both.result({ timeout })).toEqual([10, 6, 10, 6]);
        const one = await chord([double.signature(1)], echo).enqueue(app);
        expect(await one.result({ timeout })).toEqual([2]);
        const none = await chord([], echo).enqueue(app);
        expect(await none.result({ timeout })).toEqual([]);
      });

      test("in a chain, of groups that something follows, nested, and re-nested", async () => {
        const { app, double, pinc, sum, psum, echo } = tasks;
        const inChain = await chain(pinc, group(double, pinc), sum, pinc, double).enqueue(app, 1);
        expect(await inChain.result({ timeout })).toBe(16);
        const single = await chain(double, group(double), echo).enqueue(app, 1);
        expect(await single.result({ timeout })).toEqual([4]);
        const twice = await chain(double, group(double, pinc), group(sum, psum), echo).enqueue(app, 1);
        expect(await twice.result({ timeout })).toEqual([7, 7]);
        const nested = await chord([chord([double, pinc], sum), chain(pinc, double)], echo).enqueue(app, 1);
        expect(await nested.result({ timeout })).toEqual([4, 4]);
        const renested = await chord([chain(pinc, group(double, pinc)), double], echo).enqueue(app, 1);
        expect(await renested.result({ timeout })).toEqual([[4, 3], 2]);
        const asBody = await chord([double, pinc], chain(sum, group(double, pinc))).enqueue(app, 1);
        expect(await asBody.result({ timeout })).toEqual([8, 5]);
      });

      test("a part that fails fails the body, what follows it, and tells its error links", async () => {
        const { app, double, fail, pfail, pinc, sum, note } = tasks;
        noted.length = 0;
        const ours = await chain(chord([double, fail, pinc], sum), double)
          .linkError(note)
          .enqueue(app, 1);
        await expect(ours.result({ timeout })).rejects.toMatchObject({
          code: "ERR_TASK_FAILED",
          reason: {
            message: `Dependency ${ours.tasks[1]!.id} raised ValueError('bang')`,
            details: { name: "ChordError" },
          },
        });
        await expect.poll(() => new Set(noted), { timeout }).toEqual(new Set([ours.id]));
        const theirs = await chord([pfail.signature({ kind: "key" }), pinc.signature(1)], sum).enqueue(app);
        await expect(theirs.result({ timeout })).rejects.toMatchObject({
          reason: { message: expect.stringContaining("KeyError('missing')") },
        });
        const outer = await chord([chord([fail, double], sum), double], sum).enqueue(app, 1);
        await expect(outer.result({ timeout })).rejects.toMatchObject({
          reason: { details: { name: "ChordError" } },
        });
      });

      test("a part that is called off fails the body", async () => {
        const { app, double, sum } = tasks;
        const handle = await chord([double.signature(1, { delay: "1m" }), double.signature(1)], sum).enqueue(
          app,
        );
        await handle.tasks[0]!.cancel();
        await expect(handle.result({ timeout })).rejects.toMatchObject({
          reason: { message: expect.stringContaining("TaskRevokedError(") },
        });
      });

      test("a chain in a part that is called off fails the body", async () => {
        const { app, double, sum } = tasks;
        const part = chain(double.signature(1, { delay: "1m" }), double);
        const handle = await chord([part, double.signature(1)], sum).enqueue(app);
        await handle.tasks[0]!.cancel();
        await expect(handle.tasks[1]!.result({ timeout })).rejects.toMatchObject({
          code: "ERR_TASK_CANCELLED",
        });
        await expect(handle.result({ timeout })).rejects.toMatchObject({
          reason: { message: expect.stringContaining("TaskRevokedError(") },
        });
      });

      test("middleware runs for what has its payload, and its headers travel", async () => {
        const { tags } = tasks;
        const sender = new Petiole({ engine, defaults: { queue: "ts" } });
        sender.use({
          async enqueue({ headers, task }, next) {
            headers["by"] = task;
            await next();
          },
        });
        const own = sender.task<unknown, Record<string, unknown>>(tags.name);
        const echo = sender.task<unknown, readonly Record<string, unknown>[]>("ts.echo");
        const [found] = await (await chord([own.signature(1)], echo).enqueue(sender)).result({ timeout });
        expect(found).toMatchObject({ by: tags.name });
      });

      test("chunks that something follows", async () => {
        const { app, pinc, echo } = tasks;
        const handle = await chain(chunks(pinc, [1, 2, 3], 2), echo).enqueue(app);
        expect(await handle.result({ timeout })).toEqual([[2, 3], [4]]);
      });
    });
  });
}
