/** Celery's remote control of our workers, by Celery's own commands, on real brokers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Petiole, type Worker } from "petiole";
import type { Engine } from "petiole/engine";
import { celeryControl, type CeleryControl } from "petiole/engine/celery";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { askCelery, runCelery } from "./control-site.ts";
import { startCeleryWorker, startSiteClient, type CeleryWorker, type SiteClient } from "./site.ts";

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const timeout = 20_000;
// Each command of Celery's is a process that takes seconds to start.
vi.setConfig({ testTimeout: 120_000 });
const me = "mailer@ours";
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`Celery's control on ${kind.name}${skipped}`, () => {
    let broker: RunningBroker;
    let python: CeleryWorker;
    let client: SiteClient;
    let engine: Engine;
    let worker: Worker;
    let app: Petiole;
    let control: CeleryControl;
    const ran: { readonly key: unknown; readonly at: number }[] = [];
    const open = new Map<string, () => void>();
    const aborted: string[] = [];

    beforeAll(async () => {
      broker = await kind.start();
      engine = broker.engine({ hostname: me, tasks: { "ts.note": { positional: ["key"] } } });
      app = new Petiole({ engine, defaults: { queue: "ts", retry: { attempts: 1 } } });
      app.task("ts.note", ({ key }: { key: unknown }) => void ran.push({ key, at: Date.now() }));
      app.task("ts.hold", async ({ key }: { key: string }, job) => {
        ran.push({ key, at: Date.now() });
        job.signal.addEventListener("abort", () => aborted.push(key));
        await new Promise<void>((resolve) => open.set(key, resolve));
      });
      worker = app.worker({ queues: ["ts"], concurrency: 5, watchdog: false, logger: quiet });
      await worker.start();
      control = celeryControl({ broker: broker.source() });
      [python, client] = await Promise.all([
        startCeleryWorker({ ...broker.places, neighbours: true }),
        startSiteClient(broker.places),
      ]);
    }, 60_000);

    afterAll(async () => {
      for (const end of open.values()) end();
      await control?.close();
      await worker?.stop({ timeout: 0 });
      await engine?.close();
      await Promise.all([client?.stop(), python?.stop()]);
      await broker?.close();
    }, 60_000);

    const keys = (): unknown[] => ran.map(({ key }) => key);
    const send = async (call: string): Promise<string> =>
      (await client.outcome(`send(${call})`)).plain as string;
    /** By Python's own client, without the seconds that a command of Celery's takes to start. */
    const ask = async (method: string, given: object = {}): Promise<unknown> => {
      const call = `app.control.broadcast("${method}", json.loads(${JSON.stringify(JSON.stringify(given))}), ["${me}"], reply=True, timeout=20)`;
      const { plain, error, trace } = await client.outcome(`json.dumps(${call}[0]["${me}"])`);
      if (error !== undefined) throw new Error(trace);
      return JSON.parse(plain as string);
    };
    const began = (key: string): Promise<void> =>
      expect.poll(keys, { timeout: 10_000 }).toContain(key) as unknown as Promise<void>;

    test("ping and status show us beside Python's worker", async () => {
      const answers = await askCelery(broker.places, ["inspect", "ping"]);
      expect(answers[me]).toEqual({ ok: "pong" });
      expect(Object.keys(answers)).toHaveLength(2);
      const { out } = await runCelery(broker.places, ["status", "--timeout", "2"]);
      expect(out).toMatch(/mailer@ours.*OK/);
      expect(out).toContain("2 nodes online");
    });

    test("a Python worker that starts beside us finds us, and hears our heart", async () => {
      expect(python.said()).toMatch(/mingle: sync with 1 nodes/);
      // Two of our heart's beats later.
      await new Promise((resolve) => setTimeout(resolve, 4500));
      expect(python.said()).not.toMatch(/Traceback|ERROR/);
    });

    test("registered, stats, active_queues, conf, report and clock tell what we are", async () => {
      expect((await askCelery(broker.places, ["inspect", "-d", me, "registered"]))[me]).toEqual([
        "ts.hold",
        "ts.note",
      ]);
      expect((await askCelery(broker.places, ["inspect", "-d", me, "stats"]))[me]).toMatchObject({
        pid: process.pid,
        pool: { "max-concurrency": 5, processes: [process.pid] },
        broker: { transport: kind.name === "Redis" ? "redis" : "amqp" },
      });
      expect(await ask("active_queues")).toMatchObject([
        { name: "ts", routing_key: "ts", exchange: { name: "ts", type: "direct" } },
      ]);
      expect(await ask("conf")).toMatchObject({
        timezone: "UTC",
      });
      expect(await ask("report")).toMatchObject({
        ok: expect.stringContaining("petiole"),
      });
      expect(await ask("clock")).toEqual({
        clock: expect.any(Number),
      });
    });

    test("active and query_task show what runs, scheduled what waits for its time", async () => {
      const id = await send('"ts.hold", kwargs={"key": "shown", "n": 2**60, "t": "ä"}');
      const later = await send('"ts.note", "later", countdown=600');
      await began("shown");
      const info = {
        id,
        name: "ts.hold",
        type: "ts.hold",
        args: [],
        hostname: me,
        acknowledged: false,
        worker_pid: process.pid,
        time_start: expect.closeTo(Date.now() / 1000, -2),
        delivery_info: { routing_key: "ts", redelivered: false },
      };
      const active = await askCelery(broker.places, ["inspect", "-d", me, "active"]);
      expect(active[me]).toMatchObject([info]);
      expect(await client.value(`app.control.inspect(timeout=2).active()["${me}"][0]["kwargs"]`)).toBe(
        "{'key': 'shown', 'n': 1152921504606846976, 't': 'ä'}",
      );
      expect(
        await client.value(`app.control.inspect(timeout=2).active(safe=True)["${me}"][0]["kwargs"]`),
      ).toContain("'shown'");
      expect(await ask("query_task", { ids: [id, later] })).toMatchObject({
        [id]: ["active", { id }],
        [later]: ["reserved", { id: later }],
      });
      await expect
        .poll(async () => await ask("scheduled"), {
          timeout: 10_000,
        })
        .toMatchObject([
          { eta: expect.stringMatching(/^20..-.*\+00:00$/), request: { id: later, args: ["later"] } },
        ]);
      open.get("shown")!();
      await client.value(`app.control.revoke("${later}")`);
      expect(await client.outcome(`get("${later}")`)).toMatchObject({
        error: "celery.exceptions.TaskRevokedError",
      });
    });

    test("control revoke keeps a task from running, and is known by inspect revoked", async () => {
      const id = await client.value("str(uuid.uuid4())").then((text) => text.slice(1, -1));
      const answers = await askCelery(broker.places, ["control", "-d", me, "revoke", id]);
      expect(answers[me]).toEqual({ ok: `tasks ${id} flagged as revoked` });
      await send(`"ts.note", "revoked", task_id="${id}"`);
      await client.value('call("ts.note", "after")');
      expect(keys()).toContain("after");
      expect(keys()).not.toContain("revoked");
      expect(await ask("revoked")).toContain(id);
    });

    test("control terminate stops what runs", async () => {
      const id = await send('"ts.hold", kwargs={"key": "terminated"}');
      await began("terminated");
      expect(await ask("terminate", { signal: "SIGTERM", task_id: [id] })).toEqual({
        ok: `terminate: ${id}`,
      });
      await expect.poll(() => aborted).toContain("terminated");
      expect(await client.outcome(`get("${id}")`)).toMatchObject({
        error: "celery.exceptions.TaskRevokedError",
      });
      const unknown = await ask("terminate", { signal: "SIGTERM", task_id: "nobody" });
      expect(unknown).toEqual({ ok: "terminate: tasks unknown" });
    });

    test("revoke_by_stamped_headers keeps stamped tasks from running, and terminates one that runs", async () => {
      const stamped = (key: string, stamp: string): string =>
        `globals().update(r=signature("ts.hold", kwargs={"key": "${key}"}).set(` +
        `queue="ts", stamped_headers=["tenant"], tenant="${stamp}").apply_async(stamped_headers=["tenant"], ` +
        `headers={"stamped_headers": ["tenant"], "stamps": {"tenant": "${stamp}"}}))`;
      await client.value(stamped("stamped", "acme"));
      await began("stamped");
      const answer = await client.value(
        'app.control.revoke_by_stamped_headers({"tenant": ["acme"]}, terminate=True, reply=True, timeout=2)',
      );
      expect(answer).toMatch(/'mailer@ours': {'ok': 'headers .*revoked'}/);
      await expect.poll(() => aborted, { timeout: 5000 }).toContain("stamped");
      await client.value(stamped("stamped too", "acme"));
      await client.value(stamped("other", "globex"));
      await began("other");
      expect(keys()).not.toContain("stamped too");
      open.get("other")!();
    });

    test("a destination, or a pattern, that is not ours is not ours", async () => {
      const asked = async (more: string): Promise<string[]> =>
        JSON.parse(
          (
            await client.outcome(
              `json.dumps(sorted(k for r in app.control.broadcast("ping", reply=True, timeout=1, ${more}) for k in r))`,
            )
          ).plain as string,
        ) as string[];
      expect(await asked(`destination=["${me}"]`)).toEqual([me]);
      expect(await asked('destination=["nobody@ours"]')).toEqual([]);
      expect(await asked('pattern="mail*@our[s-z]", matcher="glob"')).toEqual([me]);
      expect(await asked('pattern="*@test", matcher="glob"')).not.toContain(me);
      expect(await asked(String.raw`pattern=r"mailer@\w+$", matcher="pcre"`)).toEqual([me]);
      expect(await asked('pattern="(a+)+$", matcher="pcre"')).not.toContain(me);
    });

    test("a rate limit holds back what is over it, loses nothing, and is undone by 0", async () => {
      ran.length = 0;
      expect(
        (await askCelery(broker.places, ["control", "-d", me, "rate_limit", "ts.note", "2/s"]))[me],
      ).toEqual({
        ok: "new rate limit set successfully",
      });
      await client.value('[send("ts.note", i) for i in range(4)]');
      await expect.poll(keys, { timeout: 10_000 }).toHaveLength(4);
      // RabbitMQ does not promise their order.
      expect(keys().toSorted()).toEqual([0, 1, 2, 3]);
      // Half a second apart, as far as a machine that has much to do lets them begin in time.
      expect(ran.at(-1)!.at - ran[0]!.at).toBeGreaterThan(1000);
      await client.value('app.control.rate_limit("ts.note", "1/h")');
      expect((await askCelery(broker.places, ["inspect", "-d", me, "registered"]))[me]).toContain(
        "ts.note [rate_limit=1/h]",
      );
      await client.value('[send("ts.note", 100 + i) for i in range(40)]');
      // Others are not held back: also behind more of them than are held.
      await expect
        .poll(async () => ((await ask("reserved")) as unknown[]).length, { timeout: 10_000 })
        .toBeGreaterThan(10);
      expect(keys().length).toBeLessThan(6);
      expect(await ask("rate_limit", { task_name: "ts.note", rate_limit: "0" })).toEqual({
        ok: "rate limit disabled successfully",
      });
      await expect.poll(() => new Set(keys()).size, { timeout: 10_000 }).toBe(44);
      expect(keys()).toHaveLength(44);
      expect(await ask("rate_limit", { task_name: "ts.note", rate_limit: "often" })).toMatchObject({
        error: expect.stringContaining("Invalid rate limit"),
      });
      expect(await ask("rate_limit", { task_name: "ts.unknown", rate_limit: "1/s" })).toEqual({
        error: "unknown task",
      });
    });

    test("time_limit ends a run, and is undone", async () => {
      const answer = await ask("time_limit", { task_name: "ts.hold", soft: 0.3, hard: 0.5 });
      expect(answer).toEqual({ ok: "time limits set successfully" });
      expect(await client.outcome('call("ts.hold", kwargs={"key": "long"})')).toMatchObject({
        error: expect.stringContaining("TimeLimitExceeded"),
      });
      await client.value('app.control.time_limit("ts.hold", reply=True, timeout=1)');
      const id = await send('"ts.hold", kwargs={"key": "longer"}');
      await began("longer");
      await new Promise((resolve) => setTimeout(resolve, 700));
      open.get("longer")!();
      expect(await client.value(`get("${id}")`)).toBe("None");
    });

    test("add_consumer and cancel_consumer change the queues", async () => {
      expect(await ask("add_consumer", { queue: "ts2" })).toEqual({
        ok: "add consumer ts2",
      });
      await send('"ts.note", "by the other queue", queue="ts2"');
      await began("by the other queue");
      expect(await ask("cancel_consumer", { queue: "ts2" })).toEqual({
        ok: "no longer consuming from ts2",
      });
      await send('"ts.note", "nobody takes it", queue="ts2"');
      await client.value('call("ts.note", "meanwhile")');
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(keys()).not.toContain("nobody takes it");
      await ask("add_consumer", { queue: "ts2" });
      await began("nobody takes it");
    });

    test("what is not done is refused with a reason, and unknown methods are", async () => {
      for (const [method, told] of [
        ["pool_grow", "app.worker({ concurrency })"],
        ["pool_shrink", "app.worker({ concurrency })"],
        ["autoscale", "app.worker({ concurrency })"],
        ["pool_restart", "restart its process"],
        ["make_coffee", "unknown control command"],
        ["constructor", "unknown control command"],
        ["__proto__", "unknown control command"],
      ] as const) {
        const answer = await client.value(
          `app.control.broadcast("${method}", destination=["${me}"], reply=True, timeout=2)`,
        );
        expect(answer, method).toContain("'error'");
        expect(answer).toContain(told);
      }
    });

    test("a Python worker that starts learns from us what was revoked", async () => {
      await client.value(
        'app.control.revoke("learned-of", destination=["mailer@ours"], reply=True, timeout=2)',
      );
      const hello = await client.value(
        `app.control.inspect(timeout=2, destination=["${me}"]).hello("x@y", {"told": [1.5, "told"]})`,
      );
      expect(hello).toContain("'learned-of'");
      expect(
        await client.value(
          `(lambda s: (s.update(app.control.inspect(timeout=2, destination=["${me}"]).hello("x@y", None)["${me}"]["revoked"]), ` +
            `"learned-of" in s and "told" in s)[1])(__import__("celery.utils.collections").utils.collections.LimitedSet(maxlen=100, expires=10800))`,
        ),
      ).toBe("True");
    });

    describe("our client", () => {
      test("asks Python's workers and ours together", async () => {
        const pong = await control.ping();
        expect([...pong.replies.values()]).toEqual(["pong", "pong"]);
        expect(pong.replies.get(me)).toBe("pong");
        expect(pong.ignored).toBe(0);
        const theirs = [...pong.replies.keys()].find((name) => name !== me);
        const registered = (await control.registered({ destination: [theirs!] })).replies.get(theirs!);
        expect(registered).toContain("tasks.add");
        const stats = (await control.stats()).replies;
        expect(stats.get(theirs!)).toMatchObject({ pid: python.pid, concurrency: 1 });
        expect(stats.get(me)).toMatchObject({ pid: process.pid, concurrency: 5 });
        expect(stats.get(me)!.total["ts.note"]).toBeGreaterThan(0);
        const only = await control.ping({ pattern: "mailer@*" });
        expect([...only.replies.keys()]).toEqual([me]);
      });

      test("sees what waits in both, and revokes it there", async () => {
        const theirs = await send(
          '"tasks.echo", kwargs={"value": {"a": [1.5]}}, queue="celery", countdown=600',
        );
        const ours = await send('"ts.note", "not now", countdown=600');
        const waiting = async (): Promise<string[]> =>
          [...(await control.scheduled()).replies.values()].flatMap((all) =>
            all.map(({ request }) => request.id),
          );
        await expect.poll(waiting, { timeout: 10_000 }).toEqual(expect.arrayContaining([theirs, ours]));
        const scheduled = [...(await control.scheduled()).replies.values()].flat();
        expect(scheduled.find(({ request }) => request.id === theirs)).toMatchObject({
          runAt: expect.closeTo(Date.now() + 600_000, -5),
          request: { task: "tasks.echo", kwargs: { value: { a: [1.5] } } },
        });
        const told = await control.revoke([theirs, ours], { timeout: 2000 });
        expect(told.replies.size).toBe(2);
        // By rpc, Python's worker tells it when their time has come.
        for (const id of kind.name === "Redis" ? [theirs, ours] : [ours])
          expect(await client.outcome(`get("${id}")`)).toMatchObject({
            error: "celery.exceptions.TaskRevokedError",
          });
      });

      test("revokes by stamp what Python has sent, in Python's worker and in ours", async () => {
        await control.revokeByStamps({ batch: ["b1", 7] }, { timeout: 2000 });
        const stamped = (task: string, queue: string): string =>
          `app.send_task("${task}", queue="${queue}", headers={"stamped_headers": ["batch"], ` +
          `"stamps": {"batch": ["b0", "b1"]}}).get(timeout=10)`;
        for (const [task, queue] of [
          ["tasks.add", "celery"],
          ["ts.note", "ts"],
        ] as const)
          expect(await client.outcome(stamped(task, queue))).toMatchObject({
            error: "celery.exceptions.TaskRevokedError",
          });
      });

      test("limits Python's worker's rate, and hears why another cannot", async () => {
        const told = await control.rateLimit("tasks.add", "100/s");
        expect([...told.replies.values()]).toEqual(["new rate limit set successfully"]);
        expect(told.errors.get(me)).toBe("unknown task");
        const unheard = await control.broadcast("make_coffee", { strong: true }, { destination: [me] });
        expect(unheard.errors.get(me)).toContain("unknown control command");
        // Nobody is waited for.
        expect((await control.ping({ timeout: 0 })).replies.size).toBe(0);
      });

      test("refuses what cannot be asked", async () => {
        const refused = { code: "ERR_OPTION_INVALID" };
        for (const wrong of [
          { destination: [] },
          { destination: "x" },
          { pattern: 7 },
          { matcher: "regex" },
          { timeout: -1 },
          { limit: 0 },
        ])
          await expect(control.ping(wrong as never), JSON.stringify(wrong)).rejects.toMatchObject(refused);
        expect(() => control.rateLimit("x", "often")).toThrow(expect.objectContaining(refused));
        expect(() => control.revoke([7] as never)).toThrow(expect.objectContaining(refused));
        expect(() => control.revokeByStamps({})).toThrow(expect.objectContaining(refused));
        expect(() => control.revokeByStamps({ a: [{}] } as never)).toThrow(expect.objectContaining(refused));
        expect(() => celeryControl({ broker: 7 } as never)).toThrow(expect.objectContaining(refused));
        const closed = celeryControl({ broker: broker.source() });
        await closed.close();
        await expect(closed.ping()).rejects.toMatchObject({ code: "ERR_ENGINE_CLOSED" });
      });
    });

    test("shutdown is a warm stop: what runs may finish", async () => {
      const own = broker.engine({ hostname: "leaver@ours" });
      const leaving = new Petiole({ engine: own, defaults: { queue: "leaving" } });
      const end = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      leaving.task("ts.last", async () => {
        begun.resolve();
        await end.promise;
        return "finished";
      });
      const worker = leaving.worker({ queues: ["leaving"], watchdog: false, logger: quiet });
      await worker.start();
      const id = await send('"ts.last", queue="leaving"');
      await begun.promise;
      expect(
        (await askCelery(broker.places, ["control", "-d", "leaver@ours", "shutdown"]))["leaver@ours"],
      ).toEqual({
        ok: "shutting down: what runs may finish",
      });
      let hasStopped = false;
      const stopped = worker.stopped.then(() => (hasStopped = true));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(hasStopped).toBe(false);
      end.resolve();
      await stopped;
      expect(await client.value(`get("${id}", timeout=${timeout / 1000})`)).toBe("'finished'");
      expect(Object.keys(await askCelery(broker.places, ["inspect", "ping"]))).not.toContain("leaver@ours");
      await own.close();
    });

    test("petiole worker ends when it is told to shut down", async () => {
      const child = spawn(process.execPath, [main, "worker", `${import.meta.dirname}/command-line-app.ts`], {
        env: { ...process.env, BROKER: broker.places.broker },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "exit");
      try {
        await expect
          .poll(() => client.value('call("cli.add", kwargs={"x": 1, "y": 2}, queue="cli")'), {
            timeout: 20_000,
          })
          .toBe("3");
        const told = await control.shutdown({ destination: ["cli@ours"], timeout: 10_000 });
        expect(told.replies.get("cli@ours")).toContain("what runs may finish");
        expect(await ended).toEqual([0, null]);
      } finally {
        child.kill("SIGKILL");
      }
    });
  });
}
