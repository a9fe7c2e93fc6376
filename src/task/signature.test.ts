import { afterEach, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { Petiole } from "./petiole.ts";
import { Signature, TaskWith } from "./signature.ts";

const app = new Petiole({ engine: memory() });
const index = app.task("posts.index", (post: { body: string }) => post.body.length);
const ping = app.task("ping", () => "pong");

afterEach(() => app.close());

test("a signature keeps its task, its payload as it is, and its options", () => {
  const payload = { body: "a" };
  const signature = index.signature(payload, { delay: "1m" });
  expect(signature).toBeInstanceOf(Signature);
  expect(signature.task).toBe(index);
  expect(signature.payload).toBe(payload);
  expect(signature.options).toEqual({ delay: "1m" });
  expect(ping.signature()).toMatchObject({ payload: undefined, options: {} });
});

test("a task with options has no payload of its own", () => {
  const step = index.with({ queue: "slow" });
  expect(step).toBeInstanceOf(TaskWith);
  expect(step.task).toBe(index);
  expect(step.options).toEqual({ queue: "slow" });
});

test("a step cannot have a transaction, nor options that are none", () => {
  const transaction = {};
  const refusal = { code: "ERR_OPTION_INVALID", message: expect.stringContaining("give it to enqueue()") };
  expect(() => index.signature({ body: "a" }, { transaction } as object)).toThrow(
    expect.objectContaining(refusal),
  );
  expect(() => index.with({ transaction } as object)).toThrow(expect.objectContaining(refusal));
  expect(() => index.with("slow" as never)).toThrow(/posts\.index must be an object, received/);
  expect(() => index.signature({ body: "a" }, null as never)).toThrow(/must be an object, received null/);
});
