import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import type { Engine } from "../engine.ts";
import { engineContract } from "./engine-contract.ts";
import type { EngineContractOptions } from "./engine-contract.ts";

/** Runs the contract without a test runner: the names of the tests that fail, and of those skipped. */
async function run(
  options: Pick<EngineContractOptions, "create" | "skip">,
): Promise<{ failed: string[]; skipped: string[] }> {
  const failed: string[] = [];
  const skipped: string[] = [];
  const running: Promise<void>[] = [];
  const define = (name: string, body: () => Promise<void>): void => {
    running.push(body().catch(() => void failed.push(name)));
  };
  const skip = (name: string): void => void skipped.push(name);
  engineContract({ ...options, describe: (_, body) => body(), test: Object.assign(define, { skip }) });
  await Promise.all(running);
  return { failed, skipped };
}

/** The memory engine with something wrong. */
function faulty(fault: (engine: Engine) => Partial<Engine>): EngineContractOptions["create"] {
  return () => {
    const sound = memory();
    const wrong = fault(sound);
    const engine = new Proxy(sound, {
      get(target, key) {
        const value = Reflect.get(key in wrong ? wrong : target, key) as unknown;
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    return { engine, close: () => sound.close() };
  };
}

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
        for (const one of batch) await engine.send([one]);
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
  ["never calls listeners", () => ({ onReady: () => () => undefined }), /wakes for a send/],
  [
    "calls listeners without end",
    (engine) => ({
      onReady(queues, call) {
        const timer = setInterval(call, 1);
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
  ["claims to be durable", () => ({ capabilities: { durable: true, shared: false } }), /opened again/],
];

describe("engineContract", () => {
  test("passes for a sound engine", async () => {
    expect(await run({ create: faulty(() => ({})) })).toEqual({ failed: [], skipped: [] });
  });

  test.concurrent.each(faults)("catches an engine that %s", async (_, fault, caught) => {
    const { failed } = await run({ create: faulty(fault) });
    expect(failed).toContainEqual(expect.stringMatching(caught));
  });

  test("shows what is skipped, with the reason", async () => {
    const skip = [{ test: "fail: ", reason: "not made yet" }];
    const { skipped } = await run({ create: faulty(() => ({})), skip });
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
    expect(stdout).toMatch(/# skipped 1/);
    expect(stdout).toMatch(/# pass [1-9]\d/);
    expect(status).toBe(0);
  });
});
