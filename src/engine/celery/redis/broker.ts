/**
 * The broker on Redis, as Kombu keeps its queues: lists of messages, and a hash of those that were taken.
 *
 * @module
 */
import type { Broker, ControlMessage, Finish, Taken, Unreadable } from "../broker.ts";
import type { CeleryMessage } from "../protocol/message.ts";
import type { RedisClientLike } from "./like.ts";
import type { RedisSettings } from "./settings.ts";

export class RedisBroker implements Broker {
  readonly name = "Redis";
  readonly atomic = true;
  constructor(_client: RedisClientLike, _settings: RedisSettings) {}
  async open(): Promise<void> {}
  async publish(_messages: readonly CeleryMessage[]): Promise<void> {}
  async take(_queues: readonly string[], _limit: number, _lease: number): Promise<readonly Taken[]> {
    return [];
  }
  async extend(_tags: readonly string[], _lease: number): Promise<readonly string[]> {
    return [];
  }
  async finish(
    _finishes: readonly Finish[],
    _before: (held: readonly boolean[]) => Promise<void>,
  ): Promise<readonly boolean[]> {
    return [];
  }
  async giveBack(_tags: readonly string[]): Promise<void> {}
  onArrival(_queues: readonly string[], _listener: () => void): () => void {
    return () => undefined;
  }
  onUnreadable(_listener: (unreadable: Unreadable) => void): void {}
  async broadcast(_message: ControlMessage): Promise<void> {}
  onBroadcast(_listener: (message: ControlMessage) => void): () => void {
    return () => undefined;
  }
  async lengths(): Promise<readonly { readonly queue: string; readonly count: number }[]> {
    return [];
  }
  async close(): Promise<void> {}
}
