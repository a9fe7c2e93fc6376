/**
 * Results on Redis, as Celery's result backend keeps them.
 *
 * @module
 */
import type { Results } from "../broker.ts";
import type { TaskEnd } from "../protocol/result.ts";
import type { RedisClientLike } from "./like.ts";
import type { RedisSettings } from "./settings.ts";

export class RedisResults implements Results {
  readonly shared = true;
  readonly replyTo = undefined;
  constructor(_client: RedisClientLike, _settings: RedisSettings) {}
  async open(): Promise<void> {}
  async store(
    _ends: readonly { readonly end: TaskEnd; readonly replyTo: string | undefined }[],
  ): Promise<void> {}
  async find(_id: string): Promise<TaskEnd | undefined> {
    return undefined;
  }
  onEnd(_id: string, _listener: () => void): () => void {
    return () => undefined;
  }
  async close(): Promise<void> {}
}
