/** Messages to many channels of one process: each has its own, and none is copied for those who do not wait. */
import { afterEach, expect, test, vi } from "vitest";
import { Inbox } from "./inbox.ts";
import { Codec, type CodecSettings } from "./message/codec.ts";
import type { Puller } from "./puller.ts";
import type { Shard } from "./shard.ts";

type Deliver = (key: string, entry: Uint8Array) => boolean;

/** Where what came from Redis goes: without a Redis. */
let deliver: Deliver;
vi.mock(import("./puller.ts"), () => ({
  Puller: class {
    constructor(_shard: unknown, hooks: { readonly deliver: Deliver }) {
      deliver = hooks.deliver;
    }
    changed(): void {}
    async stop(): Promise<void> {}
  } as unknown as typeof Puller,
}));
afterEach(() => void vi.unstubAllGlobals());

const settings: CodecSettings = {
  format: "msgpack",
  fernet: undefined,
  randomPrefixLength: 12,
  expiry: 60,
  limits: { bytes: 100_000, depth: 511 },
};
const codec = await Codec.load(settings);
const tell = vi.fn();
const name = "specific.3f!";

function open(): Inbox {
  const more = { prefix: "asgi", own: "3f!", timeout: 1000, capacity: () => 2, tell };
  return new Inbox({ ...settings, ...more }, codec, [{} as Shard]);
}

test("each has its own, also those who come for it later", async () => {
  const inbox = open();
  const waiting = inbox.receive(`${name}a`, undefined);
  const names = ["a", "b", "c"].map((end) => name + end);
  deliver(`asgi${name}`, codec.writer({ type: "x", list: [1] })(names));
  const got = [await waiting];
  for (const each of names.slice(1)) got.push(await inbox.receive(each, undefined));
  for (const message of got) expect(message).toEqual({ type: "x", list: [1] });
  expect(new Set(got.map(({ list }) => list)).size).toBe(3);
  await inbox.close();
});

test("one name many times is one, and nothing is copied for who does not wait", async () => {
  const inbox = open();
  const waiting = inbox.receive(`${name}a`, undefined);
  const clone = vi.fn(structuredClone);
  vi.stubGlobal("structuredClone", clone);
  const names = [
    "a",
    "a",
    ...Array.from({ length: 10_000 }, () => "b"),
    ...Array.from({ length: 900 }, (_, n) => `${n}`),
  ];
  deliver(`asgi${name}`, codec.writer({ type: "x" })(names.map((end) => name + end)));
  expect(await waiting).toEqual({ type: "x" });
  expect(clone).toHaveBeenCalledTimes(1);
  expect(tell).not.toHaveBeenCalled();
  expect(await inbox.receive(`${name}b`, undefined)).toEqual({ type: "x" });
  const none = AbortSignal.timeout(20);
  await expect(inbox.receive(`${name}b`, none)).rejects.toMatchObject({ name: "TimeoutError" });
  await inbox.close();
});
