import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { boundHandshake } from "./handshake.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each([
  ["ten seconds", {}, 10_000],
  ["no less, whatever the client says", { options: { connectTimeout: 300 } }, 10_000],
  ["ioredis's connectTimeout, if it is longer", { options: { connectTimeout: 30_000 } }, 30_000],
  ["node-redis's", { options: { socket: { connectTimeout: 20_000 } } }, 20_000],
])("a connection is given up after %s", (_, like, within) => {
  const [client, giveUp] = [new EventEmitter(), vi.fn()];
  boundHandshake(client, like, giveUp);
  vi.advanceTimersByTime(60_000);
  client.emit("connect");
  vi.advanceTimersByTime(within - 1);
  expect(giveUp).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(giveUp).toHaveBeenCalledTimes(1);
});

test.each(["ready", "close", "end"])("not once it is told as %s", (over) => {
  const [client, giveUp] = [new EventEmitter(), vi.fn()];
  boundHandshake(client, {}, giveUp);
  client.emit("connect");
  client.emit(over);
  vi.advanceTimersByTime(60_000);
  expect(giveUp).not.toHaveBeenCalled();
});
