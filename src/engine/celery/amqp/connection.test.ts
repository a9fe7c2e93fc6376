import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AmqpConnection } from "./connection.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a connection has ten seconds to be made, however little a call waits", async () => {
  const source = vi.fn(() => new Promise<never>(() => undefined));
  const connection = new AmqpConnection(source, { timeout: 300 });
  const asked = async (): Promise<unknown> => {
    const asking = connection.channel("plain", "a test").catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(400);
    return asking;
  };
  expect(await asked()).toMatchObject({ code: "ERR_ENGINE_UNREACHABLE" });
  await vi.advanceTimersByTimeAsync(9000);
  await asked();
  expect(source).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1000);
  await asked();
  expect(source).toHaveBeenCalledTimes(2);
});
