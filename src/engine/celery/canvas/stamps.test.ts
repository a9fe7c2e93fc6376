/** Stamps of jobs that have none. */
import { expect, test } from "vitest";
import { makeJob } from "../../../task/make-job.ts";
import { stampsOf } from "./stamps.ts";

function jobWith(celery: unknown): ReturnType<typeof makeJob> {
  const message = { id: "i", task: "t", queue: "q", payload: "1", headers: { wire: 1, celery } };
  return makeJob({ message, attempts: 0 } as never, "t", {} as never, {} as never, {} as never);
}

test("those that the message has", () => {
  expect(stampsOf(jobWith({ stamps: { tenant: "ada" } }))).toEqual({ tenant: "ada" });
});

test.each([undefined, null, "x", [], {}, { stamps: null }, { stamps: ["a"] }])("none: %j", (celery) => {
  expect(stampsOf(jobWith(celery))).toEqual({});
});

test("none of a job that no worker has made; what is no job is refused", () => {
  expect(stampsOf({ id: "a test's own" })).toEqual({});
  for (const none of [undefined, null, 5, "job"])
    expect(() => stampsOf(none as never)).toThrow(
      expect.objectContaining({
        code: "ERR_OPTION_INVALID",
        message: expect.stringMatching(/^stampsOf\(\) must be given the job of a handler; it got/) as string,
      }),
    );
});
