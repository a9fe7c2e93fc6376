/** Events that nobody iterates over yet, on a mailbox in memory: how many of them are kept. */
import { expect, test } from "vitest";
import type { Mailbox } from "../control/mailbox.ts";
import { CeleryEvents } from "./receiver.ts";

test("few of them are kept where they are large", async () => {
  let hear: (body: unknown) => void = () => undefined;
  const mailbox: Partial<Mailbox> = {
    onEvents(listener) {
      hear = listener;
      return () => undefined;
    },
  };
  const open = { mailbox: mailbox as Mailbox, open: async () => {}, close: async () => {} };
  const events = new CeleryEvents(open, { broker: undefined as never, enable: false });
  const text = "x".repeat(1024 ** 2);
  const told = (n: number): object => ({ type: "x-y", hostname: "w", timestamp: 1, n, deep: [{ text }] });
  for (let n = 0; n < 100; n++) hear(told(n));
  const numbers: unknown[] = [];
  const reading = (async () => {
    for await (const { fields } of events) numbers.push(fields["n"]);
  })();
  await new Promise((resolve) => setImmediate(resolve));
  // The latest 31: each is somewhat more than a 32nd of what may wait.
  expect(numbers).toEqual(Array.from({ length: 31 }, (_, at) => 69 + at));
  // What is read is no longer counted.
  for (let n = 100; n < 131; n++) hear(told(n));
  expect(events.dropped).toBe(0);
  hear([told(131), told(132)]);
  expect(events.dropped).toBe(2);
  await events.close();
  await reading;
  expect(numbers.slice(31)).toEqual(Array.from({ length: 31 }, (_, at) => 102 + at));
});
