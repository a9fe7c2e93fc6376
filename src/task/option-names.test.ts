import { describe, expect, test } from "vitest";
import { memory } from "../engine/memory.ts";
import { createWire } from "../wire/wire.ts";
import { Petiole } from "./petiole.ts";

const app = new Petiole({ engine: memory(), transactions: "outbox" });
const task = app.task("t", (x?: number) => x);
// As JavaScript calls it, where no compiler looks.
const given = (options: object): never => options as never;

describe("an option that there is not is refused, with the names there are", () => {
  test.each<[string, RegExp, () => unknown]>([
    [
      "an app",
      /options of an app .* engine, values/,
      () => new Petiole(given({ engine: memory(), value: [] })),
    ],
    [
      "its limits",
      /limits .* bytes, depth/,
      () => new Petiole({ engine: memory(), limits: given({ byte: 1 }) }),
    ],
    ["its defaults", /defaults/, () => new Petiole({ engine: memory(), defaults: given({ rate: {} }) })],
    [
      "the retry of its defaults",
      /retry of defaults .* attempts/,
      () => new Petiole({ engine: memory(), defaults: { retry: given({ attempt: 1 }) } }),
    ],
    ["a task", /options of task wrong .* ifMissing/, () => app.task("wrong", given({ ifMising: "skip" }))],
    ["its retry", /retry of task wrong/, () => app.task("wrong", { retry: given({ attempt: 3 }) })],
    [
      "its rate",
      /rate of task wrong .* limit, per/,
      () => app.task("wrong", { rate: given({ limit: 1, span: "1s" }) }),
    ],
    ["a task that is gone", /retired task gone/, () => app.retired("gone", given({ outcomes: "fail" }))],
    ["enqueue", /enqueue\(\) of task t .* delay, runAt/, () => task.enqueue(1, given({ dealy: "5m" }))],
    ["enqueueMany", /enqueue\(\) of task t/, () => task.enqueueMany([1, 2], given({ dealy: "5m" }))],
    ["its key", /unique .* key, lasts/, () => task.enqueue(1, { unique: given({ key: "k", last: "1h" }) })],
    ["a step", /with\(\) of task t/, () => task.with(given({ dealy: "5m" }))],
    ["a signature", /signature of task t/, () => task.signature(1, given({ dealy: "5m" }))],
    [
      "a chain",
      /a chain .* delay, .*task\.with/,
      () => app.chain(task, task).enqueue(1, given({ queue: "slow" })),
    ],
    ["a group", /a group .* headers, .*task\.with/, () => app.group().enqueue(given({ queue: "slow" }))],
    [
      "a schedule",
      /schedule of t .* timezone/,
      () => app.schedule(task, "* * * * *", 1, given({ zone: "UTC" })),
    ],
    ["a worker", /a worker .* concurrency/, () => app.worker(given({ conurrency: 3 }))],
    ["a relay", /a relay .* logger/, () => app.relay(given({ log: console }))],
    ["waiting", /result\(\) .* timeout/, () => task.handle("none").result(given({ timeOut: 5 }))],
    ["a wire", /a wire .* values/, () => createWire(given({ value: [] }))],
    ["the memory engine", /memory\(\) .* retention/, () => memory(given({ keep: 5 }))],
  ])("%s", async (_, message, make) => {
    await expect(async () => make()).rejects.toThrow(
      expect.objectContaining({ code: "ERR_OPTION_INVALID", message: expect.stringMatching(message) }),
    );
  });
});

test("a name whose option is undefined is let through, as if it were not there", async () => {
  await expect(task.enqueue(1, given({ dealy: undefined }))).resolves.toHaveProperty("id");
});

test.each([5, "abc", [], null])("headers that are %j are refused", async (headers) => {
  const refused = expect.objectContaining({
    code: "ERR_OPTION_INVALID",
    message: expect.stringContaining("headers must be an object, received"),
  });
  await expect(task.enqueue(1, given({ headers }))).rejects.toThrow(refused);
  await expect(app.chain(task, task).enqueue(1, given({ headers }))).rejects.toThrow(refused);
  expect(() => task.with(given({ headers }))).toThrow(refused);
});

test.each([5, "5m", [], null])("%j is no options of a send", async (options) => {
  await expect(task.enqueue(1, options as never)).rejects.toThrow("must be an object, received");
});

test("a span of the memory engine that is no number is refused", () => {
  expect(() => memory(given({ retention: "1h" }))).toThrow(/retention is a number .*string "1h"/);
});
