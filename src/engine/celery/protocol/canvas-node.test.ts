/** The signature of a canvas of TypeScript's. */
import { expect, test } from "vitest";
import { signatureOfNode } from "./canvas-node.ts";
import type { TaskNode } from "./canvas-node.ts";
import type { ProtocolSettings } from "./settings.ts";

const settings: ProtocolSettings = {
  hostname: "h",
  origin: "o",
  timezone: "UTC",
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
