import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { ClaimRequest, Engine } from "../engine.ts";
import { memory } from "../engine/memory.ts";
import type { MessageHeaders } from "../message.ts";
import { retired, Value } from "../value/index.ts";
import type { Limits } from "../wire/limits.ts";
import { Petiole } from "./petiole.ts";
import type { Worker } from "./worker.ts";

const quiet = { info() {}, warn() {}, error() {} };
const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

class Money extends Value("shop.Money", { amount: BigInt }) {}

/** A job as others put it in a queue: a name and JSON. */
interface OthersJob {
  readonly name: string;
  readonly data: string;
  readonly headers?: MessageHeaders;
}

/** An engine whose queue `default` holds jobs of others, which it hands to those who adopt them, under `others 0`, …. */
class SharedQueue {
  readonly engine: Engine;
  readonly #left: Map<string, OthersJob>;

  constructor(jobs: readonly OthersJob[]) {
    this.#left = new Map(jobs.map((job, index) => [`others ${index}`, job]));
    const engine = memory();
    const adopt = async ({ queues, adopts }: ClaimRequest): Promise<void> => {
      if (!queues.includes("default")) return;
      for (const [id, { name, data, headers = { wire: 0 } }] of this.#left) {
        if (!adopts?.(name)) continue;
        this.#left.delete(id);
        const message = { id, task: name, queue: "default", payload: data, headers };
        await engine.send([{ message, runAt: 0 }]);
      }
    };
    this.engine = new Proxy(engine, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function") return member;
        if (name !== "claim") return member.bind(target) as unknown;
        return async (request: ClaimRequest) => {
          await adopt(request);
          return target.claim(request);
        };
      },
    });
  }

  /** The names of those that nobody has adopted. */
  get left(): string[] {
    return [...this.#left.values()].map(({ name }) => name);
  }
}

function appOn(engine: Engine, limits?: Partial<Limits>) {
  return new Petiole({ engine, values: [Money, retired("shop.Old")], ...(limits ? { limits } : {}) });
}

async function work(app: { worker(options: object): Worker }): Promise<Worker> {
  const worker = app.worker({ logger: quiet });
  await worker.start();
  open.push(() => worker.stop({ timeout: 0 }));
  return worker;
}

/** How a job of others ended; what its handler got. */
async function outcomeOf(data: string, limits?: Partial<Limits>, headers?: MessageHeaders) {
  const { engine } = new SharedQueue([{ name: "t", data, ...(headers ? { headers } : {}) }]);
  const app = appOn(engine, limits);
  const got: unknown[] = [];
  const task = app.task("t", (payload: unknown) => {
    got.push(payload);
    return payload;
  });
  await work(app);
  // It is not there before it is adopted.
  await expect.poll(() => engine.find("others 0")).toBeDefined();
  return { record: await engine.ended("others 0"), got, result: () => task.handle("others 0").result() };
}

describe("jobs that others wrote", () => {
  test("are taken by tasks of their names that have handlers, and left alone by all others", async () => {
    const names = ["known", "former", "constructor", "no-handler", "retired", "unknown"];
    const queue = new SharedQueue(names.map((name) => ({ name, data: `{"to":"${name}"}` })));
    const app = appOn(queue.engine);
    app.task("known", ({ to }: { to: string }) => to, { aliases: ["former"] });
    app.task("no-handler");
    app.retired("retired", { outcome: "discard" });
    await work(app);
    await expect
      .poll(async () => (await queue.engine.list({ states: ["succeeded"] })).records)
      .toMatchObject([
        { message: { task: "known" }, result: '"known"' },
        { message: { task: "former" }, result: '"former"' },
      ]);
    expect(queue.left).toStrictEqual(["constructor", "no-handler", "retired", "unknown"]);
    app.task("unknown", () => "since");
    await app.task("other", () => {}).enqueue();
    await expect
      .poll(() => queue.engine.find("others 5"))
      .toMatchObject({ state: "succeeded", result: '"since"' });
  });

  test.each([
    '{"to":"ada","n":[1,null,{"a":[]}]}',
    "null",
    '"text"',
    '{"at":{"__type__":"datetime","__value__":"2026-01-01T00:00:00+00:00"}}',
    '{"__type__":"shop.Money","__value__":{"amount":1}}',
    '{"__type__":"shop.Unknown","__value__":1}',
    '[{"__type__":"ref","__value__":["qa.Comment",7]},{"__type__":"same","__value__":"/0"}]',
    '{"__type__":"graph","__value__":{}}',
    '{"__proto__":{"isAdmin":true},"a":{"__proto__":1}}',
    String.raw`{"\u005f_proto__":{"isAdmin":true}}`,
  ])("are data, whatever they look like: %s", async (data) => {
    const { record, got } = await outcomeOf(data);
    // Such data is refused as a result; that it ran is what counts.
    expect(record?.attempts).toBe(1);
    expect(JSON.stringify(got)).toBe(JSON.stringify([JSON.parse(data)]));
    expect((got[0] as { isAdmin?: unknown } | null)?.isAdmin).toBeUndefined();
    expect(got[0]).not.toBeInstanceOf(Money);
  });

  test("have no types, whatever their headers say", async () => {
    const headers = { wire: 0, types: ["shop.Unknown", "shop.Old"] };
    expect(await outcomeOf("7", undefined, headers)).toMatchObject({
      record: { state: "succeeded" },
      got: [7],
    });
  });

  test("have results that are as all others", async () => {
    const { engine } = new SharedQueue([{ name: "t", data: '{"amount":5}' }]);
    const app = appOn(engine);
    const charge = app.task("t", ({ amount }: { amount: number }) => new Money({ amount: BigInt(amount) }));
    await work(app);
    await expect.poll(() => engine.find("others 0")).toMatchObject({ state: "succeeded" });
    expect(await charge.handle("others 0").result()).toStrictEqual(new Money({ amount: 5n }));
    const plain = await outcomeOf('{"b":1,"a":[2]}');
    expect(plain.record?.result).toBe('{"b":1,"a":[2]}');
    expect(await plain.result()).toStrictEqual({ b: 1, a: [2] });
  });

  test("are version 1 of the payload: upgraded, then checked", async () => {
    const jobs = ['{"to":"ada"}', '{"to":5}'].map((data) => ({ name: "notify", data }));
    const { engine } = new SharedQueue(jobs);
    const app = appOn(engine);
    const upgrade = { 1: ({ to }: { to: string }) => ({ users: [to] }) };
    const schema = z.object({ users: z.array(z.string()) });
    app.task("notify", ({ users }: { users: string[] }) => users, { version: 2, upgrade, schema });
    await work(app);
    await expect.poll(() => engine.find("others 0")).toMatchObject({ state: "succeeded", result: '["ada"]' });
    await expect
      .poll(() => engine.find("others 1"))
      .toMatchObject({
        state: "parked",
        reason: { code: "ERR_TEXT_UNDECODABLE", details: { path: "payload.users[0]" } },
      });
  });

  test.each<[string, string, Partial<Limits>]>([
    ["bytes", `"${"é".repeat(50)}"`, { bytes: 99 }],
    ["depth", '[{"__proto__":[1]}]', { depth: 2 }],
    ["depth", "[".repeat(100_000) + "]".repeat(100_000), {}],
    ["nodes", '[{"__type__":[1,2]}]', { nodes: 4 }],
  ])("are parked when over the limit %s: %.30s", async (limit, data, limits) => {
    const { record, got } = await outcomeOf(data, limits);
    expect(record).toMatchObject({
      state: "parked",
      reason: { code: "ERR_PAYLOAD_LIMIT", message: expect.stringContaining(`\`${limit}\``) },
      message: { payload: data },
    });
    expect(got).toStrictEqual([]);
  });

  test.each<[string, Partial<Limits>]>([
    [`"${"é".repeat(50)}"`, { bytes: 102 }],
    ['[{"__proto__":[1]}]', { depth: 3 }],
    ['[{"__type__":[1,2]}]', { nodes: 5 }],
  ])("run when just within a limit: %s", async (data, limits) => {
    expect((await outcomeOf(data, limits)).got).toStrictEqual([JSON.parse(data)]);
  });

  test.each(["", "{", "undefined", "{'a':1}"])("are parked when they are no JSON: %j", async (data) => {
    const { record } = await outcomeOf(data);
    expect(record).toMatchObject({ state: "parked", reason: { code: "ERR_TEXT_UNDECODABLE" } });
    // For a person: no other worker could read it.
    expect(record?.reason?.details).not.toHaveProperty("needs");
  });
});

test("a payload that is plain is sent as plain JSON, without types, for workers of others to read", async () => {
  const app = appOn(memory());
  const { id } = await app.task<object>("t").enqueue({ to: "ada", list: [1, null, { b: true }] });
  const record = await app.engine.find(id);
  expect(record?.message.headers).toStrictEqual({ wire: 1 });
  expect(record?.message.payload).toBe('{"to":"ada","list":[1,null,{"b":true}]}');
});
