/**
 * The SQLite engine under test: a file in a folder of its own.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqlite, type SqliteOptions } from "petiole/engine/sqlite";
import type { Engine } from "../../src/engine.ts";
import type { Json } from "../../src/message.ts";
import type { EngineStore } from "./engine-store.ts";

/** What {@link open} takes: the file, and what else `sqlite()` does. */
export interface SqliteConfig extends SqliteOptions {
  readonly file: string;
}

/** It is a part of Node. */
export const missing: string | undefined = undefined;

/** There is no server, so that what was acknowledged survives the end of any process in any case. */
export async function start(): Promise<EngineStore> {
  const folder = await mkdtemp(join(tmpdir(), "petiole-sqlite-"));
  let files = 0;
  const fresh = async (): Promise<Json> => ({ file: join(folder, `tasks-${++files}.db`) });
  return {
    config: await fresh(),
    fresh,
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** An engine on the file that a config names. */
export function open(config: Json): Engine {
  const { file, ...options } = config as unknown as SqliteConfig;
  return sqlite(file, options);
}
