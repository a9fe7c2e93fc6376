import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { faulty, run } from "../../test/fixtures/engine/run-contract.ts";
import type { Engine, LogLine, Settlement } from "../engine.ts";

const faults: readonly [name: string, fault: (engine: Engine) => Partial<Engine>, caught: RegExp][] = [
  [
    "hands out the newest first",
    (engine) => ({ claim: async (request) => (await engine.claim(request)).toReversed() }),
    /in the order/,
  ],
  [
    "forgets delays",
    (engine) => ({ send: (batch) => engine.send(batch.map((one) => ({ ...one, runAt: 0 }))) }),
    /delayed task back/,
  ],
  [
    "keeps part of a batch",
    (engine) => ({
      async send(batch) {
        const ids: string[] = [];
        for (const one of batch) ids.push(...(await engine.send([one])));
        return ids;
      },
    }),
    /all of a batch or none/,
  ],
  [
    "does not fence",
    (engine) => ({ settle: async (list) => (await engine.settle(list)).map(() => true) }),
    /fences the holder/,
  ],
  [
    "never reports a lost lease",
    (engine) => ({ extend: async (leases, time) => (await engine.extend(leases, time), []) }),
    /fences the holder/,
  ],
  [
    "counts no crash",
    (engine) => ({
      claim: async (request) => (await engine.claim(request)).map((one) => ({ ...one, crashes: 0 })),
    }),
    /counts a crash/,
  ],
  ["does nothing for a heartbeat", () => ({ extend: async () => [] }), /blocked for too long nothing/],
  ["never calls listeners", () => ({ onReady: () => () => undefined }), /wakes for a send/],
  [
    "calls listeners without end",
    (engine) => ({
      onReady(queues, call) {
        // On a busy machine a timer may fall silent for long enough to pass for one that keeps to the rule.
        const timer = setInterval(() => {
          for (let times = 0; times < 100; times++) call();
        }, 1);
        const stop = engine.onReady(queues, call);
        return () => {
          clearInterval(timer);
          stop();
        };
      },
    }),
    /without end/,
  ],
  ["does not wait for the end", (engine) => ({ ended: (id) => engine.find(id) }), /when the task ends/],
  ["ignores the signal", (engine) => ({ ended: (id) => engine.ended(id) }), /signal/],
  [
    "lists everything on one page",
    (engine) => ({ list: (request) => engine.list({ ...request, limit: 1e6 }) }),
    /page by page/,
  ],
  [
    "counts one state too few",
    (engine) => ({ counts: async () => (await engine.counts()).slice(1) }),
    /counts tasks/,
  ],
  [
    "discards what runs",
    (engine) => ({
      async discard(ids, reason) {
        const records = await engine.list({ states: ["running"] });
        return (await engine.discard(ids, reason)) + records.records.length;
      },
    }),
    /discards scheduled/,
  ],
  [
    "drops what JSON would keep",
    (engine) => ({
      send: (batch) =>
        engine.send(
          batch.map((one) => ({
            ...one,
            message: { ...one.message, payload: one.message.payload.replaceAll("\0", "") },
          })),
        ),
    }),
    /text unchanged: NUL/,
  ],
  [
    "takes calls when closed",
    (engine) => ({ find: (id) => engine.find(id).catch(() => undefined) }),
    /once it is closed/,
  ],
  [
    "forgets priorities",
    (engine) => ({ send: (batch) => engine.send(batch.map((one) => ({ ...one, priority: 0 }))) }),
    /higher priority first/,
  ],
  [
    "takes the queues in any order",
    (engine) => ({
      claim: (request) => engine.claim({ ...request, queues: request.queues.toReversed() }),
    }),
    /takes nothing from a queue while one before it/,
  ],
  [
    "forgets lanes",
    (engine) => ({
      send: (batch) => engine.send(batch.map(({ lane: _, ...one }) => one)),
    }),
    /no more of a lane at once/,
  ],
  [
    "forgets limits",
    (engine) => ({ claim: ({ limits: _, ...request }) => engine.claim(request) }),
    /no more of a lane at once/,
  ],
  [
    "lets a full lane hold others up",
    (engine) => ({
      async claim(request) {
        const claimed = await engine.claim(request);
        const { records } = await engine.list({});
        const full = records.findIndex((record) => record.state === "waiting");
        const behind = claimed.filter(({ lease }) =>
          records.slice(full).some((record) => record.message.id === lease.id),
        );
        if (full === -1) return claimed;
        await engine.settle(behind.map(({ lease }) => ({ kind: "release", lease })));
        return claimed.filter((one) => !behind.includes(one));
      },
    }),
    /nobody behind it held up/,
  ],
  [
    "keeps no rate",
    (engine) => ({
      claim: ({ limits, ...request }) =>
        engine.claim({
          ...request,
          limits: new Map(
            [...(limits ?? [])].map(([lane, limit]) => [
              lane,
              { ...limit, rate: { limit: 1e6, per: 1 } } as const,
            ]),
          ),
        }),
    }),
    /no more of a lane in any window/,
  ],
  [
    "lets a fixed window stand for a sliding one",
    (engine) => {
      let window = Date.now();
      let left = 3;
      return {
        async claim({ limits, ...request }) {
          if (limits?.get("narrow")?.rate?.per !== 150) {
            return engine.claim({ ...request, ...(limits && { limits }) });
          }
          if (Date.now() - window >= 75) [window, left] = [Date.now(), 3];
          const narrow = new Map([["narrow", { rate: { limit: left, per: 1 } }]]);
          const claimed = await engine.claim({ ...request, limits: narrow });
          left -= claimed.length;
          return claimed;
        },
      };
    },
    /no more of a lane in any window/,
  ],
  [
    "does not wake for room in a lane",
    (engine) => ({
      onReady(queues, call) {
        let calls = 0;
        return engine.onReady(queues, () => {
          if (++calls === 1) call();
        });
      },
    }),
    /wakes when a lane has room again, /,
  ],
  [
    "forgets keys",
    (engine) => ({ send: (batch) => engine.send(batch.map(({ unique: _, ...one }) => one)) }),
    /whose key is held/,
  ],
  [
    "frees a key with its holder's end whatever was said",
    (engine) => ({
      send: (batch) =>
        engine.send(
          batch.map(({ unique, ...one }) => (unique ? { ...one, unique: { key: unique.key } } : one)),
        ),
    }),
    /held until a time/,
  ],
  [
    "shares keys between tasks",
    (engine) => ({
      send: (batch) =>
        engine.send(
          batch.map((one) =>
            one.unique === undefined ? one : { ...one, message: { ...one.message, task: "test.task" } },
          ),
        ),
    }),
    /scopes a key/,
  ],
  [
    "lets nobody follow",
    (engine) => ({
      send: (batch) =>
        engine.send(
          batch.map(({ unique, ...one }) =>
            unique ? { ...one, unique: { ...unique, follow: false } } : one,
          ),
        ),
    }),
    /answer for the holder/,
  ],
  [
    "keeps records for as long as it likes",
    (engine) => ({
      settle: (list) =>
        engine.settle(
          list.map((one) => {
            const { keep: _, ...rest } = one as { keep?: number } & Settlement;
            return rest as Settlement;
          }),
        ),
    }),
    /after the time that its settlement says/,
  ],
  ["keeps no progress", () => ({ report: async () => true }), /keeps the latest progress/],
  [
    "takes reports from anybody",
    (engine) => ({ report: async (lease, told) => (await engine.report(lease, told), true) }),
    /whose lease was lost/,
  ],
  [
    "keeps lines without end",
    (engine) => {
      const kept: LogLine[] = [];
      return {
        async report(lease, told) {
          kept.push(...(told.lines ?? []));
          return engine.report(lease, told);
        },
        logs: async () => kept,
      };
    },
    /latest 1,000 lines/,
  ],
  ["watches nothing", () => ({ watch: () => () => undefined }), /every change of a task/],
  [
    "tells only of ends to those who watch",
    (engine) => ({
      watch(id, call) {
        void engine.ended(id).then(call, () => undefined);
        return () => undefined;
      },
    }),
    /every change of a task/,
  ],
  ["tells no worker of cancelling", () => ({ onCancel: () => () => undefined }), /tells the worker/],
  [
    "tells every worker of cancelling",
    (engine) => ({
      onCancel: (_, call) => engine.onCancel("tester", call),
    }),
    /tells no other worker/,
  ],
  [
    "does not deliver the cancelling",
    (engine) => ({
      claim: async (request) => (await engine.claim(request)).map(({ cancelled: _, ...one }) => one),
    }),
    /whose lease was lost as cancelled/,
  ],
  [
    "cancels what runs by discarding it",
    (engine) => ({
      async cancel(ids, reason) {
        return engine.discard(ids, reason);
      },
    }),
    /ends what is scheduled or waits/,
  ],
  ["does not pause", () => ({ pause: async () => undefined }), /takes nothing from a paused queue/],
  [
    "forgets a pause with the next send",
    (engine) => ({
      async send(batch) {
        for (const { message } of batch) await engine.resume(message.queue);
        return engine.send(batch);
      },
    }),
    /takes nothing from a paused queue/,
  ],
  [
    "pauses only what waits already",
    (engine) => ({
      async claim(request) {
        const paused = await engine.paused();
        for (const queue of paused) await engine.resume(queue);
        const claimed = await engine.claim(request);
        for (const queue of paused) await engine.pause(queue);
        const waited = claimed.filter(
          ({ crashes, message }) => crashes === 0 && paused.includes(message.queue),
        );
        await engine.settle(waited.map(({ lease }) => ({ kind: "release", lease })));
        return claimed.filter((delivery) => !waited.includes(delivery));
      },
    }),
    /what was lost from a paused queue/,
  ],
  [
    "tells nobody of the end of a pause",
    (engine) => {
      let resumed = false;
      return {
        resume: (queue) => ((resumed = true), engine.resume(queue)),
        onReady: (queues, call) => engine.onReady(queues, () => void (resumed || call())),
      };
    },
    /wakes for what is there when a queue is resumed/,
  ],
  [
    "claims to be durable",
    () => ({ capabilities: { durable: true, shared: false, lacks: {} } }),
    /opened again/,
  ],
];

describe("engineContract", () => {
  test("passes for a sound engine", async () => {
    const { failed, skipped, denied } = await run({ create: faulty(() => ({})) });
    expect({ failed, skipped }).toEqual({ failed: [], skipped: [] });
    expect(denied.size).toBeGreaterThan(20);
    expect(new Set(denied.values())).toEqual(
      new Set([
        "the memory engine says that it is not shared",
        "the memory engine says that it is not durable",
        "the harness has no `elsewhere`",
        "the harness has no `interrupt`",
      ]),
    );
  });

  test.concurrent.each(faults)("catches an engine that %s", async (_, fault, caught) => {
    const { failed } = await run({ create: faulty(fault) }, caught);
    expect(failed).toContainEqual(expect.stringMatching(caught));
  });

  test("shows what is skipped, with the reason", async () => {
    const skip = [{ test: "fail: ", reason: "not made yet" }];
    const { skipped } = await run({ create: faulty(() => ({})), skip }, /^fail: /);
    expect(skipped).toEqual([expect.stringMatching(/^fail: .* \(skipped: not made yet\)$/)]);
  });

  test("runs with node:test as well", () => {
    const script = join(import.meta.dirname, "../../test/fixtures/engine/contract-on-node-test.ts");
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const { status, stdout } = spawnSync(process.execPath, ["--test", "--test-reporter=tap", script], {
      encoding: "utf8",
      env,
    });
    expect(stdout).toMatch(/# fail 0/);
    expect(stdout).toMatch(
      /ok \d+ - has kept everything when .* # SKIP the memory engine says that it is not durable/,
    );
    expect(stdout).toMatch(/ok \d+ - carries a payload of 5 MB .* # SKIP/);
    expect(stdout).toMatch(/# pass [1-9]\d/);
    expect(status).toBe(0);
  });
});
