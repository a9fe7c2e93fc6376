/**
 * Engines under test, with what they keep their tasks in: for the tests that need several processes, a server that is
 * stopped, or a connection that is cut, and for the benchmarks.
 *
 * Each module beside this one, `sqlite.ts`, `bullmq.ts`, `pg-boss.ts`, exports `missing`, `start` and `open` as
 * {@link EngineModule} says.
 */
import type { Engine } from "../../src/engine.ts";
import type { Json } from "../../src/message.ts";

/** What tasks are kept in, empty at first: a file, or a server of the test's own. */
export interface EngineStore {
  /** What `open` takes, in any process. Made anew for each `fresh`. */
  readonly config: Json;
  /** The port of the server, for a proxy before it; undefined for a file. */
  readonly port?: number;
  /** The config by which the engine reaches what another config does, through another port. */
  readonly through?: (port: number, config: Json) => Json;
  /** The process id of the server. Undefined for a file, or a server that was given by an environment variable. */
  readonly pid?: () => number;
  /** Stops the server as a crash does, SIGKILL, and starts it again on the same port and data. */
  readonly restart?: (downFor?: number) => Promise<void>;
  /** The config of another, empty one on the same server. */
  fresh(): Promise<Json>;
  /** Stops what was started and removes what was kept. */
  close(): Promise<void>;
}

/** What each engine's module exports. */
export interface EngineModule {
  /** Why it cannot be tested here; undefined where it can. */
  readonly missing: string | undefined;
  /** `durable`: what was acknowledged survives `restart`. Otherwise as fast as can be. */
  start(options?: { readonly durable?: boolean }): Promise<EngineStore>;
  /** An engine on it. Whoever opens it closes it. */
  open(config: Json): Engine;
}
