/** Asking, on a mailbox in memory: what is closed while it begins. */
import { expect, test, vi } from "vitest";
import { CeleryControl } from "./client.ts";
import type { Listening, Mailbox } from "./mailbox.ts";

function make() {
  const opening = Promise.withResolvers<void>();
  const listening = Promise.withResolvers<Listening>();
  const stop = vi.fn(async () => undefined);
  const hears = vi.fn(async () => undefined);
  const broadcast = vi.fn(async () => undefined);
  const onAnswers = vi.fn(() => listening.promise);
  const close = vi.fn(async () => undefined);
  const control = new CeleryControl({
    mailbox: { broadcast, onAnswers } as Partial<Mailbox> as Mailbox,
    open: () => opening.promise,
    close,
    timeout: 5,
    closed: () => new Error("closed"),
  });
  const listen = (): void => listening.resolve({ address: { exchange: "e", routingKey: "r" }, hears, stop });
  return { control, opening, listen, stop, hears, broadcast, onAnswers, close };
}

test("closed while it opens, it begins nothing, and whoever waits gets no answers", async () => {
  const { control, opening, onAnswers, broadcast, close } = make();
  const asking = control.ping();
  const telling = control.ping({ timeout: 0 });
  await control.close();
  opening.resolve();
  expect((await asking).replies.size).toBe(0);
  expect((await telling).replies.size).toBe(0);
  expect(onAnswers).not.toHaveBeenCalled();
  expect(broadcast).not.toHaveBeenCalled();
  expect(close).toHaveBeenCalledOnce();
});

test("closed while it opens, that it could not is nobody's error", async () => {
  const { control, opening, broadcast } = make();
  const asking = control.ping();
  await control.close();
  opening.reject(new Error("it is closed"));
  expect((await asking).replies.size).toBe(0);
  expect(broadcast).not.toHaveBeenCalled();
});

test("closed while it begins to hear, it stops that, and asks nobody", async () => {
  const { control, opening, listen, stop, broadcast, onAnswers } = make();
  opening.resolve();
  const asking = control.ping();
  await vi.waitFor(() => expect(onAnswers).toHaveBeenCalledOnce());
  const closing = control.close();
  listen();
  expect((await asking).replies.size).toBe(0);
  await closing;
  expect(stop).toHaveBeenCalledOnce();
  expect(broadcast).not.toHaveBeenCalled();
});

test("whom to ask is refused where it is misspelled, for all would be told", async () => {
  const { control, opening, listen, broadcast } = make();
  opening.resolve();
  listen();
  await expect(control.shutdown({ destinations: ["a@host"] } as never)).rejects.toThrow(
    expect.objectContaining({ code: "ERR_OPTION_INVALID", message: expect.stringMatching(/"destinations"/) }),
  );
  expect(broadcast).not.toHaveBeenCalled();
  await control.revoke("id", { terminate: true, timeout: 0 });
  await control.active({ safe: true, timeout: 0 });
  expect(broadcast).toHaveBeenCalledTimes(2);
});

test("each question waits until answers are heard", async () => {
  const { control, opening, listen, hears, broadcast, onAnswers } = make();
  opening.resolve();
  listen();
  await control.ping();
  hears.mockRejectedValueOnce(new Error("the broker is away"));
  await expect(control.ping()).rejects.toThrow("the broker is away");
  expect(broadcast).toHaveBeenCalledTimes(1);
  await control.ping();
  expect(broadcast).toHaveBeenCalledTimes(2);
  expect(onAnswers).toHaveBeenCalledOnce();
  await control.close();
});
