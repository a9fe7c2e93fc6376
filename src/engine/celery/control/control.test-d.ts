import type { ChannelModel } from "amqplib";
import type { Redis } from "ioredis";
import { expectTypeOf, test } from "vitest";
import {
  celeryControl,
  celeryEvents,
  isTaskEvent,
  type CeleryEvent,
  type CeleryReplies,
  type CeleryTaskInfo,
  type CeleryStats,
} from "../../celery.ts";

declare const redis: Redis;
declare const connect: () => Promise<ChannelModel>;

test("answers are typed", () => {
  const control = (): ReturnType<typeof celeryControl> => celeryControl({ broker: redis, timeout: 500 });
  expectTypeOf(() => control().ping()).returns.resolves.toEqualTypeOf<CeleryReplies<string>>();
  expectTypeOf(() => control().active({ safe: true })).returns.resolves.toEqualTypeOf<
    CeleryReplies<readonly CeleryTaskInfo[]>
  >();
  expectTypeOf(() => control().stats({ destination: ["a"] })).returns.resolves.toEqualTypeOf<
    CeleryReplies<CeleryStats>
  >();
  expectTypeOf(() => control().revoke("id", { terminate: true, signal: "SIGKILL" })).toBeFunction();
  expectTypeOf(() => control().revokeByStamps({ tenant: ["a", 7], one: true })).toBeFunction();
  // @ts-expect-error a stamp is no object
  expectTypeOf(() => control().revokeByStamps({ tenant: {} })).toBeFunction();
  // @ts-expect-error there are two
  expectTypeOf(() => control().ping({ matcher: "regex" })).toBeFunction();
  // @ts-expect-error a broker is needed
  expectTypeOf(() => celeryControl({})).toBeFunction();
});

test("events are typed", () => {
  const events = (): ReturnType<typeof celeryEvents> => celeryEvents({ broker: connect, enable: false });
  expectTypeOf(() => events()[Symbol.asyncIterator]().next()).returns.resolves.toExtend<
    IteratorResult<CeleryEvent>
  >();
  const id = (event: CeleryEvent): string | undefined => (isTaskEvent(event) ? event.id : undefined);
  expectTypeOf(id).toBeFunction();
  // @ts-expect-error not every event is of a task
  expectTypeOf((event: CeleryEvent) => event.id).toBeFunction();
});
