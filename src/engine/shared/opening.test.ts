import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { Opening } from "./opening.ts";

/** An opening whose first `failures` tries fail, and what was called in which order. */
function make(failures = 0): { opening: Opening<{ stop(): void; close(): Promise<void> }>; calls: string[] } {
  const calls: string[] = [];
  const store = { stop: () => void calls.push("stop"), close: async () => void calls.push("close") };
  let left = failures;
  const open = async (): Promise<typeof store> => {
    calls.push("open");
    await sleep(1);
    if (left-- > 0) throw new Error("away");
    return store;
  };
  return { opening: new Opening({ open, closed: () => new Error("closed"), retryAfter: 5 }), calls };
}

describe("opening", () => {
  test("opens once for all, and again after it has failed", async () => {
    const { opening, calls } = make(1);
    const first = await Promise.allSettled([opening.opened(), opening.call(async () => 1)]);
    expect(first.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await Promise.all([opening.call(async () => 1), opening.call(async () => 2)])).toEqual([1, 2]);
    expect(calls).toEqual(["open", "open"]);
  });

  test("closes once, when the calls under way have ended, and refuses others", async () => {
    const { opening, calls } = make();
    await opening.opened();
    const call = opening.call(async () => {
      await sleep(10);
      calls.push("called");
    });
    await Promise.all([opening.close(), opening.close(), call]);
    expect(calls).toEqual(["open", "stop", "called", "close"]);
    await expect(opening.call(async () => 1)).rejects.toThrow("closed");
    await expect(opening.opened()).rejects.toThrow("closed");
    expect(() => opening.listen(() => () => undefined)).toThrow("closed");
  });

  test("listens when it is open at last, and tells what was missed", async () => {
    const { opening } = make(2);
    const [failed, late, stop] = [vi.fn(), vi.fn(), vi.fn()];
    const leave = opening.listen(() => stop, failed, late);
    await vi.waitFor(() => expect(late).toHaveBeenCalledTimes(1));
    expect(failed).toHaveBeenCalledTimes(2);
    leave();
    expect(stop).toHaveBeenCalledTimes(1);
  });

  test("does not listen any more when it was stopped, or closed, before it was open", async () => {
    const { opening } = make();
    const [listen, late] = [vi.fn(() => () => undefined), vi.fn()];
    opening.listen(listen, undefined, late)();
    opening.listen(listen, undefined, late);
    await opening.close();
    await sleep(20);
    expect(listen).not.toHaveBeenCalled();
    expect(late).not.toHaveBeenCalled();
  });
});
