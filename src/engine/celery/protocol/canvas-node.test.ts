/** The signature of a canvas of TypeScript's. */
import { expect, test } from "vitest";
import { canvasOf } from "./canvas-node.ts";
import { sentCanvas, signatureOfNode } from "./canvas-signature.ts";
import type { CanvasNode, TaskNode } from "./canvas-node.ts";
import type { ProtocolSettings } from "./settings.ts";

const settings: ProtocolSettings = {
  hostname: "h",
  origin: "o",
  tasks: {},
  exceptions: {},
};
const sentAt = Date.parse("2026-11-23T06:00:00Z");
const context = { settings, sentAt, replyTo: undefined };
const node: TaskNode = { kind: "task", id: "i", task: "t", payload: "1", headers: {} };

function optionsOf(times: Partial<TaskNode>): unknown {
  const signature: unknown = JSON.parse(signatureOfNode({ ...node, ...times }, context));
  return (signature as { readonly options: unknown }).options;
}

test("what expires so long after it may run", () => {
  const hour = 3_600_000;
  expect(optionsOf({ runAt: sentAt + 2 * hour, expiresIn: hour })).toMatchObject({
    eta: "2026-11-23T08:00:00.000+00:00",
    expires: "2026-11-23T09:00:00.000+00:00",
  });
  // Its time is over: it counts from now on.
  expect(optionsOf({ runAt: sentAt - 2 * hour, expiresIn: hour })).toMatchObject({
    expires: "2026-11-23T07:00:00.000+00:00",
  });
  expect(optionsOf({ delay: hour, expiresIn: hour })).toMatchObject({ countdown: 3600, expires: 7200 });
  expect(optionsOf({ expiresIn: hour })).toMatchObject({ expires: 3600 });
  expect(optionsOf({ runAt: sentAt, expires: sentAt + hour })).toMatchObject({
    expires: "2026-11-23T07:00:00.000+00:00",
  });
});

test("all that only Celery has is an option of it", () => {
  const link = { task: "l", id: "1" };
  const celery = {
    priority: 3,
    exchange: "media",
    routingKey: "media.hd",
    retries: 2,
    timeLimit: 60_000,
    softTimeLimit: 30_000,
    shadow: "s",
    ignoreResult: true,
    compression: "zlib",
    link: [link],
    linkError: [link],
    headers: { tenant: "ada" },
  };
  const linked = [expect.objectContaining({ task: "l" })];
  expect(optionsOf({ headers: { celery } })).toEqual({
    task_id: "i",
    priority: 3,
    exchange: "media",
    routing_key: "media.hd",
    retries: 2,
    time_limit: 60,
    soft_time_limit: 30,
    shadow: "s",
    ignore_result: true,
    compression: "zlib",
    link: linked,
    link_error: linked,
    headers: { tenant: "ada", petiole: expect.any(String) },
  });
  const fanout = { exchange: "fan", routingKey: "" };
  expect(optionsOf({ headers: { celery: fanout } })).toMatchObject({
    exchange: "fan",
    routing_key: "",
    exchange_type: "fanout",
  });
});

test.each([
  { exchange: "media", routingKey: "media.hd" },
  { exchange: "fan", routingKey: "" },
])("it goes where a send of that task alone would: %j", (celery) => {
  const routed: CanvasNode = { ...node, headers: { celery } };
  expect(sentCanvas(withCanvas(routed), routed, context).messages).toMatchObject([{ route: celery }]);
});

function withCanvas(canvas: unknown): Parameters<typeof canvasOf>[0] {
  const headers = { wire: 1, celery: { canvas } };
  return { id: "m", task: "t", queue: "q", payload: "null", headers } as never;
}

const parts: CanvasNode[] = [node, { ...node, call: { args: ["1"], kwargs: "{}", immutable: true } }];

test("a canvas is read as it was written", () => {
  const canvas: CanvasNode = {
    kind: "chain",
    steps: [
      { kind: "chord", id: "c", header: parts, body: node },
      { kind: "group", id: "g", tasks: parts, link: [node], linkError: [node] },
      { ...node, chunk: { task: "a", items: ["1"], isNamed: true }, stamps: { a: 1 }, runAt: 5 },
    ],
  };
  expect(canvasOf(withCanvas(canvas))).toStrictEqual(canvas);
  expect(canvasOf({ ...withCanvas(0), headers: { wire: 1 } })).toBeUndefined();
});

test.each<[unknown, RegExp]>([
  [null, /headers\.celery\.canvas: expected a canvas/],
  [[], /headers\.celery\.canvas: expected a canvas/],
  [{}, /canvas\.kind: expected task, chain, group or chord/],
  [{ kind: "__proto__" }, /canvas\.kind/],
  [{ kind: "task" }, /canvas\.id/],
  [{ ...node, task: 5 }, /canvas\.task/],
  [{ ...node, queue: {} }, /canvas\.queue/],
  [{ ...node, payload: {} }, /canvas\.payload/],
  [{ ...node, headers: null }, /canvas\.headers/],
  [{ ...node, stamps: [] }, /canvas\.stamps/],
  [{ ...node, runAt: "now" }, /canvas\.runAt/],
  [{ ...node, expires: 1e300 }, /canvas\.expires/],
  [{ ...node, delay: Number.NaN }, /canvas\.delay/],
  [{ ...node, call: { args: [5], kwargs: "{}", immutable: true } }, /canvas\.call/],
  [{ ...node, chunk: { task: "a", items: "b", isNamed: true } }, /canvas\.chunk/],
  [{ ...node, link: {} }, /canvas\.link: expected a list/],
  [{ ...node, linkError: [5] }, /canvas\.linkError\[0\]/],
  [{ kind: "chain" }, /canvas\.steps: expected a list/],
  [{ kind: "chain", steps: [null] }, /canvas\.steps\[0\]/],
  [{ kind: "group", id: 5, tasks: [] }, /canvas\.id/],
  [{ kind: "chord", id: "c", header: [] }, /canvas\.body/],
])("a forged canvas is refused: %j", (canvas, message) => {
  expect(() => canvasOf(withCanvas(canvas))).toThrow(
    expect.objectContaining({
      code: "ERR_TEXT_UNDECODABLE",
      message: expect.stringMatching(message) as string,
    }),
  );
});

test("a canvas that is too deep is refused, and a time that Python has not is its last", () => {
  let deep: unknown = node;
  for (let level = 0; level < 10_000; level++) deep = { kind: "chain", steps: [deep] };
  expect(() => canvasOf(withCanvas(deep))).toThrow(/at most 50 levels of canvas/);
  const late = { ...node, runAt: 8.64e15, expiresIn: 5 };
  const [message] = sentCanvas(withCanvas(late), late, context).messages;
  expect(message!.headers["eta"]).toBe("9999-12-31T23:59:59.999+00:00");
});
