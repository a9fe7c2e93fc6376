/** Handles of canvas, on a broker in this process. */
import { createClient } from "@libsql/client";
import { drizzle as connect } from "drizzle-orm/libsql";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CeleryServer, celeryInMemory } from "../../../../test/engines/celery-in-memory.ts";
import { memory } from "../../memory.ts";
import { drizzle } from "../../../orm/drizzle.ts";
import type { Handle } from "../../../task/handle.ts";
import { Petiole } from "../../../task/petiole.ts";
import { chain, chord, chunks, group, signature } from "./build.ts";
import type { CanvasHandle } from "./handles.ts";

let setup: ReturnType<typeof make>;

function make() {
  const client = createClient({ url: ":memory:" });
  const db = connect(client);
  const server = new CeleryServer();
  const app = new Petiole({ engine: celeryInMemory(server), models: [drizzle(db, {})] });
  const add = app.task("add", ({ x, y }: { x: number; y: number }) => x + y);
  const double = app.task("double", (x: number) => 2 * x);
  const note = app.task("note", (_: unknown) => undefined);
  return { client, db, server, app, add, double, note };
}

beforeEach(() => {
  setup = make();
});

afterEach(async () => {
  await setup.app.close();
  setup.client.close();
});

test("a canvas that a transaction holds is called off as a whole", async () => {
  const { db, server, app, add, double } = setup;
  let handle: CanvasHandle<number> | undefined;
  await app.transaction(db, async () => {
    handle = await chain(add, double).enqueue(app, { x: 1, y: 2 });
    for (const task of handle.tasks)
      await expect(task.cancel()).rejects.toThrow(
        expect.objectContaining({
          code: "ERR_TASK_NOT_SENT",
          message: expect.stringMatching(/cancel all of the canvas/) as string,
        }),
      );
    expect(await handle.cancel()).toBe(true);
  });
  expect(server.queues.size).toBe(0);
  await expect(handle!.result()).rejects.toThrow(/was cancelled before its transaction committed/);
});

test("one that is not called off is sent, and so is what another one's cancel does not mean", async () => {
  const { db, server, app, double } = setup;
  await app.transaction(db, async () => {
    await group(double.signature(1), double.signature(2)).enqueue(app);
    const one = await signature(double.signature(3)).enqueue(app);
    // It is all of its canvas.
    expect(await one.tasks[0]!.cancel()).toBe(true);
  });
  expect([...server.queues.values()].flat()).toHaveLength(2);
});

test("when a part has failed, nobody waits for the others any more", async () => {
  const { app, double } = setup;
  const handle = await group(double.signature(1), double.signature(2)).enqueue(app);
  const [first, second] = handle.tasks as [Handle<unknown>, Handle<unknown>];
  const signals: (AbortSignal | undefined)[] = [];
  const { engine } = app;
  const ended = engine.ended.bind(engine);
  engine.ended = (id, signal) => {
    signals.push(signal);
    return id === first.id ? Promise.reject(new Error("gone")) : ended(id, signal);
  };
  await expect(handle.result()).rejects.toThrow("gone");
  expect(signals).toHaveLength(2);
  for (const signal of signals) expect(signal!.aborted).toBe(true);
  engine.ended = ended;
  await expect(second.result({ timeout: 1 })).rejects.toMatchObject({ code: "ERR_RESULT_TIMEOUT" });
});

test("an engine takes a canvas by what it is, and not by its name", async () => {
  const app = new Petiole({ engine: Object.assign(memory(), { name: "celery" }) });
  const task = app.task("t", (x: number) => x);
  await expect(chain(task).enqueue(app, 1)).rejects.toMatchObject({ code: "ERR_ENGINE_UNSUPPORTED" });
  await app.close();
});

test("nothing is linked to what ends in a group", () => {
  const { add, double, note } = setup;
  const both = group(double, double);
  for (const canvas of [
    both,
    chain(add, both),
    chain(add, chain(double, both)),
    chord([add], group(note, note)),
  ])
    expect(() => canvas.link(note as never)).toThrow(
      expect.objectContaining({
        code: "ERR_OPTION_INVALID",
        message: expect.stringMatching(/link\(\) of a group, or of what ends in one/) as string,
      }),
    );
  chain(add, group(double, double), note).link(note);
});

test("each of chunks' messages has their errbacks", async () => {
  const { server, app, note } = setup;
  await chunks(
    { task: "tasks.add" },
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    2,
  )
    .linkError(note)
    .enqueue(app);
  const errbacks = [...server.queues.values()].flat().map(({ message }) => {
    const [, , embed] = JSON.parse(Buffer.from(message.body).toString()) as [unknown, unknown, object];
    return embed;
  });
  expect(errbacks).toMatchObject([{ errbacks: [{ task: "note" }] }, { errbacks: [{ task: "note" }] }]);
});
