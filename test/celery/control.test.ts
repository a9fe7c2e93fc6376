/** Celery's remote control of our workers, by Celery's own commands, on real brokers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Petiole } from "petiole";
import type { CeleryControl } from "petiole/engine/celery";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { brokers, type RunningBroker } from "./brokers.ts";
import { clientCases } from "./control-client-cases.ts";
import { ControlNodes, me, pythonBoth, quiet } from "./control-nodes.ts";
import { runCelery } from "./control-site.ts";
import type { CeleryWorker, SiteClient } from "./site.ts";

const timeout = 20_000;
// Each command of Celery's is a process that takes seconds to start.
vi.setConfig({ testTimeout: 120_000 });
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

for (const kind of brokers) {
  const skipped = kind.missing === undefined ? "" : ` (skipped: ${kind.missing})`;
  describe.skipIf(kind.missing !== undefined)(`Celery's control on ${kind.name}${skipped}`, () => {
    let nodes: ControlNodes;
    let broker: RunningBroker;
    let python: CeleryWorker;
    let client: SiteClient;
    let control: CeleryControl;
    let startedAt: number;

    beforeAll(async () => {
      nodes = await ControlNodes.start(kind);
      ({ broker, python, client, control } = nodes);
      startedAt = Date.now();
    }, 60_000);

    afterAll(() => nodes?.close(), 60_000);

    const keys = (): unknown[] => nodes.keys();
    const send = (call: string): Promise<string> => nodes.send(call);
    const ask = (method: string, given?: object): Promise<unknown> => nodes.ask(method, given);
    const began = (key: string): Promise<void> => nodes.began(key);

    test("ping and status show us beside Python's worker", async () => {
      // Both wait for whoever may answer: at the same time.
      const [answers, { out }] = await Promise.all([
        nodes.command(["inspect", "--timeout", "2", "ping"]),
        runCelery(broker.places, ["status", "--timeout", "2"]),
      ]);
      expect(answers[me]).toEqual({ ok: "pong" });
      expect(Object.keys(answers)).toHaveLength(2);
      expect(out).toMatch(/mailer@ours.*OK/);
      expect(out).toContain("2 nodes online");
    });

    test("registered, stats, active_queues, conf, report and clock tell what we are", async () => {
      expect((await nodes.command(["inspect", "-d", me, "registered"]))[me]).toEqual(["ts.hold", "ts.note"]);
      expect((await nodes.command(["inspect", "-d", me, "stats"]))[me]).toMatchObject({
        pid: process.pid,
        pool: { "max-concurrency": 5, processes: [process.pid] },
        broker: { transport: kind.name === "Redis" ? "redis" : "amqp" },
      });
      expect(await ask("active_queues")).toMatchObject([
        { name: "ts", routing_key: "ts", exchange: { name: "ts", type: "direct" }, bindings: [] },
        {
          name: "video",
          routing_key: "media.video",
          exchange: { name: "media", type: "topic" },
          bindings: [{ exchange: { name: "media" }, routing_key: "media.video.#" }],
        },
      ]);
      expect(await ask("conf")).toMatchObject({
        timezone: "UTC",
      });
      expect(await ask("report")).toMatchObject({
        ok: expect.stringContaining("petiole"),
      });
      expect(await ask("memsample")).toMatch(/^\d+MB$/);
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
      const active = await nodes.command(["inspect", "-d", me, "active"]);
      expect(active[me]).toMatchObject([info]);
      expect(
        await client.value(`app.control.inspect(["${me}"], timeout=20).active()["${me}"][0]["kwargs"]`),
      ).toBe("{'key': 'shown', 'n': 1152921504606846976, 't': 'ä'}");
      expect(
        await client.value(
          `app.control.inspect(["${me}"], timeout=20).active(safe=True)["${me}"][0]["kwargs"]`,
        ),
      ).toContain("'shown'");
      expect(await ask("query_task", { ids: [id, later] })).toMatchObject({
        [id]: ["active", { id }],
        [later]: ["reserved", { id: later }],
      });
      await expect
        .poll(async () => await ask("scheduled"))
        .toMatchObject([
          { eta: expect.stringMatching(/^20..-.*\+00:00$/), request: { id: later, args: ["later"] } },
        ]);
      nodes.open.get("shown")!();
      await client.value(`app.control.revoke("${later}")`);
      expect(await client.outcome(`get("${later}")`)).toMatchObject({
        error: "celery.exceptions.TaskRevokedError",
      });
    });

    test("active tells by which exchange a task came", async () => {
      // On Redis a process knows of an exchange's type only where it has declared it.
      await client.value(
        `(lambda it: send("ts.hold", kwargs={"key": "by topic"}, exchange=it, declare=[it], exchange_type=it.type,` +
          ` routing_key="media.video.hd"))(__import__("kombu").Exchange("media", "topic"))`,
      );
      await began("by topic");
      expect(await ask("active")).toMatchObject([
        { delivery_info: { exchange: "media", routing_key: "media.video.hd" } },
      ]);
      const { replies } = await control.active({ destination: [me] });
      expect(replies.get(me)).toMatchObject([{ task: "ts.hold", kwargs: { key: "by topic" } }]);
      expect(replies.get(me)![0]).not.toHaveProperty("queue");
      nodes.open.get("by topic")!();
    });

    test("control revoke keeps a task from running, and is known by inspect revoked", async () => {
      const id = await client.value("str(uuid.uuid4())").then((text) => text.slice(1, -1));
      const answers = await nodes.command(["control", "-d", me, "revoke", id]);
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
      await expect.poll(() => nodes.aborted).toContain("terminated");
      expect(await client.outcome(`get("${id}")`)).toMatchObject({
        error: "celery.exceptions.TaskRevokedError",
      });
      const unknown = await ask("terminate", { signal: "SIGTERM", task_id: "nobody" });
      expect(unknown).toEqual({ ok: "terminate: tasks unknown" });
    });

    test("a Python worker that starts beside us finds us, and hears our heart", async () => {
      expect(python.said()).toMatch(/mingle: sync with 1 nodes/);
      // Two of our heart's beats later, which most of the time has passed by now.
      await expect.poll(() => Date.now() - startedAt).toBeGreaterThan(4500);
      expect(python.said()).not.toMatch(/Traceback|ERROR|missed heartbeat/);
    });

    test("revoke_by_stamped_headers keeps stamped tasks from running, and terminates one that runs", async () => {
      const stamped = (key: string, stamp: string): string =>
        `globals().update(r=signature("ts.hold", kwargs={"key": "${key}"}).set(` +
        `queue="ts", stamped_headers=["tenant"], tenant="${stamp}").apply_async(stamped_headers=["tenant"], ` +
        `headers={"stamped_headers": ["tenant"], "stamps": {"tenant": "${stamp}"}}))`;
      await client.value(stamped("stamped", "acme"));
      await began("stamped");
      const answer = await client.value(
        `app.control.revoke_by_stamped_headers({"tenant": ["acme"]}, terminate=True, reply=True, ${pythonBoth})`,
      );
      expect(answer).toMatch(/'mailer@ours': {'ok': 'headers .*revoked'}/);
      await expect.poll(() => nodes.aborted).toContain("stamped");
      await client.value(stamped("stamped too", "acme"));
      await client.value(stamped("other", "globex"));
      await began("other");
      expect(keys()).not.toContain("stamped too");
      nodes.open.get("other")!();
    });

    test("a destination, or a pattern, that is not ours is not ours", async () => {
      const pings = [
        [`destination=["${me}"]`, [me]],
        ['destination=["nobody@ours"]', []],
        ['pattern="mail*@our[s-z]", matcher="glob"', [me]],
        ['pattern="*@test", matcher="glob"', [expect.stringMatching(/@test$/)]],
        [String.raw`pattern=r"mailer@\w+$", matcher="pcre"`, [me]],
        ['pattern="(a+)+$", matcher="pcre"', []],
      ] as const;
      // Each waits for whoever may answer: all at the same time.
      const { plain } = await client.outcome(
        `json.dumps(at_once(${pings.map(([more]) => `lambda: sorted(k for r in app.control.broadcast("ping", reply=True, timeout=2, ${more}) for k in r)`).join(", ")}))`,
      );
      expect(JSON.parse(plain as string)).toEqual(pings.map(([, answered]) => answered));
    });

    test("Python revokes where names are like a pattern, and there alone", async () => {
      const revoke = (id: string, more: string): Promise<string> =>
        client.value(`app.control.revoke("${id}", reply=True, ${more})`);
      expect(await revoke("patterned", 'pattern="mail*", matcher="glob", limit=1, timeout=20')).toContain(me);
      expect(await revoke("theirs-alone", 'pattern="*@test", matcher="glob", limit=1, timeout=20')).toMatch(
        /@test': {'ok'/,
      );
      // Celery's worker stores at once that they are revoked: what runs is what counts.
      for (const id of ["patterned", "theirs-alone"]) await send(`"ts.note", "${id}", task_id="${id}"`);
      await began("theirs-alone");
      await client.value('call("ts.note", "after them")');
      expect(keys()).not.toContain("patterned");
    });

    test("a rate limit holds back what is over it, loses nothing, and is undone by 0", async () => {
      const { ran } = nodes;
      ran.length = 0;
      expect((await nodes.command(["control", "-d", me, "rate_limit", "ts.note", "2/s"]))[me]).toEqual({
        ok: "new rate limit set successfully",
      });
      await client.value('[send("ts.note", i) for i in range(4)]');
      await expect.poll(keys).toHaveLength(4);
      // RabbitMQ does not promise their order.
      expect(keys().toSorted()).toEqual([0, 1, 2, 3]);
      // Half a second apart, as far as a machine that has much to do lets them begin in time.
      expect(ran.at(-1)!.at - ran[0]!.at).toBeGreaterThan(1000);
      await client.value('app.control.rate_limit("ts.note", "1/h")');
      expect(await ask("registered")).toContain("ts.note [rate_limit=1/h]");
      const { plain } = await client.outcome('json.dumps([send("ts.note", 100 + i) for i in range(40)])');
      const sent = JSON.parse(plain as string) as readonly string[];
      // Others are not held back: also behind more of them than are held.
      const reserved = async () => (await ask("reserved")) as readonly { readonly id: string }[];
      await expect.poll(async () => (await reserved()).length).toBeGreaterThan(10);
      const held = await reserved();
      expect(held).toEqual(held.map(() => expect.objectContaining({ name: "ts.note", time_start: null })));
      expect(new Set(held.map(({ id }) => id)).size).toBe(held.length);
      expect(sent).toEqual(expect.arrayContaining(held.map(({ id }) => id)));
      expect(keys().length).toBeLessThan(6);
      expect(await ask("rate_limit", { task_name: "ts.note", rate_limit: "0" })).toEqual({
        ok: "rate limit disabled successfully",
      });
      await expect.poll(() => new Set(keys()).size).toBe(44);
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
      await client.value(`app.control.time_limit("ts.hold", reply=True, ${pythonBoth})`);
      const id = await send('"ts.hold", kwargs={"key": "longer"}');
      await began("longer");
      await new Promise((resolve) => setTimeout(resolve, 700));
      nodes.open.get("longer")!();
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
          `app.control.broadcast("${method}", destination=["${me}"], reply=True, timeout=20)`,
        );
        expect(answer, method).toContain("'error'");
        expect(answer).toContain(told);
      }
    });

    test("a Python worker that starts learns from us what was revoked", async () => {
      await client.value(
        'app.control.revoke("learned-of", destination=["mailer@ours"], reply=True, timeout=20)',
      );
      const hello = await client.value(
        `app.control.inspect(timeout=20, destination=["${me}"]).hello("x@y", {"told": [1.5, "told"]})`,
      );
      expect(hello).toContain("'learned-of'");
      expect(
        await client.value(
          `(lambda s: (s.update(app.control.inspect(timeout=20, destination=["${me}"]).hello("x@y", None)["${me}"]["revoked"]), ` +
            `"learned-of" in s and "told" in s)[1])(__import__("celery.utils.collections").utils.collections.LimitedSet(maxlen=100, expires=10800))`,
        ),
      ).toBe("True");
    });

    describe("our client", () => clientCases(() => nodes, kind.name));

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
      expect((await nodes.command(["control", "-d", "leaver@ours", "shutdown"]))["leaver@ours"]).toEqual({
        ok: "shutting down: what runs may finish",
      });
      let hasStopped = false;
      const stopped = worker.stopped.then(() => (hasStopped = true));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(hasStopped).toBe(false);
      end.resolve();
      await stopped;
      expect(await client.value(`get("${id}", timeout=${timeout / 1000})`)).toBe("'finished'");
      expect(await client.value("app.control.inspect(timeout=1).ping()")).not.toContain("leaver@ours");
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
