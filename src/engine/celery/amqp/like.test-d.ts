import {
  connect,
  type ChannelModel,
  type ConfirmChannel,
  type Channel,
  type RecoveringChannelModel,
} from "amqplib";
import { expectTypeOf, test } from "vitest";
import { AmqpConnection } from "./connection.ts";
import type { AmqpChannelLike, AmqpConfirmChannelLike, AmqpConnectionLike, AmqpSource } from "./like.ts";

test("takes what amqplib makes, as it is", () => {
  expectTypeOf<ChannelModel>().toExtend<AmqpConnectionLike>();
  expectTypeOf<RecoveringChannelModel>().toExtend<AmqpConnectionLike>();
  expectTypeOf<Channel>().toExtend<AmqpChannelLike>();
  expectTypeOf<ConfirmChannel>().toExtend<AmqpConfirmChannelLike>();
  expectTypeOf(() => connect("amqp://127.0.0.1")).toExtend<AmqpSource>();
  expectTypeOf(() => connect("amqp://127.0.0.1", { recovery: true })).toExtend<AmqpSource>();
});

test("takes nothing else", () => {
  // @ts-expect-error a URL is no connection
  void new AmqpConnection("amqp://127.0.0.1");
  // @ts-expect-error nor is the promise of one
  void new AmqpConnection(connect("amqp://127.0.0.1"));
  // @ts-expect-error nor is what a function makes that is none
  void new AmqpConnection(() => "amqp://127.0.0.1");
});
