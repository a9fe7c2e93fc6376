import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Reason } from "../../../engine.ts";
import { PetioleError } from "../../../errors.ts";
import type { Json } from "../../../message.ts";
import { pythonError, reasonOfPython } from "./failure.ts";
import { endOf, metaOf, statusOf } from "./result.ts";
import type { TaskEnd } from "./result.ts";

const settings = {
  exceptions: {
    OutOfStock: "shop.errors.OutOfStock",
    Empty: "shop.models:Stock.Empty",
    Top: "shop:Top",
    Bad: "builtins.eval",
    Worse: "builtins:dict.get",
    Plain: "Plain",
  },
};
const endedAt = Date.parse("2026-11-22T08:55:31.145Z");

const full: TaskEnd = {
  id: "the-id",
  status: "SUCCESS",
  state: "succeeded",
  result: '{"a":[1,{"__type__":"same","__value__":"/a"}]}',
  endedAt,
  task: "tasks.add",
  queue: "celery",
  worker: "petiole@host",
  attempts: 3,
  crashes: 1,
  deferrals: 2,
  payload: '{"x":1}',
  headers: { wire: 1, types: ["a.B"] },
  sentAt: 5,
  children: ["c1", "c2"],
  parentId: "p",
  groupId: "g",
};

test("Celery's own fields, and ours in one text", () => {
  expect(JSON.parse(metaOf(full, settings))).toStrictEqual({
    status: "SUCCESS",
    result: { a: [1, { __type__: "same", __value__: "/a" }] },
    traceback: null,
    children: [
      [["c1", null], null],
      [["c2", null], null],
    ],
    date_done: "2026-11-22T08:55:31.145+00:00",
    task_id: "the-id",
    group_id: "g",
    parent_id: "p",
    name: "tasks.add",
    worker: "petiole@host",
    retries: 2,
    queue: "celery",
    petiole: `{"state":"succeeded","endedAt":${endedAt},"attempts":3,"payload":"{\\"x\\":1}","headers":{"wire":1,"types":["a.B"]},"sentAt":5,"crashes":1,"deferrals":2}`,
  });
});

const reason: Reason = {
  code: "ERR_TASK_FAILED",
  message: "out of \u0000 \ud800",
  details: { name: "OutOfStock", stack: "OutOfStock: out\n at x", tag: { __type__: "evil", __value__: 1 } },
};
const stack = "OutOfStock: out\n at x";

test.each<[string, TaskEnd]>([
  ["a success", full],
  [
    "with little told",
    { id: "i", status: "SUCCESS", state: "succeeded", result: "null", endedAt, attempts: 1, children: [] },
  ],
  ["whose result is no JSON", { ...full, result: "oops" }],
  ["whose result is an empty text", { ...full, result: "" }],
  ["whose result has whitespace around", { ...full, result: " 1 " }],
  ["whose result has a lone surrogate", { ...full, result: '"\ud800"' }],
  ["whose result is Python's NaN", { ...full, result: "[NaN]" }],
  ["whose result is a large double", { ...full, result: "[9223372036854776000]" }],
  ["whose id has a lone surrogate", { ...full, id: "\ud800" }],
  ["at an odd time", { ...full, endedAt: 1e15 + 0.5 }],
  ...(["failed", "parked"] as const).map((state): [string, TaskEnd] => {
    const { result: _, ...rest } = full;
    return [state, { ...rest, status: "FAILURE", state, reason, traceback: stack }];
  }),
  ...(["expired", "cancelled", "skipped", "discarded"] as const).map((state): [string, TaskEnd] => {
    const { result: _, ...rest } = full;
    return [state, { ...rest, status: "REVOKED", state, reason: { code: "ERR_TEST", message: "why" } }];
  }),
])("an end comes back as it was stored: %s", (_, end) => {
  const text = metaOf(end, settings);
  expect(text.isWellFormed()).toBe(true);
  expect(endOf(text)).toStrictEqual(end);
  expect(statusOf(end.state)).toBe(end.status);
});

test("details that are too deep to be written are left out; the end is told", () => {
  let deep: Json = [];
  for (let level = 0; level < 100_000; level++) deep = [deep];
  const end: TaskEnd = {
    ...full,
    status: "FAILURE",
    state: "failed",
    reason: { ...reason, details: { deep } },
  };
  const back = endOf(metaOf(end, settings));
  expect(back).toMatchObject({ id: "the-id", state: "failed", reason: { code: "ERR_TASK_FAILED" } });
});

describe("reads what Celery stores", () => {
  const meta = (fields: object): string =>
    JSON.stringify({
      traceback: null,
      children: [],
      date_done: "2026-11-22T08:55:31.145499+00:00",
      task_id: "i",
      ...fields,
    });

  test("a success", () => {
    const text =
      '{"status": "SUCCESS", "result": {"a" : [1.0, 12345678901234567890]}, "traceback": null, "children": [[["c", null], null], ["d"], 5], "date_done": "2026-11-22T08:55:31.145499+00:00", "task_id": "i"}';
    expect(endOf(text)).toStrictEqual({
      id: "i",
      status: "SUCCESS",
      state: "succeeded",
      result: '{"a" : [1.0, {"__type__":"bigint","__value__":"12345678901234567890"}]}',
      endedAt,
      children: ["c", "d"],
    });
  });

  test("a failure, with result_extended", () => {
    const result = { exc_type: "ValueError", exc_message: ["bang", 42], exc_module: "builtins" };
    const extended = {
      name: "tasks.add",
      args: [1],
      kwargs: {},
      worker: "w",
      retries: 2,
      queue: "q",
      group_id: "g",
      parent_id: "p",
    };
    expect(endOf(meta({ status: "FAILURE", result, traceback: "Traceback", ...extended }))).toStrictEqual({
      id: "i",
      status: "FAILURE",
      state: "failed",
      reason: {
        code: "ERR_TASK_FAILED",
        message: '("bang", 42)',
        details: { name: "ValueError", module: "builtins", args: ["bang", 42], stack: "Traceback" },
      },
      endedAt,
      children: [],
      attempts: 3,
      traceback: "Traceback",
      task: "tasks.add",
      queue: "q",
      worker: "w",
      groupId: "g",
      parentId: "p",
    });
  });

  test.each([
    ["expired", "expired", "ERR_TASK_EXPIRED", "its time to run by was over before it ran"],
    ["terminated", "cancelled", "ERR_TASK_CANCELLED", "terminated"],
    ["", "cancelled", "ERR_TASK_CANCELLED", "revoked"],
  ])("revoked, %j", (message, state, code, told) => {
    const result = { exc_type: "TaskRevokedError", exc_message: [message], exc_module: "celery.exceptions" };
    expect(endOf(meta({ status: "REVOKED", result, retries: 1 }))).toMatchObject({
      state,
      attempts: 1,
      reason: { code, message: told },
    });
  });

  test.each([
    [
      { exc_type: "TimeLimitExceeded", exc_message: [1], exc_module: "billiard.exceptions" },
      "ERR_TASK_TIMEOUT",
      /ran longer than its time limit of 1 s/,
    ],
    [
      { exc_type: "SoftTimeLimitExceeded", exc_message: [], exc_module: "billiard.exceptions" },
      "ERR_TASK_TIMEOUT",
      /time limit \(Soft/,
    ],
    [
      { exc_type: "TimeLimitExceeded", exc_message: ["took 5 s"], exc_module: "celery.exceptions" },
      "ERR_TASK_TIMEOUT",
      /^took 5 s$/,
    ],
    [
      { exc_type: "NotRegistered", exc_message: ["tasks.x"], exc_module: "celery.exceptions" },
      "ERR_TASK_UNKNOWN",
      /^tasks\.x$/,
    ],
    [{ exc_type: "TimeLimitExceeded", exc_message: [1], exc_module: "mine" }, "ERR_TASK_FAILED", /^1$/],
    [
      { exc_type: "RowMissing", exc_message: ["qa.Comment 7 is gone"], exc_module: "petiole.errors" },
      "ERR_ROW_MISSING",
      /^qa\.Comment 7 is gone$/,
    ],
    [{ exc_type: "RowMissing", exc_message: [], exc_module: "mine" }, "ERR_TASK_FAILED", /^RowMissing$/],
    [{ exc_type: "KeyError", exc_message: [], exc_module: "builtins" }, "ERR_TASK_FAILED", /^KeyError$/],
    [{ exc_type: "A", exc_message: "text" }, "ERR_TASK_FAILED", /^text$/],
    [{ exc_type: 5, exc_message: { a: 1 }, exc_module: 7 }, "ERR_TASK_FAILED", /^\{"a":1\}$/],
    ["oops", "ERR_TASK_FAILED", /^oops$/],
    [null, "ERR_TASK_FAILED", /^null$/],
    [[], "ERR_TASK_FAILED", /^Exception$/],
  ])("the failure %j", (result, code, message) => {
    expect(endOf(meta({ status: "FAILURE", result }))?.reason).toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  test.each(["STARTED", "RETRY", "PENDING", "RECEIVED", "PROGRESS", "__proto__", "constructor"])(
    "%s is no end",
    (status) => {
      expect(endOf(meta({ status, result: { pid: 5 }, date_done: null }))).toBeUndefined();
    },
  );

  test("a result by rpc, which tells no time", () => {
    const text = '{"task_id": "i", "status": "SUCCESS", "result": 5, "traceback": null, "children": []}';
    expect(endOf(text, 77)).toMatchObject({ id: "i", result: "5", endedAt: 77 });
    expect(endOf(text)?.endedAt).toBeGreaterThan(endedAt - 1e12);
  });

  test("what lies in our field and is not ours is not believed", () => {
    for (const petiole of [
      5,
      "x",
      "[]",
      '{"state":"succeeded","attempts":-1,"endedAt":"x","reason":{},"id":5,"headers":[]}',
      `${"[".repeat(10_000)}`,
    ])
      expect(endOf(meta({ status: "FAILURE", result: null, petiole }))).toMatchObject({
        id: "i",
        state: "failed",
        endedAt,
      });
    const petiole = '{"result":"text"}';
    expect(endOf(meta({ status: "SUCCESS", result: 5, petiole }))?.result).toBe("5");
  });

  test.each([
    ["nothing", ""],
    ["no JSON", "SUCCESS"],
    ["a pickle", "\u0080\u0004\u0095"],
    ["a list", "[]"],
    ["no status", '{"task_id":"i"}'],
    ["a status that is a number", '{"status":5,"task_id":"i"}'],
    ["no id", '{"status":"SUCCESS","result":1}'],
    [
      "a failure that is too deep",
      `{"status":"FAILURE","task_id":"i","result":${"[".repeat(10_000)}${"]".repeat(10_000)}}`,
    ],
  ])("refuses %s", (_, text) => {
    expect(() => endOf(text)).toThrow(
      expect.objectContaining({
        code: "ERR_ENGINE_ROW_UNREADABLE",
        message: expect.stringMatching(
          /^A stored result cannot be read: .*result_serializer = "json"/,
        ) as string,
      }),
    );
  });

  test("a result of 10,000 levels", () => {
    const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
    expect(endOf(`{"status":"SUCCESS","task_id":"i","result":${deep}}`)?.result).toBe(deep);
  });

  test("whatever is there", () => {
    const fields = fc.record(
      {
        status: fc.constantFrom("SUCCESS", "FAILURE", "REVOKED"),
        task_id: fc.string({ minLength: 1 }),
        result: fc.jsonValue(),
        traceback: fc.jsonValue(),
        children: fc.jsonValue(),
        date_done: fc.oneof(fc.jsonValue(), fc.constant("2026-01-01")),
        retries: fc.jsonValue(),
        petiole: fc.oneof(fc.json(), fc.jsonValue()),
      },
      { requiredKeys: ["status", "task_id"] },
    );
    fc.assert(
      fc.property(fields, (meta) => {
        const end = endOf(JSON.stringify(meta));
        expect(endOf(metaOf(end!, settings))).toMatchObject({ status: end!.status, state: end!.state });
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          endOf(text);
        } catch (error) {
          expect(error).toBeInstanceOf(PetioleError);
        }
      }),
    );
  });
});

describe("what Python raises", () => {
  const raised = (details: { readonly [key: string]: Json }, code = "ERR_TASK_FAILED"): unknown[] => {
    const { type, module, args } = pythonError(
      { code, message: "boom", details },
      settings.exceptions,
      "tasks.add",
    );
    return [module, type, ...args];
  };

  test.each([
    ["TypeError", "builtins", "TypeError"],
    ["RangeError", "builtins", "ValueError"],
    ["Error", "builtins", "Exception"],
    ["OutOfStock", "shop.errors", "OutOfStock"],
    ["Empty", "shop.models", "Stock.Empty"],
    ["Top", "shop", "Top"],
    ["Plain", "celery.exceptions", "Plain"],
    ["PaymentRefused", "celery.exceptions", "PaymentRefused"],
    ["Weird Näme", "celery.exceptions", "Weird_N_me"],
    ["1st", null, "_1st"],
    ["", "builtins", "Exception"],
    ["...", "builtins", "Exception"],
    // What would be no exception there, or end the process that asks: a class of that name in no module.
    ["Bad", null, "eval"],
    ["Worse", null, "dict_get"],
    ["numbers", null, "numbers"],
    ["__doc__", null, "__doc__"],
    ["WorkerShutdown", null, "WorkerShutdown"],
    ["Retry", null, "Retry"],
    ["a.b", null, "a_b"],
  ])("for an error named %j", (name, module, type) => {
    expect(raised({ name })).toStrictEqual([module, type, "boom"]);
  });

  test("for reasons of ours", () => {
    expect(raised({ name: "Error" }, "ERR_TASK_TIMEOUT")).toStrictEqual([
      "celery.exceptions",
      "TimeLimitExceeded",
      "boom",
    ]);
    expect(raised({}, "ERR_TASK_UNKNOWN")).toStrictEqual(["celery.exceptions", "NotRegistered", "tasks.add"]);
    expect(raised({}, "ERR_TYPE_UNKNOWN")).toStrictEqual(["builtins", "Exception", "boom"]);
    expect(pythonError({ code: "ERR_ROW_CHANGED", message: "m" }, {})).toStrictEqual({
      type: "RowChanged",
      module: "petiole.errors",
      args: ["m"],
    });
    expect(pythonError({ code: "ERR_X", message: "m" }, {})).toStrictEqual({
      type: "Exception",
      module: "builtins",
      args: ["m"],
    });
  });

  test("what came from Python, or was thrown as Python's, stays what it is", () => {
    const { details } = reasonOfPython(
      { exc_type: "Outer.Inner", exc_message: ["a", 1], exc_module: "shop.errors" },
      null,
    );
    expect(raised(details as { readonly [key: string]: Json })).toStrictEqual([
      "shop.errors",
      "Outer.Inner",
      "a",
      1,
    ]);
    const python = { module: "builtins", type: "KeyError", args: ["k"] };
    expect(raised({ name: "Error", python })).toStrictEqual(["builtins", "KeyError", "k"]);
    expect(raised({ python: { module: "builtins", type: "eval", args: ["1"] } })).toStrictEqual([
      null,
      "eval",
      "1",
    ]);
    expect(raised({ python: { module: "builtins", type: "SystemExit", args: [] } })).toStrictEqual([
      null,
      "SystemExit",
    ]);
    expect(raised({ python: { module: "a b", type: "X", args: [] } })).toStrictEqual([null, "X"]);
    expect(raised({ name: "TypeError", python: { module: 5, type: "X", args: [] } })).toStrictEqual([
      "builtins",
      "TypeError",
      "boom",
    ]);
    expect(raised({ name: "TypeError", python: "x" })).toStrictEqual(["builtins", "TypeError", "boom"]);
  });

  test("what Celery could not pickle is told as what it is", () => {
    const told = (exc_message: unknown): object =>
      reasonOfPython(
        {
          exc_type: "UnpickleableExceptionWrapper",
          exc_module: "celery.utils.serialization",
          exc_message,
        },
        null,
      );
    expect(told(["shop.errors", "OutOfStock", ["no pens", 3], "OutOfStock('no pens', 3)"])).toStrictEqual({
      code: "ERR_TASK_FAILED",
      message: '("no pens", 3)',
      details: { name: "OutOfStock", module: "shop.errors", args: ["no pens", 3] },
    });
    for (const odd of [undefined, null, "x", [], [1, "X", []], ["m", 1, []], ["m", "X", "args"]])
      expect(told(odd)).toMatchObject({ details: { name: "UnpickleableExceptionWrapper" } });
  });

  test.each([
    [[{ __type__: "decimal", __value__: "1.10" }], "1.10"],
    [[{ __type__: "uuid", __value__: { hex: "07" } }], "07"],
    [["a", { at: { __type__: "bigint", __value__: "9" } }], '("a", {"at":"9"})'],
    [[{ __type__: "decimal" }], '{"__type__":"decimal"}'],
    [[{ __type__: "decimal", __value__: "1", more: 1 }], '{"__type__":"decimal","__value__":"1","more":1}'],
  ])("the message of arguments %j", (args, message) => {
    expect(reasonOfPython({ exc_type: "X", exc_module: "m", exc_message: args }, null)).toMatchObject({
      message,
      details: { args },
    });
  });

  test("its arguments are what Kombu decodes, exact where it can be, and text where not", () => {
    const tag = (type: string, value: Json): Json => ({ __type__: type, __value__: value });
    let deep: Json = [];
    for (let level = 0; level < 60; level++) deep = [deep];
    const args: Json = [
      1,
      "a",
      { a: [null] },
      tag("decimal", "1.10"),
      tag("bigint", "123"),
      tag("number", "NaN"),
      tag("map", []),
      [tag("evil", 1)],
      2 ** 63,
      deep,
      tag("bigint", "x"),
    ];
    const end: TaskEnd = {
      ...full,
      status: "FAILURE",
      state: "failed",
      reason: { code: "E", message: "m", details: { python: { module: "a", type: "B", args } } },
    };
    const text = metaOf(end, settings);
    expect(text).toContain(
      `"exc_message":[1,"a",{"a":[null]},{"__type__":"decimal","__value__":"1.10"},123,NaN,"{\\"__type__\\":\\"map\\",\\"__value__\\":[]}","[{\\"__type__\\":\\"evil\\",\\"__value__\\":1}]",9223372036854776000.0,"[[[`,
    );
    expect(endOf(text)?.reason).toStrictEqual(end.reason);
  });
});
