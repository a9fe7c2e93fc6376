import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker as Thread } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startChild, type Child } from "../../../test/fixtures/engine/child.ts";
import { temporaryEngines } from "../../../test/fixtures/engine/files.ts";
import {
  claim,
  claimOne,
  claimWhenReady,
  outgoing,
  pause,
  send,
} from "../../testing/engine-contract/case.ts";
import { Holder, leftBehind } from "./holder.ts";

const minute = 60_000;

let files: ReturnType<typeof temporaryEngines>;
let children: Child[];

beforeEach(() => {
  files = temporaryEngines();
  children = [];
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const child of children) await child.kill();
  await files.close();
});

/** A process that claims some tasks and does nothing more. */
async function hanging(limit: number, lease: number): Promise<Child> {
  const child = startChild("hang.ts", files.path, limit, lease);
  children.push(child);
  expect(await child.next()).toHaveLength(limit);
  return child;
}

function locks(): string[] {
  return readdirSync(`${files.path}-workers`);
}

describe("sqlite: workers that die", () => {
  test("the tasks of one that was killed are claimed elsewhere within 2 s, however long its lease", async () => {
    const engine = files.make({ pollInterval: minute });
    await send(engine, "1", "2");
    const child = await hanging(2, minute);
    const ready = vi.fn();
    engine.onReady(["default"], ready);
    expect(await claim(engine), "while it lives").toEqual([]);
    await pause(1500);
    expect(await claim(engine), "while it lives").toEqual([]);
    expect(locks()).toHaveLength(2);
    ready.mockClear();
    await child.kill();
    const killed = performance.now();
    while (ready.mock.calls.length === 0 && performance.now() - killed < 5000) await pause(5);
    const deliveries = await claim(engine, { limit: 10 });
    expect(performance.now() - killed).toBeLessThan(2000);
    expect(deliveries.map(({ message, crashes, attempts }) => [message.id, crashes, attempts])).toEqual([
      ["1", 1, 0],
      ["2", 1, 0],
    ]);
    await vi.waitFor(() => expect(locks(), "its lock is removed").toHaveLength(1));
  });

  test("what it had done is done: its settlement is in the file before its death can be seen", async () => {
    const engine = files.make();
    await send(engine, "1");
    const { lease } = await claimOne(engine);
    const child = startChild("hang.ts", files.path, 1, minute);
    children.push(child);
    expect(await child.next()).toEqual([]);
    await child.kill();
    await vi.waitFor(() => expect(locks()).toHaveLength(1), { timeout: 3000 });
    expect(await engine.settle([{ kind: "complete", lease, result: "null" }])).toEqual([true]);
  });

  test("one that is frozen keeps its tasks until their leases run out", async () => {
    const engine = files.make();
    await send(engine, "1");
    const child = await hanging(1, 3000);
    child.signal("SIGSTOP");
    const { startedAt = 0 } = (await engine.find("1")) ?? {};
    engine.onReady(["default"], () => {});
    const { crashes } = await claimWhenReady(engine);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(3000);
    expect(crashes).toBe(1);
    expect(locks(), "it lives").toHaveLength(2);
  });

  test("one that died when nobody was there is found by the next that comes", async () => {
    const sender = files.make();
    await send(sender, "1");
    const child = await hanging(1, minute);
    await child.kill();
    await sender.close();
    expect(locks()).toHaveLength(1);
    const started = performance.now();
    expect((await claimWhenReady(files.make())).crashes).toBe(1);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test("a lane has room again", async () => {
    const engine = files.make({ pollInterval: minute });
    const lane = "one at a time";
    await engine.send([
      { ...outgoing("1"), lane },
      { ...outgoing("2", { queue: "other" }), lane },
    ]);
    const limits = new Map([[lane, { concurrency: 1 }]]);
    const child = await hanging(1, minute);
    engine.onReady(["other"], () => {});
    expect(await claim(engine, { queues: ["other"], limits })).toEqual([]);
    await child.kill();
    await vi.waitFor(async () => expect(await claim(engine, { queues: ["other"], limits })).toHaveLength(1), {
      timeout: 2000,
    });
  });
});

describe("sqlite: several engines of one process", () => {
  test("each has its own lock, and none takes another for dead", async () => {
    const [one, other] = [files.make(), files.make()];
    await send(one, "1");
    const { lease } = await claimOne(one, { lease: minute });
    other.onReady(["default"], () => {});
    expect(await claim(other)).toEqual([]);
    await pause(2500);
    expect(locks()).toHaveLength(2);
    expect(await claim(other)).toEqual([]);
    expect(await one.settle([{ kind: "complete", lease, result: "null" }])).toEqual([true]);
  });

  test("a thread that was ended is dead, its process notwithstanding", async () => {
    const engine = files.make();
    await send(engine, "1", "2");
    const thread = new Thread(new URL("../../../test/fixtures/engine/hang-thread.ts", import.meta.url), {
      workerData: files.path,
      execArgv: [],
    });
    await new Promise((resolve) => thread.once("message", resolve));
    const { message } = await claimOne(engine);
    expect(message.id).toBe("2");
    await pause(1500);
    expect(await claim(engine), "while it lives").toEqual([]);
    await thread.terminate();
    const ended = performance.now();
    const delivery = await claimWhenReady(engine);
    expect([delivery.message.id, delivery.crashes]).toEqual(["1", 1]);
    expect(performance.now() - ended).toBeLessThan(2000);
  });
});

describe("sqlite: the locks", () => {
  test("one that only sends has none; closing removes one's own", async () => {
    const engine = files.make();
    await send(engine, "1");
    expect(existsSync(`${files.path}-workers`)).toBe(false);
    await claimOne(engine);
    expect(locks()).toHaveLength(1);
    await engine.close();
    expect(locks()).toEqual([]);
    expect(await claim(files.make()), "the lease is still held").toEqual([]);
  });

  test("are for whoever may use the file, and other files in the folder are left alone", async () => {
    mkdirSync(`${files.path}-workers`);
    writeFileSync(join(`${files.path}-workers`, "notes.txt"), "mine");
    const engine = files.make();
    engine.onReady(["default"], () => {});
    await claim(engine);
    const name = locks().find((lock) => lock !== "notes.txt") ?? "";
    expect(statSync(join(`${files.path}-workers`, name)).mode).toBe(statSync(files.path).mode);
    await pause(1200);
    expect(locks()).toHaveLength(2);
  });

  test("where there can be none, it warns once, and leases decide", async () => {
    writeFileSync(`${files.path}-workers`, "in the way");
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const engine = files.make();
    await send(engine, "1");
    await claimOne(engine, { lease: 50 });
    expect((await claimWhenReady(engine)).crashes).toBe(1);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/no lock can be made in .*tasks\.db-workers .*leases/);
    warn.mockRestore();
  });

  test("one that somebody has removed is no death: the lease decides", async () => {
    const [one, other] = [files.make(), files.make()];
    await send(one, "1");
    const { lease } = await claimOne(one, { lease: minute });
    rmSync(`${files.path}-workers`, { recursive: true });
    await claim(other);
    await pause(1500);
    expect(await claim(other)).toEqual([]);
    expect(await one.settle([{ kind: "complete", lease, result: "null" }])).toEqual([true]);
  });

  /** Does something once, after `file` was opened to be looked at and before its lock is asked for. */
  function whileLookedAt(file: string, act: () => void): void {
    const { exec } = DatabaseSync.prototype;
    const spied = vi.spyOn(DatabaseSync.prototype, "exec").mockImplementation(function (
      this: DatabaseSync,
      statements,
    ) {
      if (this.location() === file) {
        spied.mockRestore();
        act();
      }
      exec.call(this, statements);
    });
  }

  test("one that is let go while it is looked at is no death: what it holds yet is held until its lease runs out", async () => {
    const taken = vi.spyOn(Holder.prototype, "take");
    const [one, other] = [files.make(), files.make({ pollInterval: minute })];
    await send(one, "1");
    const { lease } = await claimOne(one, { lease: minute });
    const [holder] = taken.mock.contexts as Holder[];
    taken.mockRestore();
    // As its engine does when it closes, while the handler goes on.
    const letGo = vi.fn(() => holder?.release());
    whileLookedAt(join(realpathSync(`${files.path}-workers`), holder?.name ?? ""), letGo);
    await claim(other);
    await vi.waitFor(() => expect(letGo).toHaveBeenCalled(), { timeout: 5000 });
    await pause(100);
    expect(await claim(other)).toEqual([]);
    expect(await one.settle([{ kind: "complete", lease, result: "null" }])).toEqual([true]);
  });

  test("one that was made anew while it is looked at is no death, and stays", async () => {
    mkdirSync(`${files.path}-workers`);
    const file = join(realpathSync(`${files.path}-workers`), "0123456789abcdef");
    new DatabaseSync(file).close();
    let anew: DatabaseSync | undefined;
    const makeAnew = (): void => {
      rmSync(file);
      anew = new DatabaseSync(file);
      anew.exec("BEGIN EXCLUSIVE");
    };
    whileLookedAt(file, makeAnew);
    leftBehind(file)?.remove();
    expect(existsSync(file), "before the lock was had").toBe(true);
    anew?.close();
    const late = leftBehind(file);
    expect(late?.isThere()).toBe(true);
    makeAnew();
    expect(late?.isThere(), "after the lock was had").toBe(false);
    late?.remove();
    expect(existsSync(file)).toBe(true);
    anew?.close();
  });
});
