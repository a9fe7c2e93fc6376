import { describe, expect, test, vi } from "vitest";
import { memory } from "../engine/memory.ts";
import type { OrmObserver, SaveEvent } from "../model/observer.ts";
import { stubAdapter } from "../testing/stub-adapter.ts";
import { Petiole } from "./petiole.ts";

class Post {
  id = 0;
  body = "";
}
class Tag {
  name = "";
}

/** An app, and what its ORM tells. */
function makeApp() {
  let observer: OrmObserver | undefined;
  const rows = { "qa.Post": [{ id: 1, body: "first" }] };
  const adapter = stubAdapter({ "qa.Post": [Post, ["id"]], "qa.Tag": [Tag, ["name"]] }, rows, {
    observe(given) {
      observer = given;
      return () => (observer = undefined);
    },
  });
  const app = new Petiole({ engine: memory(), models: [adapter] });
  const tell = (event: Partial<SaveEvent>) =>
    observer?.saved({ operation: "insert", model: "qa.Post", key: 1, row: rows["qa.Post"][0], ...event });
  return { app, tell, isObserved: () => observer !== undefined };
}

describe("app.onSave", () => {
  test("sends a task with the row as one property of its payload", async () => {
    const { app, tell } = makeApp();
    const index = app.task("posts.index", ({ post }: { post: Post }) => post.body);
    app.onSave(Post, index, { as: "post" });
    await tell({});
    const { records } = await app.engine.list({});
    expect(records.map(({ message }) => JSON.parse(message.payload) as unknown)).toStrictEqual([
      { post: { __type__: "ref", __value__: { model: "qa.Post", pk: 1 } } },
    ]);
  });

  test("calls its listener for inserts and updates, or for what it is told, of its model alone, until it is stopped", async () => {
    const { app, tell } = makeApp();
    const seen: string[] = [];
    const listen = (name: string, on?: "delete" | readonly ["insert", "delete"]) =>
      app.onSave(
        Post,
        (post, { operation }) => seen.push(`${name} ${operation} ${String(post.pk)}`),
        on ? { on } : {},
      );
    const stop = listen("a");
    listen("b", "delete");
    listen("c", ["insert", "delete"]);
    for (const operation of ["insert", "update", "delete"] as const) await tell({ operation });
    await tell({ model: "qa.Tag", key: "news" });
    stop();
    await tell({});
    expect(seen).toStrictEqual([
      "a insert 1",
      "c insert 1",
      "a update 1",
      "b delete 1",
      "c delete 1",
      "c insert 1",
    ]);
  });

  test("asks `when` for the row, where there is one", async () => {
    const { app, tell } = makeApp();
    const asked: unknown[] = [];
    const listener = vi.fn<() => void>();
    app.onSave(Post, listener, {
      when: (row, { operation }) => {
        asked.push([row.body, operation]);
        return false;
      },
    });
    await tell({});
    expect([asked, listener.mock.calls.length]).toStrictEqual([[["first", "insert"]], 0]);
    await tell({ row: undefined });
    expect(listener).toHaveBeenCalledTimes(1);
  });

  test("warns once of a bulk write that does not say which rows it wrote", async () => {
    const { app, tell } = makeApp();
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const listener = vi.fn<() => void>();
    app.onSave(Post, listener);
    for (let times = 0; times < 3; times++)
      await tell({ operation: "update", key: undefined, row: undefined });
    await tell({ operation: "delete", key: undefined });
    expect(listener).not.toHaveBeenCalled();
    expect(warn.mock.calls).toStrictEqual([
      [
        expect.stringContaining("A bulk update of qa.Post"),
        { type: "PetioleWarning", code: "PETIOLE_BULK_WRITE" },
      ],
    ]);
    warn.mockRestore();
  });

  test("what a listener throws rejects the write", async () => {
    const { app, tell } = makeApp();
    app.onSave(Post, () => Promise.reject(new Error("not this one")));
    await expect(tell({})).rejects.toThrow("not this one");
  });

  test("refuses what is no model, no listener, and a task without the name of its property", async () => {
    const { app } = makeApp();
    const task = app.task("t", (_: { post: Post }) => {});
    expect(() => app.onSave(Error, () => {})).toThrow(expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }));
    expect(() => app.onSave(Post, "posts.index" as never)).toThrow(/a function or a task/);
    expect(() => app.onSave(Post, task, {} as never)).toThrow(/name the property of the payload/);
    expect(() => app.onSave(Post, () => {}, { once: true } as never)).toThrow(
      /onSave\(\) must be among on, when, as/,
    );
    await expect(app.saved(Post, { id: 1 }, { kind: "insert" } as never)).rejects.toThrow(
      /saved\(\) must be among/,
    );
  });

  test.each([
    [{ on: "updated" }, /on of onSave.. must be "insert", "update" or "delete"/],
    [{ on: ["insert", "remove"] }, /received string "remove"/],
    [{ on: [] }, /must name what is done to a row/],
    [{ on: null }, /on of onSave/],
    [{ when: true }, /when of onSave.. must be a function/],
  ])("refuses %j, by which nobody would be called", (options, message) => {
    const { app } = makeApp();
    const call = () => app.onSave(Post, () => {}, options as never);
    expect(call).toThrow(expect.objectContaining({ code: "ERR_OPTION_INVALID" }));
    expect(call).toThrow(message);
  });

  test("an app that is closed listens no more", async () => {
    const { app, isObserved } = makeApp();
    expect(isObserved()).toBe(true);
    await app.close();
    expect(isObserved()).toBe(false);
  });
});

describe("app.saved", () => {
  test("says what was done, an update unless told, in the transaction that it is given", async () => {
    const { app } = makeApp();
    const seen: string[] = [];
    app.onSave(Post, (post, { operation }) => seen.push(`${operation} ${String(post.pk)}`), {
      on: ["insert", "update", "delete"],
    });
    await app.saved(Post, { id: 7 });
    await app.saved(Post, { id: 8 }, { operation: "delete" });
    expect(seen).toStrictEqual(["update 7", "delete 8"]);
    await expect(app.saved(Post, { body: "new" })).rejects.toMatchObject({ code: "ERR_REFERENCE_KEY" });
    await expect(app.saved(Post, { id: 9 }, { operation: "updated" as never })).rejects.toMatchObject({
      code: "ERR_OPTION_INVALID",
    });
    await expect(app.saved(Post, { id: 9 }, { transaction: {} })).rejects.toMatchObject({
      code: "ERR_TRANSACTION_UNSUPPORTED",
    });
  });

  test("a row that is not whole is not asked about: its listener is called", async () => {
    const stub = stubAdapter({ "qa.Post": [Post, ["id"]] });
    const models = stub.models.map((model) => ({ ...model, fields: ["id", "body"] }));
    const app = new Petiole({ engine: memory(), models: [{ ...stub, models }] });
    const asked: string[] = [];
    const called: unknown[] = [];
    app.onSave(Post, (post, { row }) => called.push([post.pk, row]), {
      when: ({ body }) => asked.push(body) > 0 && body.startsWith("public"),
    });
    await app.saved(Post, { id: 1 });
    await app.saved(Post, { id: 2, body: "public" });
    await app.saved(Post, { id: 3, body: "private" });
    expect(asked).toStrictEqual(["public", "private"]);
    expect(called).toStrictEqual([
      [1, undefined],
      [2, { id: 2, body: "public" }],
    ]);
  });
});
