/**
 * Tasks that wait for a person, in keys of the engine's own.
 *
 * @module
 */
import type { ListRequest, QueueCount } from "../../../engine.ts";
import type { Kept, KeptTask } from "../broker.ts";
import type { RedisClientLike } from "./like.ts";
import type { RedisSettings } from "./settings.ts";

export class RedisKept implements Kept {
  constructor(_client: RedisClientLike, _settings: RedisSettings) {}
  async open(): Promise<void> {}
  async put(_tasks: readonly KeptTask[]): Promise<void> {}
  async find(_id: string): Promise<KeptTask | undefined> {
    return undefined;
  }
  async list(
    _request: ListRequest,
  ): Promise<{ readonly tasks: readonly KeptTask[]; readonly next?: string }> {
    return { tasks: [] };
  }
  async counts(): Promise<readonly QueueCount[]> {
    return [];
  }
  async remove(
    _ids: readonly string[],
    _settle: (tasks: readonly KeptTask[]) => Promise<void>,
  ): Promise<number> {
    return 0;
  }
  async close(): Promise<void> {}
}
