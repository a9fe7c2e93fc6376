/** What the checks after a fault find: each kind of what must not be is made by hand. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "petiole/engine/memory";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Engine } from "../../src/engine.ts";
import { checked } from "./checks.ts";
import { Effects } from "./effects.ts";
import { isGood, lineOf } from "./report.ts";
import { Sender } from "./sender.ts";

let folder: string;
let engine: Engine;
let effects: Effects;
let sender: Sender;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "petiole-faults-"));
  engine = memory();
  effects = new Effects(join(folder, "effects.db"));
  sender = new Sender(engine, 0, new AbortController().signal);
});

afterEach(async () => {
  await sender.close();
  effects.close();
  rmSync(folder, { recursive: true });
});

/** Runs a task as a worker does: its effect, then its end. */
async function work(number: number, { hasEffect = true, ends = true, says = "" } = {}): Promise<void> {
  const run = says || `run of ${number}`;
  if (hasEffect) effects.record({ number, run, worker: "worker", turn: 1 });
  const [delivery] = await engine.claim({ queues: ["default"], limit: 1, lease: 60_000, worker: "worker" });
  if (!delivery || !ends) return;
  const result = JSON.stringify({ number, run });
  await engine.settle([{ kind: "complete", lease: delivery.lease, result }]);
  effects.settled({ number, run, worker: "worker", accepted: true });
}

async function check() {
  const found = await checked(engine, effects, sender.accepted, { from: 0, below: 10 });
  const outcome = { ...found, refused: 0, happened: {}, measured: {}, milliseconds: 0 };
  return { ...found, isGood: isGood(outcome), line: lineOf("engine", outcome) };
}

test("all is well", async () => {
  await sender.send(2);
  await work(0);
  await work(1);
  expect(await check()).toEqual({
    sent: 2,
    done: 2,
    lost: 0,
    repeated: 0,
    problems: [],
    isGood: true,
    line: "engine: sent 2, done 2, lost 0, repeated 0 in 0.0 s",
  });
});

test("a repeat is counted, and is no harm", async () => {
  await sender.send(1);
  effects.record({ number: 0, run: "run of a worker that was killed", worker: "another", turn: 0 });
  await work(0);
  expect(await check()).toMatchObject({ done: 1, lost: 0, repeated: 1, isGood: true });
});

test("a task without an effect is lost, though the engine says that it succeeded", async () => {
  await sender.send(1);
  await work(0, { hasEffect: false });
  const found = await check();
  expect(found).toMatchObject({ done: 0, lost: 1, isGood: false });
  expect(found.problems[0]).toMatch(/^lost: task 0 .* is succeeded , and had 0 effects$/);
});

test("a task that is at no end is lost, though it had an effect", async () => {
  await sender.send(1);
  await work(0, { ends: false });
  const found = await check();
  expect(found).toMatchObject({ done: 0, lost: 1, repeated: 0, isGood: false });
  expect(found.problems[0]).toMatch(/^lost: task 0 .* is running , and had 1 effects$/);
});

test("a task that the engine does not know is lost", async () => {
  sender.accepted.set(3, "never heard of");
  effects.record({ number: 3, run: "a run", worker: "worker", turn: 0 });
  const found = await check();
  expect(found).toMatchObject({ sent: 1, lost: 1, isGood: false });
  expect(found.problems[0]).toContain("is unknown to the engine");
});

test("two runs whose results were accepted", async () => {
  await sender.send(1);
  await work(0);
  effects.record({ number: 0, run: "late", worker: "another", turn: 1 });
  effects.settled({ number: 0, run: "late", worker: "another", accepted: true });
  const found = await check();
  expect(found).toMatchObject({ lost: 0, isGood: false });
  expect(found.problems[0]).toMatch(/^a late result was accepted: .* 2 runs/);
});

test("a result that is of another run than the one that was accepted", async () => {
  await sender.send(1);
  effects.record({ number: 0, run: "late", worker: "another", turn: 0 });
  await work(0, { says: "late", hasEffect: false });
  expect((await check()).isGood).toBe(true);
  const other = new Effects(join(folder, "other.db"));
  other.record({ number: 0, run: "late", worker: "another", turn: 0 });
  other.settled({ number: 0, run: "the right one", worker: "worker", accepted: true });
  const found = await checked(engine, other, sender.accepted, { from: 0, below: 10 });
  expect(found.problems[0]).toMatch(/^a late result was accepted: .* run late, which was refused$/);
  other.close();
});

test("a result of a run that had lost its task to another", async () => {
  await sender.send(1);
  effects.record({ number: 0, run: "the next", worker: "another", turn: 2 });
  await work(0);
  const found = await check();
  expect(found).toMatchObject({ lost: 0, isGood: false });
  expect(found.problems[0]).toMatch(/^a late result was accepted: .* had lost it to another/);
});

test("a result of a run that had no effect", async () => {
  await sender.send(1);
  effects.record({ number: 0, run: "another run", worker: "another", turn: 0 });
  await work(0, { says: "nobody", hasEffect: false });
  expect((await check()).problems[0]).toContain("is of a run nobody, which had no effect");
});

test("a task that ran though nobody has sent it", async () => {
  effects.record({ number: 7, run: "a run", worker: "worker", turn: 0 });
  expect((await check()).problems).toEqual(["task 7 ran, and was not accepted"]);
});
