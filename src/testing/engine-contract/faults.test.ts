/** Deliberate faults in an engine, each of which the contract must catch: of an app's tasks, in bulk, when cut off, … */
import { describe, expect, test } from "vitest";
import {
  faulty,
  faultyElsewhere,
  interruptible,
  run,
  type Outcome,
} from "../../../test/fixtures/engine/run-contract.ts";
import type { Engine, Lease, Outgoing, Settlement } from "../../engine.ts";
import { lacking, without } from "../../../test/fixtures/engine/lacking.ts";
import { PetioleError } from "../../errors.ts";
import type { MessageHeaders } from "../../message.ts";
import type { EngineContractOptions } from "../engine-contract.ts";
import { contractGroups } from "./groups.ts";

/** Changes what is sent. */
function sending(change: (one: Outgoing) => Outgoing) {
  return (engine: Engine): Partial<Engine> => ({ send: (batch) => engine.send(batch.map(change)) });
}

/** Changes what settles. */
function settling(change: (one: Settlement) => Settlement) {
  return (engine: Engine): Partial<Engine> => ({ settle: (list) => engine.settle(list.map(change)) });
}

function withPayload(one: Outgoing, payload: string): Outgoing {
  return { ...one, message: { ...one.message, payload } };
}

const large = (one: Outgoing): boolean => one.message.payload.length > 1e6;

const faults: readonly [name: string, fault: (engine: Engine) => Partial<Engine>, caught: RegExp][] = [
  [
    "has its priorities the wrong way round",
    sending((one) => ({ ...one, priority: -(one.priority ?? 0) })),
    /^hands out the higher priority first|^runs the more urgent first/,
  ],
  [
    "accepts a batch queue by queue",
    (engine) => ({
      async send(batch) {
        const queues = [...new Set(batch.map(({ message }) => message.queue))];
        const ids: string[] = [];
        for (const queue of queues)
          ids.push(...(await engine.send(batch.filter(({ message }) => message.queue === queue))));
        return ids;
      },
    }),
    /^accepts none of 1,000 tasks for several queues/,
  ],
  [
    "claims a hundred at most",
    (engine) => ({ claim: (request) => engine.claim({ ...request, limit: Math.min(100, request.limit) }) }),
    /^accepts 1,000 tasks in one batch/,
  ],
  [
    "settles a hundred at most",
    (engine) => ({ settle: (list) => engine.settle(list.slice(0, 100)) }),
    /^extends, settles/,
  ],
  [
    "takes a repeated batch for another",
    (engine) => {
      let count = 0;
      return {
        async send(batch) {
          await engine.send(
            batch.map((one) => ({ ...one, message: { ...one.message, id: `${one.message.id} ${count++}` } })),
          );
          return batch.map(({ message }) => message.id);
        },
      };
    },
    /^repeats a batch/,
  ],
  [
    "cuts off what is large",
    sending((one) => withPayload(one, one.message.payload.slice(0, 1e6))),
    /^carries a payload of 5 MB/,
  ],
  [
    "refuses what is large without a code",
    (engine) => ({
      async send(batch) {
        if (batch.some(large)) throw new Error("too large");
        return engine.send(batch);
      },
    }),
    /^carries a payload of 5 MB/,
  ],
  [
    "keeps part of a batch when it refuses what is large",
    (engine) => ({
      async send(batch) {
        const ids = await engine.send(batch.filter((one) => !large(one)));
        if (batch.some(large)) throw new PetioleError("ERR_PAYLOAD_LIMIT", "too large");
        return ids;
      },
    }),
    /^carries a payload of 5 MB/,
  ],
  [
    "counts pages from the beginning",
    (engine) => ({
      async list({ after = "0", limit = 100, ...request }) {
        const { records } = await engine.list({ ...request, limit: 1e6 });
        const end = Number(after) + limit;
        const page = records.slice(Number(after), end);
        return records.length > end ? { records: page, next: `${end}` } : { records: page };
      },
    }),
    /^lists by state, page by page/,
  ],
  [
    "takes a time too far off for now",
    sending((one) => ({ ...one, runAt: one.runAt - Date.now() > 2 ** 31 ? 0 : one.runAt })),
    /for months/,
  ],
  [
    "retries by itself",
    settling((one) => (one.kind === "fail" ? { ...one, kind: "retryAt", at: Date.now() + 20 } : one)),
    /^runs a task with one attempt once/,
  ],
  [
    "retries at once",
    settling((one) => (one.kind === "retryAt" ? { ...one, at: 0 } : one)),
    /after the delays that it says/,
  ],
  [
    "forgets why a run failed",
    settling((one) =>
      one.kind === "retryAt" ? { ...one, reason: { code: "ERR_TASK_FAILED", message: "" } } : one,
    ),
    /after the delays that it says/,
  ],
  [
    "counts an attempt of what was handed back",
    settling((one) =>
      one.kind === "release"
        ? { kind: "retryAt", lease: one.lease, at: 0, reason: { code: "ERR_TEST", message: "" } }
        : one,
    ),
    /^hands what does not finish back/,
  ],
  [
    "counts no lost worker",
    (engine) => ({
      claim: async (request) => (await engine.claim(request)).map((one) => ({ ...one, crashes: 0 })),
    }),
    /^counts a lost worker as no attempt/,
  ],
  ["tells no worker of cancelling", () => ({ onCancel: () => () => undefined }), /through its signal/],
  ["keeps no progress", () => ({ report: async () => true }), /^tells progress and log lines/],
  [
    "changes results",
    settling((one) =>
      one.kind === "complete" ? { ...one, result: one.result.replaceAll("EUR", "ATS") } : one,
    ),
    /^brings payloads and results across/,
  ],
  [
    "keeps no headers but those that it knows",
    sending((one) => {
      const { wire, types, version, parent, root, expires } = one.message.headers;
      const known = Object.entries({ wire, types, version, parent, root, expires });
      const headers = Object.fromEntries(known.filter(([, value]) => value !== undefined));
      return { ...one, message: { ...one.message, headers: headers as unknown as MessageHeaders } };
    }),
    /^runs the steps of a chain/,
  ],
  [
    "takes what is sent again for another task once it runs or has ended",
    (engine) => ({
      async send(batch) {
        const records = await Promise.all(batch.map(({ message }) => engine.find(message.id)));
        const again = batch.map((one, index) =>
          records[index] ? { ...one, message: { ...one.message, id: `${one.message.id} again` } } : one,
        );
        await engine.send(again);
        return batch.map(({ message }) => message.id);
      },
    }),
    /^sends what follows in a chain before its step is settled, and once/,
  ],
  [
    "calls off nothing that waits for its time",
    (engine) => ({
      async cancel(ids, why) {
        const records = await Promise.all(ids.map((id) => engine.find(id)));
        return engine.cancel(
          ids.filter((_, index) => records[index]?.state !== "scheduled"),
          why,
        );
      },
    }),
    /^calls off what follows in a chain/,
  ],
  [
    "makes JSON look nice",
    sending((one) => {
      try {
        return withPayload(one, JSON.stringify(JSON.parse(one.message.payload)));
      } catch {
        return one;
      }
    }),
    /does not know, with its bytes/,
  ],
  [
    "hears no heartbeat",
    () => ({ extend: async () => [] }),
    /^keeps a task that runs for longer than its lease/,
  ],
  [
    "leaves nothing to others",
    (engine) => ({ claim: ({ knows: _, ...request }) => engine.claim(request) }),
    /^gives a task that was not known/,
  ],
  [
    "pauses nobody who works already",
    () => ({ pause: async () => undefined }),
    /^leaves a paused queue alone/,
  ],
  [
    "lists what failed without the reason",
    (engine) => ({
      async list(request) {
        const page = await engine.list(request);
        return { ...page, records: page.records.map(({ reason: _, ...record }) => record) };
      },
    }),
    /^lists, counts and discards what failed/,
  ],
  [
    "puts what is handed back behind the others",
    (engine) => ({
      async settle(list) {
        const settled = await engine.settle(list.filter(({ kind }) => kind !== "release"));
        const back = list.filter(({ kind }) => kind === "release");
        if (back.length === 0) return settled;
        const waiting = await engine.claim({ queues: ["default"], limit: 9, lease: 1, worker: "w" });
        const at = Date.now() + 1;
        await engine.settle(
          back.map(({ lease }) => ({
            kind: "retryAt",
            lease,
            at,
            reason: { code: "ERR_TEST", message: "" },
          })),
        );
        return engine.settle(waiting.map(({ lease }) => ({ kind: "release", lease })));
      },
    }),
    /^place: is there, or/,
  ],
  [
    "says that it has no records, and has some",
    (engine) => ({
      capabilities: { ...engine.capabilities, lacks: { records: "its server has nothing of the kind" } },
    }),
    /^records: is there, or/,
  ],
  [
    "lacks pauses without a word",
    (engine) => ({
      capabilities: { ...engine.capabilities, lacks: { pause: "its server has nothing of the kind" } },
      pause: async () => undefined,
    }),
    /^pause: is there, or/,
  ],
  [
    "lacks priorities without a word",
    (engine) => ({
      capabilities: { ...engine.capabilities, lacks: { priority: "first come, first served" } },
      ...sending((one) => ({ ...one, priority: 0 }))(engine),
    }),
    /^priority: is there, or/,
  ],
  [
    "lacks limits without a word",
    (engine) => ({
      capabilities: { ...engine.capabilities, lacks: { limits: "its server has nothing of the kind" } },
      claim: ({ limits: _, ...request }) => engine.claim(request),
    }),
    /^limits: is there, or/,
  ],
  [
    "says that it sends within transactions",
    (engine) => ({ capabilities: { ...engine.capabilities, lacks: {} } }),
    /^sameDatabase: is there, or/,
  ],
  [
    "does not say why",
    (engine) => ({ capabilities: { ...engine.capabilities, lacks: { sameDatabase: "" } } }),
    /^says of what it lacks why/,
  ],
];

const cuts: readonly [name: string, create: EngineContractOptions["create"], caught: RegExp][] = [
  [
    "forgets those who wait when it is cut off",
    interruptible((engine) => {
      let refuse = (_: Error): void => undefined;
      const cut = new Promise<never>((_, reject) => (refuse = reject));
      cut.catch(() => undefined);
      return {
        wrong: { ended: (id, signal) => Promise.race([engine.ended(id, signal), cut]) },
        cut: () => refuse(new PetioleError("ERR_ENGINE_UNREACHABLE", "cut off")),
      };
    }),
    /^tells those who listened|brings the results to those who wait/,
  ],
  [
    "hears nothing more once it was cut off",
    interruptible((engine) => {
      let isDeaf = false;
      return {
        wrong: { onReady: (queues, call) => engine.onReady(queues, () => void (isDeaf || call())) },
        cut: () => (isDeaf = true),
      };
    }),
    /^tells those who listened/,
  ],
  [
    "gives up what runs when it is cut off",
    interruptible((engine) => {
      const held: Lease[] = [];
      return {
        wrong: {
          async claim(request) {
            const claimed = await engine.claim(request);
            held.push(...claimed.map(({ lease }) => lease));
            return claimed;
          },
        },
        cut: () => engine.settle(held.map((lease) => ({ kind: "release", lease }))),
      };
    }),
    /^goes on after it was cut off/,
  ],
  [
    "takes what its own process runs for lost when it is cut off",
    interruptible((engine) => {
      const held: Lease[] = [];
      return {
        wrong: {
          async claim(request) {
            const claimed = await engine.claim(request);
            held.push(...claimed.map(({ lease }) => lease));
            return claimed;
          },
        },
        cut: () => engine.settle(held.map((lease) => ({ kind: "release", lease }))),
      };
    }),
    /^gives a process nothing that it runs already/,
  ],
  [
    "loses what it accepted when it is cut off",
    interruptible((engine) => ({
      cut: async () =>
        engine.discard(
          (await engine.list({ states: ["waiting"] })).records.map(({ message }) => message.id),
          { code: "ERR_TEST", message: "lost" },
        ),
    })),
    /^goes on after it was cut off/,
  ],
  [
    "refuses without a code while it is cut off",
    interruptible((engine) => {
      let isDown = false;
      return {
        wrong: {
          async send(batch) {
            if (isDown) throw new Error("ECONNREFUSED");
            return engine.send(batch);
          },
        },
        cut: () => (isDown = true),
      };
    }),
    /^goes on after it was cut off/,
  ],
];

const elsewhere: readonly [fault: string, caught: RegExp][] = [
  ["hands a task out twice", /^gives each task to exactly one of 8/],
  ["loses what it accepted", /^accepts what 8 processes send/],
  ["has keys of its own", /^finds one holder of a key that 8/],
  ["takes what it has not claimed", /^hands on the task of a process that was killed/],
  ["changes results", /^brings a result with its types to another process/],
];

function expectCaught({ failed, denied }: Outcome, caught: RegExp): void {
  expect([...denied], "skipped, and so not caught").toEqual([]);
  expect(failed).toContainEqual(expect.stringMatching(caught));
}

describe("the contract catches", () => {
  test.concurrent.each(faults)("an engine that %s", async (_, fault, caught) => {
    expectCaught(await run({ create: faulty(fault) }, caught), caught);
  });

  // It takes its time to find out that nobody is told.
  test.concurrent.each(cuts)("an engine that %s", { timeout: 60_000 }, async (_, create, caught) => {
    expectCaught(await run({ create }, caught), caught);
  });

  test.each(elsewhere)("another process's engine that %s", async (fault, caught) => {
    expectCaught(await run({ create: faultyElsewhere(fault) }, caught), caught);
  });
});

describe("an engine that lacks something, and says so, passes the rest", () => {
  test.concurrent.each(Object.entries(lacking))("without %s", { timeout: 60_000 }, async (feature, fault) => {
    const { failed, denied } = await run({ create: faulty(fault) });
    expect(failed).toEqual([]);
    expect([...denied.values()]).toContain(`the memory engine lacks ${feature}: ${without}`);
  });
});

test("an engine that comes back passes", async () => {
  const { cases } = contractGroups.find(({ name }) => name === "interruptions")!;
  const names = new RegExp(cases.map(({ name }) => `^${name}$`).join("|"));
  const cut = await run({ create: interruptible() }, names);
  expect(cut).toEqual({ failed: [], skipped: [], denied: new Map() });
});

test("no two tests have the same name, by which they are skipped", () => {
  const names = contractGroups.flatMap(({ cases }) => cases.map(({ name }) => name));
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
