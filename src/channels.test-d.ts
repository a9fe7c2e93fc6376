import type { Redis } from "ioredis";
import { createClient } from "redis";
import { expectTypeOf, test } from "vitest";
import { channelLayer, type ChannelLayer, type RedisClientLike } from "./channels.ts";

declare const ioredis: Redis;
declare const layer: ChannelLayer;

test("takes clients of ioredis and node-redis as they are, one or several", () => {
  expectTypeOf<Redis>().toExtend<RedisClientLike>();
  expectTypeOf(channelLayer).toBeCallableWith(ioredis);
  expectTypeOf(channelLayer).toBeCallableWith(createClient(), { capacity: 5 });
  expectTypeOf(channelLayer).toBeCallableWith([ioredis, createClient({ RESP: 2 })]);
  // @ts-expect-error a URL is no client
  channelLayer("redis://localhost");
  // @ts-expect-error the names are those of TypeScript
  channelLayer(ioredis, { group_expiry: 5 });
});

test("a message has a type", () => {
  expectTypeOf(layer.send).toBeCallableWith("jobs", { type: "x", anything: [1n] });
  // @ts-expect-error runworker ends without one
  void layer.send("jobs", { value: 1 });
});

test("handlers get what they say, and unknown values unless they do", () => {
  layer.consume<{ "chat.said": { text: string } }>("jobs", {
    "chat.said": (message, { channel, signal }) => {
      expectTypeOf(message.text).toBeString();
      expectTypeOf(message.type).toBeString();
      expectTypeOf(channel).toBeString();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    },
  });
  layer.consume(["jobs", "others"], { x: (message) => expectTypeOf(message["any"]).toBeUnknown() });
  layer.consume<{ "chat.said": { text: string } }>("jobs", {
    "chat.said": () => undefined,
    // @ts-expect-error nobody said that it comes
    "chat.left": () => undefined,
  });
});
