import { expect, test } from "vitest";
import type { Outgoing } from "../../../engine.ts";
import { messageOf, noCounters } from "./sending.ts";
import { received } from "./receiving.ts";
import type { ProtocolSettings } from "./settings.ts";

const settings: ProtocolSettings = {
  hostname: "petiole@host",
  origin: "gen1@host",
  timezone: "UTC",
  tasks: { "tasks.add": { positional: ["x", "y"] } },
  exceptions: {},
};

test.each(["", "007", '{"y":2,"x":3}', '"a"', '{"b":1,"a":2,"b":3, "1":1.0}'])("%s", (payload) => {
  const message = { id: "i", task: "tasks.add", queue: "q", payload, headers: { wire: 1 } };
  const outgoing: Outgoing = { message, runAt: 0 };
  const celery = messageOf(outgoing, noCounters, settings, { sentAt: 5 });
  expect(received(celery, settings).message).toStrictEqual(message);
});
